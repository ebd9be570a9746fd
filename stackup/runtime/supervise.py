"""What to do when a container ended, as pure functions of what is known: no clock, no descriptor, no process.

Hot. Docker's rules: 100 ms doubling to a minute between restarts, forgotten after ten seconds up; `on-failure` counts
its attempts; whoever was asked to stop stays stopped.
"""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 60.0
STEADY_S = 10.0
SECOND = 1_000_000_000


def restart_delay(restart: Mapping[str, int | str], *, exit_code: int, attempts: int, delay: float) -> float | None:
    """Seconds to wait before the next start, or None when the container stays down.

    `attempts` counts restarts so far, `delay` is what was waited last (0 after a steady run).
    """
    policy = str(restart.get("policy") or "no")
    if policy == "no" or policy not in {"always", "unless-stopped", "on-failure"}:
        return None
    if policy == "on-failure":
        most = int(restart.get("attempts") or 0)
        if exit_code == 0 or (most and attempts >= most):
            return None
    fixed = int(restart.get("delay") or 0)
    if fixed:
        return fixed / SECOND
    return min(LONGEST_DELAY_S, delay * 2 if delay else FIRST_DELAY_S)


def steady_after(restart: Mapping[str, int | str]) -> float:
    """How many seconds up make a start a success, so that back-off and attempts begin anew."""
    window = int(restart.get("window") or 0)
    return window / SECOND if window else STEADY_S


def exit_code(si_code: int, si_status: int) -> int:
    """The shell's number: the program's own, or 128+n for signal n. waitid(2): CLD_EXITED is 1."""
    return si_status if si_code == 1 else 128 + si_status


def signal_number(name: int | str | None, default: int = signal.SIGTERM) -> int:
    """`SIGTERM`, `TERM`, `15`, `RTMIN+3`; raises ValueError with the name quoted."""
    text = str(name or "").strip().upper()
    if not text:
        return int(default)
    if text.isdigit():
        number = int(text)
        if 0 < number <= signal.SIGRTMAX:
            return number
        raise ValueError(f'"{name}" is not a signal')
    text = text.removeprefix("SIG")
    if text.startswith(("RTMIN+", "RTMAX-")) and text[6:].isdigit():
        start, sign = (signal.SIGRTMIN, 1) if text[3:5] == "IN" else (signal.SIGRTMAX, -1)
        number = int(start) + sign * int(text[6:])
        if signal.SIGRTMIN <= number <= signal.SIGRTMAX:
            return number
    found = getattr(signal, f"SIG{text}", None)
    if found is None or text.startswith("_"):
        raise ValueError(f'"{name}" is not a signal')
    return int(found)


def signal_name(number: int) -> str:
    """`SIGTERM` for 15; real-time signals by their number."""
    for name in dir(signal):
        if name.startswith("SIG") and not name.startswith("SIG_") and getattr(signal, name) == number:
            return name
    return f"signal {number}"
