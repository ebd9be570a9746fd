"""The answer for a container is plain data."""

from __future__ import annotations

import dataclasses

import pytest

from stackup.images.manifest import ImageConfig
from stackup.images.rootfs import Rootfs


def test_a_rootfs_is_a_value_that_nobody_changes() -> None:
    one, two = (Rootfs(("/top", "/bottom"), ImageConfig(), "sha256:0") for _ in range(2))
    assert one == two
    assert one.binds == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.id = "x"  # type: ignore[misc]
