"""What moves a monitor: no clock that can be set, nothing at all while nothing happens, a log that somebody deleted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stackup.kernel import proc
from stackup.runtime.loop import Loop
from tests.conftest import OwnHost
from tests.runtime.stage import FOREVER, SECOND, Stage


def test_a_jump_of_the_wall_clock_moves_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, fired = Loop(), []
    began = time.monotonic()
    for name, seconds in (("first", 0.05), ("second", 0.1)):
        loop.after(name, seconds, lambda: fired.append(time.monotonic() - began))
    real = time.time
    for jump in (-86_400, 86_400):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        loop.turn(1)
    loop.close()
    assert len(fired) == 2
    assert 0.05 <= fired[0] < fired[1]
    assert fired[1] >= 0.1


def switches(pid: int) -> int:
    return int(proc.status(pid)["voluntary_ctxt_switches"])


@pytest.mark.host
def test_an_idle_container_wakes_its_monitor_never(own_host: OwnHost, tmp_path: Path) -> None:
    """Also with a health check, of which the next one is far away."""
    stage = Stage(tmp_path)
    check = {"test": ["CMD", "true"], "interval": 600 * SECOND, "timeout": SECOND, "retries": 3, "start_period": 0,
             "start_interval": 600 * SECOND}  # fmt: skip
    made = [stage.shell("plain", FOREVER), stage.shell("checked", FOREVER, health=check)]
    pids = [container.first["monitor"]["pid"] for container in made]
    time.sleep(0.3)
    before = [switches(pid) for pid in pids]
    time.sleep(2)
    assert [switches(pid) for pid in pids] == before


@pytest.mark.host
def test_a_log_that_is_deleted_under_a_container_is_written_anew(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1; done")
    container.line(b"line 3")
    folder = Path(container.state_dir)
    (folder / "log.1").unlink()
    container.line(b"line 9")
    assert [path.name for path in folder.glob("log*")] == ["log.2"]
    assert b"line 1\n" not in (folder / "log.2").read_bytes()
    assert container.status["state"] == "running"
    container.stop(grace=0)
