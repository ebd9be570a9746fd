"""What a lock holds must run, wherever its name leads meanwhile, without a socket once it is here; with a registry of
Debian's."""

from __future__ import annotations

import http.client
import re
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.images import registries as r
from tests.scenarios.machine import Machine
from tests.scenarios.test_pull import REGISTRY, STACK, Hand, box, put

pytestmark = [pytest.mark.host, pytest.mark.slow]
DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")


@pytest.fixture
def hand(machine: Machine, tmp_path: Path) -> Hand:
    folder = tmp_path / "pulled"
    folder.mkdir()
    (folder / "stack.yaml").write_text(STACK)
    return Hand(machine, folder)


def word(hand: Hand, **env: str) -> str:
    return hand("exec -T box cat /word", **env)[0]


def forget(digest: str) -> None:
    """At the registry."""
    connection = http.client.HTTPConnection(REGISTRY)
    connection.request("DELETE", f"/v2/team/box/manifests/{digest}")
    assert connection.getresponse().status == 202


def elsewhere(tmp_path: Path) -> dict[str, str]:
    return {"STACKUP_ROOT": str(tmp_path / "other"), "STACKUP_RUN": str(tmp_path / "other-run")}


def test_a_tag_that_moves_does_not_move_the_stack(hand: Hand, tmp_path: Path) -> None:
    """T16."""
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    assert f"+ {REGISTRY}/team/box:1\n" in hand("lock")[0]
    put(tmp_path, "second")
    other = elsewhere(tmp_path)
    hand("up -d --locked --pull always")
    assert word(hand) == "first"
    assert "Nothing to do" in hand("up -d --locked")[1]
    assert "tag moved" not in hand("plan")[0]
    asked = hand("plan --moved")[0]
    assert f'tag moved: "{REGISTRY}/team/box:1" is locked to' in asked
    assert "at its registry (box, stack.yaml:4)" in asked
    hand(f"image pull {REGISTRY}/team/box:1")
    assert "here (box, stack.yaml:4): `stackup lock --upgrade box` takes that" in hand("plan")[0]
    assert "Nothing to do" in hand("up -d")[1]
    (locked,) = DIGEST.findall((hand.folder / "stackup.lock").read_text())
    forget(locked)
    refused = hand("up -d --locked", code=1, **other)[1]
    assert "error[SU109]" in refused
    assert "stack.yaml:4" in refused
    assert "`stackup lock --upgrade box`" in refused
    assert f"~ {REGISTRY}/team/box:1\n" in hand("lock --upgrade box")[0]
    hand("up -d --locked", **other)
    assert word(hand, **other) == "second"
    hand("down", **other)
    hand("down")


def test_a_locked_stack_comes_up_without_a_socket(hand: Hand, tmp_path: Path) -> None:
    """Though its policy is to look each time: a digest does not grow old."""
    visits: list[object] = []

    class Door(ThreadingHTTPServer):
        def verify_request(self, request: object, address: object) -> bool:
            visits.append(address)
            return True

    behind = r.serve(tmp_path / "plain", 5001)
    server = Door(("127.0.0.1", 5000), type("Counting", (r.Front,), {"do_GET": lambda self: self.forward(b"")}))
    server.RequestHandlerClass.behind = behind  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    r.put_in(box(tmp_path, "first"), behind, "team/box:1")
    hand.write(STACK.replace("stop_grace", "pull_policy: always, stop_grace"))
    hand("lock")
    hand("pull --locked")
    assert visits
    visits.clear()
    hand("--offline up -d --locked")
    assert word(hand) == "first"
    hand("--offline plan")
    hand("down")
    assert not visits
    assert "offline" in hand("--offline plan --moved")[1]
    hand("plan --moved")
    assert visits


def test_bases_of_builds_stay_what_they_are(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    put(tmp_path, "tool", "2")
    (hand.folder / "Dockerfile").write_text(
        f"FROM {REGISTRY}/team/box:1\nCOPY --from={REGISTRY}/team/box:2 /word /tool\nRUN cat /word /tool > /built\n"
    )
    hand.write("name: pulled\nservices:\n  box: {build: ., stop_grace_period: 1s}\n")
    assert hand("lock")[0] == f"+ {REGISTRY}/team/box:1\n+ {REGISTRY}/team/box:2\n"
    put(tmp_path, "second")
    hand("up -d --locked")
    assert hand("exec -T box cat /built")[0] == "firsttool"
    hand(f"image pull {REGISTRY}/team/box:1")
    assert "Nothing to do" in hand("up -d")[1]
    hand("lock --upgrade")
    assert "image pulled-box  what the file says of it, or its base, changed" in hand("plan")[0]
    hand("up -d --locked")
    assert hand("exec -T box cat /built")[0] == "secondtool"
    (hand.folder / "Dockerfile").write_text(f"FROM {REGISTRY}/team/box:3\n")
    for line in ("build --locked", "up -d --locked", "create --locked", "run --locked box true", "plan --locked"):
        refused = hand(line, code=1)[1]
        assert (
            f'needs the base "{REGISTRY}/team/box:3" (Dockerfile:1), which `stackup.lock` does not have' in refused
        ), line
        assert "stack.yaml:3" in refused
    hand("down")


def test_a_lock_is_checked_without_a_registry(hand: Hand, tmp_path: Path) -> None:
    assert "error[SU110]" in hand("lock --check", code=1)[1]
    assert 'there is no "stackup.lock"' in hand("up -d --locked", code=1)[1]
    said = hand("lock", code=1)[1]
    assert "error[SU109]" in said
    assert "stack.yaml:4" in said
    (hand.folder / "stackup.lock").write_text("format: 1\nimages:\n  a:1: {digest: 'sha256:" + "a" * 64 + "'}\n")
    hand.write("services:\n  own: {image: host}\n")
    assert "a:1 is locked, and nothing needs it" in hand("lock --check", code=1)[1]
    assert hand("lock")[0] == "- a:1\n"
    hand("lock --check")
    assert "services are named to upgrade them" in hand("lock box", code=1)[1]
