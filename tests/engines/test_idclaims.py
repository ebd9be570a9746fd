"""Ranges of user ids: nobody shares one, whoever has one keeps it, and what is lost is found in the records."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin.idclaims import KEY, Claims
from stackup.layout import Layout
from stackup.runtime import record
from stackup.runtime.idmaps import SIZE
from stackup.values import Address

WEB, DB = Address("container", "web", 1), Address("container", "db", 1)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path / "state"), str(tmp_path / "run"))


def recorded(layout: Layout, stack: str, address: Address, **given: Any) -> None:
    claim = {"phase": "ready", "stack": stack, "address": str(address), "instance": "i", "spec": {}, "needs": [],
             "holds": {}, "given": given, "created_at": 0.0}  # fmt: skip
    record.write(layout.address_dir(stack, "container", address.directory), claim)


def taken(layout: Layout, stack: str, address: Address) -> int:
    """As a container's creation does it: the record is there, then the range, then the record says so."""
    recorded(layout, stack, address)
    base = Claims(layout).take(stack, address)
    recorded(layout, stack, address, **{KEY: base})
    return base


def test_everybody_has_a_range_of_his_own_and_keeps_it(layout: Layout) -> None:
    places = [("one", WEB), ("one", DB), ("two", WEB)]
    bases = [taken(layout, *place) for place in places]
    assert all(abs(a - b) >= SIZE for a in bases for b in bases if a is not b)
    assert [Claims(layout).take(*place) for place in places] == bases


def test_a_range_is_free_when_its_container_is_gone(layout: Layout) -> None:
    first = taken(layout, "one", WEB)
    second = taken(layout, "one", DB)
    Claims(layout).release("one", WEB)
    assert taken(layout, "two", WEB) == first
    shutil.rmtree(layout.address_dir("one", "container", DB.directory))  # killed between the two
    assert taken(layout, "two", DB) == second


def test_a_reboot_loses_no_range(layout: Layout) -> None:
    first = taken(layout, "one", WEB)
    shutil.rmtree(layout.run)
    other = taken(layout, "one", DB)
    assert abs(other - first) >= SIZE
    assert Claims(layout).take("one", WEB) == first


def test_the_last_one_leaves_nothing(layout: Layout) -> None:
    taken(layout, "one", WEB)
    Claims(layout).release("one", WEB)
    assert sorted(path.name for path in Path(layout.run).iterdir()) == ["host.lock"]
