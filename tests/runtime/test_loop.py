"""The monitor's loop: descriptors, alarms by name, and callbacks that change both."""

from __future__ import annotations

import os
import time

from stackup.runtime.loop import Loop


def test_alarms_fire_once_in_time_and_may_be_replaced_or_cancelled() -> None:
    loop, seen = Loop(), []
    loop.after("a", 0.02, lambda: seen.append("a"))
    loop.after("b", 0.0, lambda: seen.append("never"))
    loop.after("b", 0.01, lambda: seen.append("b"))
    loop.after("c", 0.0, lambda: seen.append("never"))
    loop.cancel("c")
    deadline = time.monotonic() + 5
    while len(seen) < 2 and time.monotonic() < deadline:
        loop.turn(1.0)
    loop.turn(0.0)
    assert seen == ["b", "a"]
    loop.close()


def test_a_callback_may_drop_another_that_is_ready_too() -> None:
    loop, seen = Loop(), []
    pipes = [os.pipe() for _ in range(2)]

    def once(fd: int) -> None:
        seen.append(fd)
        for reading, _ in pipes:
            loop.drop(reading)

    for reading, writing in pipes:
        loop.add(reading, once)
        os.write(writing, b"x")
    loop.turn(1.0)
    loop.turn(0.0)
    assert len(seen) == 1
    for pair in pipes:
        for fd in pair:
            os.close(fd)
    loop.close()


def test_an_alarm_that_sets_itself_again_does_not_starve_descriptors() -> None:
    loop, seen = Loop(), []
    reading, writing = os.pipe()

    def again() -> None:
        loop.after("again", 0.0, again)

    again()
    loop.add(reading, lambda fd: seen.append(os.read(fd, 1)))
    os.write(writing, b"x")
    for _ in range(3):
        loop.turn(1.0)
    assert seen == [b"x"]
    os.close(reading)
    os.close(writing)
    loop.close()
