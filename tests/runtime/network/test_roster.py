from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from stackup.runtime.network import dns, roster
from stackup.runtime.network.roster import Roster


def member(address: str, *names: str, up: bool = True) -> Any:
    return {"address": address, "names": list(names), "up": up}


def found(names: Roster, name: str) -> list[str]:
    return [socket.inet_ntoa(record[-4:]) for record in names.find(dns.wire(name))]


@pytest.fixture
def names_file(tmp_path: Path) -> str:
    return str(tmp_path / "names.json")


def test_a_roster_follows_its_file(names_file: str) -> None:
    names = Roster(names_file)
    names.refresh()
    assert found(names, "web") == []
    roster.change(names_file, "default", {"container/web#1": member("10.0.0.2", "shop-web-1", "web")})
    names.refresh()
    assert found(names, "web") == found(names, "shop-web-1") == found(names, "web.default") == ["10.0.0.2"]
    roster.change(names_file, "default", {"container/web#2": member("10.0.0.3", "shop-web-2", "web")})
    names.refresh()
    assert found(names, "web") == ["10.0.0.2", "10.0.0.3"]
    assert names.owner("10.0.0.3") == dns.wire("shop-web-2.default")
    roster.remove(names_file)
    names.refresh()
    assert found(names, "web") == []


def test_who_is_down_is_not_found_and_comes_back(names_file: str) -> None:
    roster.change(names_file, "default", {"a": member("10.0.0.2", "web"), "b": member("10.0.0.3", "web")})
    names = Roster(names_file)
    roster.set_up(names_file, "default", "a", False)
    names.refresh()
    assert found(names, "web") == ["10.0.0.3"]
    roster.set_up(names_file, "default", "a", True)
    roster.set_up(names_file, "default", "nobody", True)
    names.refresh()
    assert found(names, "web") == ["10.0.0.2", "10.0.0.3"]


def test_a_change_that_changes_nothing_writes_nothing(names_file: str) -> None:
    roster.change(names_file, "default", {"a": member("10.0.0.2", "web")})
    before = Path(names_file).stat().st_ino, Path(names_file).stat().st_mtime_ns
    roster.change(names_file, "default", {"a": member("10.0.0.2", "web"), "b": None})
    assert (Path(names_file).stat().st_ino, Path(names_file).stat().st_mtime_ns) == before
    roster.change(names_file, "default", {"a": None})
    assert roster.read(names_file) == {}


def test_a_name_that_dns_cannot_say_is_passed_over(names_file: str) -> None:
    roster.change(names_file, "default", {"a": member("10.0.0.2", "x" * 70, "web")})
    names = Roster(names_file)
    names.refresh()
    assert found(names, "web") == ["10.0.0.2"]
