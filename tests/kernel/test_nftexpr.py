from __future__ import annotations

import pytest

from stackup.kernel import nftables, nftexpr
from stackup.kernel.netlink import attributes
from stackup.runtime.network import rules


def words(encoded: bytes) -> list[str]:
    return [dict(attributes(body))[1].rstrip(b"\0").decode() for _, body in attributes(encoded)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ((("iif_in", "uplinks"), ("accept",)), ["meta", "lookup", "immediate"]),
        ((("dnat_map", "published", True),), ["payload", "meta", "payload", "lookup", "nat"]),
        ((("destination_local",), ("dnat_map", "published")), ["fib", "cmp", "meta", "payload", "lookup", "nat"]),
        ((("known",), ("drop",)), ["ct", "bitwise", "cmp", "immediate"]),
        ((("dnat", "10.0.0.1", 53),), ["immediate", "immediate", "nat"]),
        ((("dnat", "10.0.0.1"),), ["immediate", "nat"]),
        ((("masquerade",),), ["masq"]),
    ],
)
def test_a_rule_is_the_expressions_that_nft_would_use(rule: nftexpr.Rule, expected: list[str]) -> None:
    assert words(nftexpr.encode(rule)) == expected


def test_every_rule_of_ours_can_be_encoded() -> None:
    tables = [
        rules.host_table(closed=True),
        rules.network_table("10.0.0.1", "10.1.0.0"),
        rules.NETWORK_MEMBERS,
        rules.CONTAINER,
    ]
    used = {str(word) for table in tables for chain in table.chains for rule in chain.rules for word, *_ in rule}
    assert used <= set(nftexpr.EXPRESSIONS)
    for table in tables:
        assert all(request.body for request in nftables.whole(table))
