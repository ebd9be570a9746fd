from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from stackup.cli.foreground import ONE_PRESS
from stackup.engines.memory.world import World
from stackup.reconcile.resource import Run
from stackup.values import Address
from tests.cli.shell import Shell

WEB = Address("container", "web", 1)
DB = Address("container", "db", 1)


def meanwhile(
    world: World, deed: Callable[[], None], *, run: Run = Run.RUNNING, deadline: float = 10.0
) -> threading.Thread:
    """Do something as soon as both containers run; the world tells of every change."""

    def act() -> None:
        with world.changed:
            ready = world.changed.wait_for(lambda: all(_run(world, who) is run for who in (WEB, DB)), deadline)
        if ready:
            deed()

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def _run(world: World, who: Address) -> Run | None:
    seen = world.stack("shop").get(who)
    return seen.run if seen else None


def test_output_is_shown_until_everything_has_ended(shell: Shell) -> None:
    world = shell.shop.host.world

    def end() -> None:
        world.write(world.stack("shop")[WEB].instance, b"hello")
        world.end("shop", WEB, 0)
        world.end("shop", DB, 3)

    meanwhile(world, end)
    answer = shell.typed("up")
    assert answer.code == 0
    assert set(answer.out.splitlines()) == {"db-1 exited with code 3", "web-1 exited with code 0", "web-1  | hello"}


def test_the_first_ctrl_c_stops_everything_in_order(shell: Shell) -> None:
    meanwhile(shell.shop.host.world, lambda: os.kill(os.getpid(), signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    answer = shell.typed("up")
    assert answer.code == 130
    assert shell.shop.running() == []
    assert "Gracefully stopping..." in answer.err
    words = [line.split("  ")[1] for line in answer.err.splitlines() if line.endswith(("Stopping", "Stopped"))]
    assert words == ["Stopping", "Stopped", "Stopping", "Stopped"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("flag", "code", "expected"),
    [
        ("--abort-on-container-exit", 4, 4),
        ("--abort-on-container-failure", 5, 5),
        ("--exit-code-from web", 6, 6),
        ("--abort-on-container-exit", 0, 0),
    ],
)
def test_one_containers_end_can_be_the_end_of_all(shell: Shell, flag: str, code: int, expected: int) -> None:
    world = shell.shop.host.world
    meanwhile(world, lambda: world.end("shop", WEB, code))
    answer = shell.typed(f"up {flag}")
    assert answer.code == expected
    assert "Aborting on container exit..." in answer.err
    assert shell.shop.running() == []


def test_the_output_of_some_can_be_left_out(shell: Shell) -> None:
    world = shell.shop.host.world

    def end() -> None:
        for who in (WEB, DB):
            world.write(world.stack("shop")[who].instance, b"words")
            world.end("shop", who, 0)

    meanwhile(world, end)
    assert "db-1" not in shell.typed("up --no-attach db").out
    meanwhile(world, end)
    assert "web-1" not in shell.typed("up --attach db --no-log-prefix").out


def test_options_of_the_foreground_are_checked(shell: Shell) -> None:
    assert "need the foreground" in shell.typed("up -d --abort-on-container-exit").err
    assert "are incompatible" in shell.typed("up --abort-on-container-exit --abort-on-container-failure").err
    for flag in ("--exit-code-from", "--attach", "--no-attach"):
        assert shell.typed(f"up {flag} nope").err.startswith("error: no such service: nope\n")
    assert shell.shop.there() == []


def test_ctrl_c_while_a_plan_is_applied_ends_what_is_under_way_and_begins_nothing(shell: Shell) -> None:
    world = shell.shop.host.world
    once = threading.Event()

    def press(what: str) -> None:
        if what == "put container/db#1" and not once.is_set():
            once.set()
            os.kill(os.getpid(), signal.SIGINT)

    world.before_write = press
    answer = shell.typed("up -d")
    assert answer.code == 130
    assert "press Ctrl-C again" in answer.err
    assert shell.shop.running() == []
    assert shell.typed("up -d").code == 0
    assert len(shell.shop.running()) == 2


@pytest.mark.slow
def test_a_second_ctrl_c_kills_what_does_not_stop(shell: Shell) -> None:
    world = shell.shop.host.world
    killed, stopping = threading.Event(), threading.Event()

    def stubborn(what: str) -> None:
        if stopping.is_set() and what == "put container/web#1":
            threading.Thread(target=press_again, daemon=True).start()
            with world.changed:
                world.changed.wait_for(lambda: len(world.signals) == 2, 10)

    def press_again() -> None:
        killed.wait(ONE_PRESS + 0.1)  # nobody sets it: the time that makes another key press of it
        os.kill(os.getpid(), signal.SIGINT)

    def press() -> None:
        stopping.set()
        os.kill(os.getpid(), signal.SIGINT)

    world.before_write = stubborn
    meanwhile(world, press)
    assert shell.typed("up").code == 130
    assert world.signals == [("shop-db-1", "SIGKILL"), ("shop-web-1", "SIGKILL")]
