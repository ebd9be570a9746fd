"""Ages and moments in docker's words. Hot."""

from __future__ import annotations

import time

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def age(seconds: float) -> str:
    """`Less than a second`, `About a minute`, `3 hours`, `2 weeks`: docker's units.HumanDuration."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole < MINUTE:
        return "1 second" if whole == 1 else f"{whole} seconds"
    if whole < HOUR:
        return "About a minute" if whole < 2 * MINUTE else f"{whole // MINUTE} minutes"
    hours = int(seconds / HOUR + 0.5)
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / DAY / 365)} years"


def ago(at: float, now: float) -> str:
    return f"{age(now - at)} ago" if at else "N/A"


def created_at(at: float) -> str:
    """`2026-01-02 15:04:05 +0100 CET`, docker's CreatedAt."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(at))


def stamp(nanoseconds: int) -> str:
    """RFC 3339 with nanoseconds, in UTC: what `logs -t` prints."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"


def local_stamp(nanoseconds: int) -> str:
    """RFC 3339 in local time as Go writes it: no zeros at the end, `Z` for UTC itself."""
    seconds, rest = divmod(nanoseconds, 10**9)
    local = time.localtime(seconds)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    zone = time.strftime("%z", local)
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + fraction + (f"{zone[:3]}:{zone[3:]}" if local.tm_gmtoff else "Z")


def microseconds(nanoseconds: int) -> str:
    """`2026-01-02 15:04:05.123456` in local time."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) + f".{rest // 1000:06d}"
