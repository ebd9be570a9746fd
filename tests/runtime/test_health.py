"""The health of a container as a table of probes, and its clockwork over a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackup.runtime import health as rules
from stackup.runtime.description import Health, HealthStatus, Probe
from tests.host.conftest import OwnHost
from tests.runtime.stage import DEADLINE_S, FOREVER, Container, Stage

SECOND = rules.SECOND


def settings(*test: str, **changes: int) -> Health:
    plain = {"test": list(test or ("CMD", "true")), "interval": 10 * SECOND, "timeout": SECOND, "retries": 3,
             "start_period": 0, "start_interval": 0}  # fmt: skip
    return {**plain, **changes}  # type: ignore[typeddict-item, return-value]


def probe(code: int) -> Probe:
    return {"start": 0.0, "end": 1.0, "exit_code": code, "output": ""}


def after(health: Health, *probes: tuple[float, int]) -> list[tuple[str, int]]:
    """(status, failing) after each (seconds up, exit code)."""
    now: HealthStatus = rules.starting()
    seen: list[tuple[str, int]] = []
    for up_s, code in probes:
        now = rules.judge(health, now, probe(code), up_s)
        seen.append((now["status"], now["failing"]))
    return seen


def test_the_first_success_makes_it_healthy_at_once() -> None:
    assert after(settings(), (0.0, 0)) == [("healthy", 0)]


def test_probes_before_the_first_interval_cannot_make_it_unhealthy() -> None:
    assert after(settings(retries=1), (0.0, 1), (5.0, 1), (9.9, 1), (10.0, 1)) == [
        ("starting", 0), ("starting", 0), ("starting", 0), ("unhealthy", 1),
    ]  # fmt: skip


def test_a_start_period_is_lenient_until_the_first_success() -> None:
    health = settings(start_period=60 * SECOND, retries=2)
    assert after(health, (30.0, 1), (40.0, 0), (50.0, 1), (55.0, 1)) == [
        ("starting", 0), ("healthy", 0), ("healthy", 1), ("unhealthy", 2),
    ]  # fmt: skip


def test_one_success_heals() -> None:
    assert after(settings(retries=1), (20.0, 1), (30.0, 0), (40.0, rules.TIMED_OUT)) == [
        ("unhealthy", 1), ("healthy", 0), ("unhealthy", 1),
    ]  # fmt: skip


def test_five_probes_are_kept() -> None:
    now = rules.starting()
    for code in range(9):
        now = rules.judge(settings(), now, probe(code), 100.0)
    assert [kept["exit_code"] for kept in now["log"]] == [4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("status", "up_s", "last", "wanted"),
    [
        ("starting", 0.1, 0.0, 0.25),
        ("starting", 1.0, 0.25, 0.5),
        ("starting", 9.0, 4.0, 5.0),
        ("starting", 11.0, 5.0, 10.0),
        ("healthy", 1.0, 0.25, 10.0),
        ("unhealthy", 100.0, 10.0, 10.0),
    ],
)
def test_probes_come_quickly_until_it_is_up(status: str, up_s: float, last: float, wanted: float) -> None:
    now: HealthStatus = {"status": status, "failing": 0, "log": []}  # type: ignore[typeddict-item]
    assert rules.pause(settings(), now, up_s, last) == wanted


@pytest.mark.parametrize(
    ("test", "command"),
    [(["CMD", "a", "b"], ["a", "b"]), (["CMD-SHELL", "a | b"], ["/bin/sh", "-c", "a | b"]), (["NONE"], []), ([], [])],
)
def test_what_a_probe_runs(test: list[str], command: list[str]) -> None:
    assert rules.command({**settings(), "test": test}) == command
    assert rules.command(None) == []


def until(container: Container, wanted: str) -> HealthStatus:
    for status in container.client.watch(limit_s=DEADLINE_S):
        if status["health"] and status["health"]["status"] == wanted:
            return status["health"]
    raise AssertionError(f"never {wanted}: {container.status}")


@pytest.mark.host
def test_a_container_becomes_healthy_as_soon_as_it_is(own_host: OwnHost, tmp_path: Path) -> None:
    health = settings("CMD-SHELL", "echo seen; test -e /tmp/ready")
    container = Stage(tmp_path).shell("web", f"sleep 0.3; touch /tmp/ready; {FOREVER}", health=health)
    found = until(container, "healthy")
    assert [kept["exit_code"] for kept in found["log"]][-2:] == [1, 0]
    assert found["log"][-1]["output"] == "seen\n"
    assert found["log"][-1]["end"] - container.first["started_at"] < 5


@pytest.mark.host
def test_a_probe_that_hangs_is_killed_with_what_it_started(own_host: OwnHost, tmp_path: Path) -> None:
    health = settings("CMD-SHELL", "sleep 1000", timeout=SECOND // 5, interval=SECOND // 10, retries=1)
    container = Stage(tmp_path).shell("web", FOREVER, health=health)
    found = until(container, "unhealthy")
    assert found["log"][-1]["exit_code"] == rules.TIMED_OUT
    assert "longer than 0.2s" in found["log"][-1]["output"]


@pytest.mark.host
def test_a_probe_that_talks_too_much_keeps_4_kib(own_host: OwnHost, tmp_path: Path) -> None:
    health = settings("CMD-SHELL", "dd if=/dev/zero bs=1000 count=1000 2>/dev/null")
    container = Stage(tmp_path).shell("web", FOREVER, health=health)
    assert len(until(container, "healthy")["log"][-1]["output"]) == rules.KEPT_OUTPUT


@pytest.mark.host
def test_a_probe_that_does_not_exist_says_so(own_host: OwnHost, tmp_path: Path) -> None:
    health = settings("CMD", "/bin/absent", interval=SECOND // 10, retries=1)
    found = until(Stage(tmp_path).shell("web", FOREVER, health=health), "unhealthy")
    assert found["log"][-1]["exit_code"] == 127
    assert "no such file" in found["log"][-1]["output"]
