"""How long a server asks to be left alone, read from its answer and said in words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from stackup.errors import RemoteError
from stackup.values import format_duration

TOO_MANY = 429
PATIENCE_S = 20.0
"""What is waited for without asking; longer is said."""
_EPOCH = 10**8
"""Above this, seconds are a moment and no duration."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from now; None when the server does not say. Both forms of RFC 9110, and the one of Docker's own."""
    text = headers.get("retry-after") or headers.get("x-retry-after") or ""
    if text.strip().isdigit():
        number = float(text)
        return max(0.0, number - time.time()) if number > _EPOCH else number
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def limited(registry: str, seconds: float | None) -> RemoteError:
    when = f"try again in {format_duration(int(seconds + 1) * 10**9)}" if seconds is not None else "try again later"
    return RemoteError(
        f'"{registry}" has had enough requests for now',
        subject=registry,
        hint=f"{when}; whoever is logged in is often allowed more",
        code="rate-limit",
    )
