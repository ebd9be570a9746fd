"""Hooks in a real container: their order, their output, what a failing one stops, and that none outlives the container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackup.errors import StackupError
from tests.conftest import OwnHost
from tests.runtime.box import process
from tests.runtime.stage import DEADLINE_S, FOREVER, Container, Stage

pytestmark = pytest.mark.host


def shell(*scripts: str) -> list[Any]:
    return [process("sh", "-c", script) for script in scripts]


def hooked(container: Container, *scripts: str) -> dict[str, Any]:
    return container.client.request({"do": "hooks", "hooks": shell(*scripts)}, limit_s=DEADLINE_S)


def test_hooks_run_one_after_the_other_and_write_to_the_log(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", FOREVER)
    assert hooked(container, "sleep 0.1; echo one", "echo two >&2", "printf three") == {"done": True}
    assert container.output(b"hooks ") == b"one\ntwo\nthree"
    assert container.output() == b"up\n"


def test_the_first_that_fails_ends_the_list_and_is_named(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", FOREVER)
    with pytest.raises(StackupError) as failed:
        hooked(container, "true", "echo why; exit 7", "echo never")
    assert failed.value.message == 'post_start hook 2 of "web" exited with status 7'
    assert container.output(b"hooks ") == b"why\n"
    with pytest.raises(StackupError, match="nosuch"):
        container.client.request({"do": "hooks", "hooks": [process("nosuch")]})
    assert container.status["state"] == "running"


def test_a_stop_comes_after_its_hooks_and_is_called_off_by_one_that_fails(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", FOREVER)
    with pytest.raises(StackupError, match="pre_stop hook 1"):
        container.stop(hooks=shell("exit 3"))
    assert container.status["state"] == "running"
    assert not container.status["stopped"]
    assert container.stop(hooks=shell("echo leaving")) == {"exit": 0}
    assert container.output(b"hooks ") == b"leaving\n"


def test_a_container_that_ends_under_its_hooks_is_a_stopped_one(own_host: OwnHost, tmp_path: Path) -> None:
    container = Stage(tmp_path).shell("web", "echo up; sleep 0.3; exit 6")
    container.line(b"up")
    assert container.stop(hooks=shell("sleep 1000")) == {"exit": 6}
    assert (container.status["state"], container.status["exit_code"]) == ("exited", 6)


def test_a_container_that_does_not_run_has_no_hooks(own_host: OwnHost, tmp_path: Path) -> None:
    restart = {"policy": "always", "attempts": 0, "delay": 3600 * 10**9, "window": 0}
    container = Stage(tmp_path).shell("web", "exit 4", restart=restart)
    container.until("restarting")
    with pytest.raises(StackupError, match="not running"):
        hooked(container, "true")
    assert container.stop(hooks=shell("echo never")) == {"exit": 4}
