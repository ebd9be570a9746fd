from __future__ import annotations

import pytest

from stackup.runtime.network.attachments import Wanted, gateway, place


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ""),
        ({"b": Wanted(internal=False), "a": Wanted(internal=False)}, "a"),
        ({"a": Wanted(internal=True), "b": Wanted(internal=False)}, "b"),
        ({"a": Wanted(internal=False), "b": Wanted(internal=True, gw_priority=1)}, "b"),
        ({"a": Wanted(internal=False, gw_priority=-1), "b": Wanted(internal=True)}, "b"),
    ],
)
def test_the_gateway_network(wanted: dict[str, Wanted], expected: str) -> None:
    assert gateway(wanted) == expected


def test_one_network_needs_no_table_of_its_own() -> None:
    placed = place({"default": Wanted(internal=False)})["default"]
    assert (placed.link, placed.default, placed.table) == ("eth0", True, 0)


def test_interfaces_follow_priority_then_name_and_each_has_its_table() -> None:
    placed = place(
        {
            "back": Wanted(internal=True),
            "front": Wanted(internal=False, priority=10),
            "mid": Wanted(internal=False, interface="eth0"),
        }
    )
    assert {name: (one.link, one.default, one.table) for name, one in placed.items()} == {
        "front": ("eth1", True, 100),
        "back": ("eth2", False, 101),
        "mid": ("eth0", False, 102),
    }
