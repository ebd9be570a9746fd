"""`security_opt: apparmor=NAME` on a kernel that runs AppArmor: the program and what `exec` starts are under it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vm.inside.whole import Whole, shell

PROFILE = """
profile stackup-try flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  capability,
  signal,
  deny /srv/closed/** w,
}
"""
STACK = """
name: walls
services:
  web:
    image: host
    init: true
    security_opt: ["apparmor=stackup-try"]
    command: [sh, -c, "cat /proc/self/attr/current; echo x > /srv/closed/a; echo x > /srv/open; exec sleep 600"]
    tmpfs: [/srv/closed]
  free:
    image: host
    init: true
    command: [sleep, "600"]
"""


@pytest.fixture
def profile(tmp_path: Path) -> None:
    file = tmp_path / "profile"
    file.write_text(PROFILE)
    shell(f"apparmor_parser --replace --skip-cache {file}")


def test_a_profile_holds_the_program_and_what_is_started_beside_it(whole: Whole, profile: None) -> None:
    whole.write(STACK)
    assert "apparmor" not in whole.told("up", "-d")
    logs = whole.stackup("logs", "web")
    assert "stackup-try (enforce)" in logs
    assert "/srv/closed/a: Permission denied" in logs
    assert "/srv/open" not in logs
    inside = ("exec", "-T", "web", "sh", "-c")
    assert whole.stackup(*inside, "cat /proc/self/attr/current").strip() == "stackup-try (enforce)"
    assert "Permission denied" in whole.told(*inside, "echo x > /srv/closed/b", code=2)
    free = whole.stackup("exec", "-T", "free", "cat", "/proc/self/attr/current").strip()
    assert free == "unconfined"
    whole.stackup("plan", "--detailed-exitcode", code=0)


def test_a_profile_that_is_not_loaded_is_named_and_nothing_starts(whole: Whole) -> None:
    whole.write(STACK.replace("stackup-try", "nobodys"))
    told = whole.told("up", "-d", code=1)
    assert 'the AppArmor profile "nobodys" is not loaded' in told
    assert "apparmor_parser --replace" in told
    assert "walls-web-1" not in whole.stackup("ps", "--format", "{{.Names}}")
