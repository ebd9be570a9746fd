"""Is something mounted there? A bind within one file system is the case that devices do not tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackup.kernel import calls, mounts
from stackup.kernel.abi import MS_BIND

pytestmark = pytest.mark.host


def test_only_a_mount_is_one(own_host: None, tmp_path: Path) -> None:
    place, other, link = tmp_path / "place", tmp_path / "other", tmp_path / "link"
    place.mkdir()
    other.mkdir()
    link.symlink_to(place)
    assert not mounts.is_mount(str(place))
    calls.mount(str(other), str(place), "", MS_BIND)
    calls.mount("tmpfs", str(place), "tmpfs", 0)
    assert mounts.is_mount(str(place))
    assert not mounts.is_mount(str(link))
    assert not mounts.is_mount(str(tmp_path / "none"))
    mounts.detach(str(place))
    assert not mounts.is_mount(str(place))
