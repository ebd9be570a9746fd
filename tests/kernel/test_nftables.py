from __future__ import annotations

from stackup.kernel import nftables
from stackup.kernel.nftables import Set, Table
from stackup.kernel.nftkeys import ADDRESS, LINK, PORT, PROTOCOL

TABLE = Table(nftables.IP, "t", (Set("m", (PROTOCOL, PORT), (ADDRESS, PORT)), Set("s", (LINK,))), ())


def test_elements_are_split_so_that_no_list_is_too_long() -> None:
    many = [(("tcp", port), ("10.0.0.1", port)) for port in range(1, 1301)]
    assert len(nftables.add_elements(TABLE, "m", many)) == 3
    assert nftables.add_elements(TABLE, "m", []) == []
    assert nftables.delete_elements(TABLE, "s", [("eth0",)])[0].subject == "s"


def test_a_whole_table_replaces_its_rules_and_keeps_its_sets() -> None:
    told = [request.what for request in nftables.whole(TABLE)]
    assert told == ["add nftables table", "add nftables set", "add nftables set", "flush nftables rules of"]
