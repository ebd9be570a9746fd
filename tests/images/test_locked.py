"""What a lock holds names to must be something that the store resolves, and only names that can move are held."""

from __future__ import annotations

import pytest

from stackup.images.locked import Content, Locked, movable, platform_of
from stackup.images.reference import parse

DIGEST = "sha256:" + "a" * 64
IMAGE = "sha256:" + "b" * 64
LOCKED = Locked(
    {
        "docker.io/library/nginx:latest": Content(DIGEST, {"linux/amd64": IMAGE}),
        "docker.io/library/made:1": Content("", {"linux/arm64": IMAGE, platform_of(""): IMAGE}),
    },
    own=frozenset({"docker.io/library/built:latest"}),
)


def test_a_digest_holds_on_every_platform() -> None:
    pinned = LOCKED.pinned("nginx")
    assert (
        pinned == LOCKED.pinned("docker.io/nginx:latest", "linux/s390x") == f"docker.io/library/nginx:latest@{DIGEST}"
    )
    assert parse(pinned or "").digest == DIGEST


def test_what_no_registry_knows_is_held_to_an_image_of_its_platform() -> None:
    assert LOCKED.pinned("made:1", "arm64") == IMAGE
    assert LOCKED.pinned("made:1", "linux/s390x") is None


def test_what_cannot_move_and_what_is_built_here_is_itself() -> None:
    for text in ("host", IMAGE, "b" * 64, f"nginx@{DIGEST}", f"nginx:1@{DIGEST}", "built", "NOT A NAME"):
        assert LOCKED.pinned(text) == text


def test_other_names_are_not_locked() -> None:
    assert LOCKED.pinned("nginx:1") is None
    assert LOCKED.content("nginx:1") is None
    assert LOCKED.content("nginx") == Content(DIGEST, {"linux/amd64": IMAGE})


@pytest.mark.parametrize("text", ["", "sha256:abc", "a@sha256:abc", "..", "host"])
def test_what_is_no_name_moves_nowhere(text: str) -> None:
    assert movable(text) is None


def test_all_of_this_machine() -> None:
    assert LOCKED.all_pinned() == {
        "docker.io/library/made:1": IMAGE,
        "docker.io/library/nginx:latest": f"docker.io/library/nginx:latest@{DIGEST}",
    }
