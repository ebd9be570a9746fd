from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stackup.errors import HostError
from stackup.runtime.network import pools
from stackup.runtime.network.pools import Wish


def test_the_lowest_free_subnet_is_chosen_beside_what_is_taken_and_routed() -> None:
    assert pools.choose_subnet(pools.blocks(["default"])) == "10.192.0.0/22"
    assert pools.choose_subnet(pools.blocks(["10.192.0.0/22", "10.192.8.0/24"])) == "10.192.4.0/22"
    assert pools.choose_subnet(pools.blocks(["10.192.0.0/14", "10.192.7.0/24"])) == "10.196.0.0/22"
    assert pools.choose_subnet(pools.blocks(["10.192.0.7/32"])) == "10.192.4.0/22"


def test_a_route_to_everything_private_leaves_nothing_to_choose() -> None:
    assert pools.choose_subnet(pools.blocks(["10.0.0.0/8"])) == "172.16.0.0/22"
    assert pools.choose_uplink(pools.blocks(["10.0.0.0/8", "172.31.192.0/19"])) == ("172.31.224.0", "172.31.224.1")
    with pytest.raises(
        HostError, match=r"no /22 is left in 10\.192.*, 192\.168\.0\.0/16: networks and routes"
    ) as caught:
        pools.choose_subnet(pools.blocks(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]))
    assert "subnet" in caught.value.hint


def test_a_thousand_networks_get_a_subnet_and_an_uplink_each() -> None:
    subnets = [f"10.{192 + n // 64}.{n % 64 * 4}.0/22" for n in range(1000)]
    assert pools.choose_subnet(pools.blocks(subnets)) == "10.207.160.0/22"
    subnets += [f"10.207.{160 + n * 4}.0/22" for n in range(24)]
    assert pools.choose_subnet(pools.blocks(subnets)) == "172.16.0.0/22"
    uplinks = [f"10.208.{n // 128}.{n % 128 * 2}/31" for n in range(1000)]
    assert pools.choose_uplink(pools.blocks(uplinks)) == ("10.208.7.208", "10.208.7.209")


def test_an_overlap_names_the_other() -> None:
    with pytest.raises(HostError, match=r'the subnet "10\.5\.0\.0/16" overlaps "10\.5\.7\.0/24" of network "a"'):
        pools.check_subnet(
            "10.5.0.0/16",
            pools.blocks(["10.4.0.0/24", "10.5.7.0/24"]),
            {pools.bounds("10.5.7.0/24"): '"10.5.7.0/24" of network "a"'}.__getitem__,
        )


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/24", "ten/8", "10.0.0.0/x", "::/64"])
def test_what_is_no_subnet_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=f'"{text}"'):
        pools.bounds(text)


def test_named_addresses_come_first_then_kept_ones_then_the_lowest() -> None:
    wishes = {"a": Wish(), "b": Wish(had="10.0.0.9"), "c": Wish(static="10.0.0.2"), "d": Wish(had="10.0.0.2")}
    assert pools.choose_addresses("10.0.0.0/24", wishes, taken=["10.0.0.1"]) == {
        "a": "10.0.0.3",
        "b": "10.0.0.9",
        "c": "10.0.0.2",
        "d": "10.0.0.4",
    }


def test_a_range_bounds_what_is_chosen_but_not_what_is_named() -> None:
    wishes = {"a": Wish(), "b": Wish(static="10.0.0.200"), "c": Wish(had="10.0.0.3")}
    chosen = pools.choose_addresses("10.0.0.0/24", wishes, ip_range="10.0.0.64/26")
    assert chosen == {"a": "10.0.0.64", "b": "10.0.0.200", "c": "10.0.0.65"}


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"a": Wish(static="10.0.1.2")}, '"10.0.1.2" of "a" is outside "10.0.0.0/29"'),
        ({"a": Wish(static="10.0.0.1")}, '"10.0.0.1" of "a" is taken by something else'),
        ({"a": Wish(static="10.0.0.2"), "b": Wish(static="10.0.0.2")}, '"10.0.0.2" of "b" is taken by a'),
        ({str(n): Wish() for n in range(6)}, 'no address is left in "10.0.0.0/29" for "5"'),
    ],
)
def test_what_cannot_be_had_is_said(wishes: dict[str, Wish], said: str) -> None:
    with pytest.raises(HostError, match=said):
        pools.choose_addresses("10.0.0.0/29", wishes, taken=["10.0.0.1"])


@given(some.sets(some.integers(0, 60), max_size=40), some.sets(some.text("abc", min_size=1, max_size=4), max_size=20))
def test_choices_are_distinct_and_stay(taken: set[int], keys: set[str]) -> None:
    used = [f"10.0.0.{last}" for last in taken]
    chosen = pools.choose_addresses("10.0.0.0/24", {key: Wish() for key in keys}, taken=used)
    assert len(set(chosen.values()) | set(used)) == len(keys) + len(used)
    again = pools.choose_addresses("10.0.0.0/24", {key: Wish(had=had) for key, had in chosen.items()}, taken=used)
    assert again == chosen


def test_a_mac_is_local_and_unicast_and_made_of_the_address() -> None:
    assert pools.mac_of("10.192.0.2") == "02:75:0a:c0:00:02"
