"""The lines of a map: the owner is root inside, and the host's root is nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.runtime.idmaps import subordinate, swapped


@pytest.mark.parametrize("owner", [1, 2, 1000, 2**32 - 3])
def test_everybody_but_root_stays_who_he_is(owner: int) -> None:
    lines = swapped(owner)
    assert (owner, 0, 1) in lines
    assert all(inner in (outer, owner) for inner, outer, _ in lines)
    assert not any(inner <= 0 < inner + count for inner, _, count in lines), (
        "no file of the host's root is seen as such"
    )
    assert sum(count for _, _, count in lines) == 2**32 - 2
    assert all(count > 0 for _, _, count in lines)


def test_roots_group_stays_where_only_the_user_is_another() -> None:
    assert swapped(0) == [(0, 0, 2**32 - 1)]


def test_subordinate_ids_come_after_the_owner_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "subuid"
    file.write_text("7777777:100:10\nother:500:10\n7777777:900:5\nbroken\n7777777:x:y\n")
    assert subordinate(str(file), 7777777) == [(7777777, 0, 1), (100, 1, 10), (900, 11, 5)]
    assert subordinate(str(file), 42, 7777777)[0] == (42, 0, 1)
    with pytest.raises(HostError, match="user 8888888 has no ids"):
        subordinate(str(file), 8888888)
