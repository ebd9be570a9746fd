"""Restart policies and signal names, as tables."""

from __future__ import annotations

import signal

import pytest

from stackup.runtime import supervise

SECOND = supervise.SECOND


def policy(name: str, **changes: int) -> dict[str, int | str]:
    return {"policy": name, "attempts": 0, "delay": 0, "window": 0, **changes}


@pytest.mark.parametrize(
    ("restart", "exit_code", "attempts", "delay", "wanted"),
    [
        (policy("no"), 1, 0, 0.0, None),
        ({}, 1, 0, 0.0, None),
        (policy("always"), 0, 0, 0.0, 0.1),
        (policy("unless-stopped"), 0, 7, 0.1, 0.2),
        (policy("always"), 1, 50, 51.2, 60.0),
        (policy("always"), 1, 50, 60.0, 60.0),
        (policy("on-failure"), 0, 0, 0.0, None),
        (policy("on-failure"), 1, 99, 0.4, 0.8),
        (policy("on-failure", attempts=3), 1, 2, 0.2, 0.4),
        (policy("on-failure", attempts=3), 1, 3, 0.4, None),
        (policy("always", delay=5 * SECOND), 1, 3, 5.0, 5.0),
    ],
)
def test_when_a_container_comes_back(
    restart: dict[str, int | str], exit_code: int, attempts: int, delay: float, wanted: float | None
) -> None:
    assert supervise.restart_delay(restart, exit_code=exit_code, attempts=attempts, delay=delay) == wanted


def test_the_back_off_doubles_up_to_a_minute() -> None:
    delay, seen = 0.0, []
    for _ in range(12):
        delay = supervise.restart_delay(policy("always"), exit_code=1, attempts=0, delay=delay) or -1
        seen.append(delay)
    assert seen[:4] == [0.1, 0.2, 0.4, 0.8]
    assert seen[-1] == 60.0


def test_a_window_says_when_a_start_has_worked() -> None:
    assert supervise.steady_after(policy("always")) == 10
    assert supervise.steady_after(policy("always", window=2 * SECOND)) == 2


@pytest.mark.parametrize(
    ("name", "number"),
    [("SIGTERM", 15), ("term", 15), ("9", 9), (2, 2), ("", 15), (None, 15), ("SIGRTMIN+3", signal.SIGRTMIN + 3), ("RTMAX-1", signal.SIGRTMAX - 1)],
)  # fmt: skip
def test_signals_by_any_name(name: str | int | None, number: int) -> None:
    assert supervise.signal_number(name) == number


@pytest.mark.parametrize("name", ["SIGNOPE", "0", "99", "_DFL", "RTMIN+99", "-1"])
def test_what_is_no_signal_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f'"{name}" is not a signal'.replace("+", r"\+")):
        supervise.signal_number(name)


def test_exit_codes_are_the_shells() -> None:
    assert supervise.exit_code(1, 7) == 7
    assert supervise.exit_code(2, 9) == 137
    assert supervise.exit_code(3, 11) == 139


def test_a_signals_name() -> None:
    assert supervise.signal_name(15) == "SIGTERM"
