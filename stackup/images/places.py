"""Where a server sends us: URLs that came from outside, compared and checked before anybody is asked."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

from stackup.errors import RemoteError
from stackup.images.refusal import printable

_PORTS = {"http": 80, "https": 443}


def split(url: str) -> SplitResult:
    """Raises RemoteError for what is no http URL with a host, or has letters that no URL has."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        text = f'a server sends us to "{printable(url[:200])}", which is no place'
        raise RemoteError(text, subject=printable(url[:200]), code="redirect-refused")
    return parts


def step(old: str, place: str) -> str:
    """The URL that `place` means, seen from `old`. Raises RemoteError when it leads from TLS to plain HTTP."""
    try:
        new = urljoin(old, place)
    except ValueError:
        new = place
    before, after = split(old), split(new)
    if before.scheme == "https" and after.scheme == "http":
        raise RemoteError(
            f'a redirect from "{before.netloc}" to "{printable(new[:200])}" is not followed: it is not encrypted',
            subject=before.netloc,
            code="redirect-refused",
        )
    return new


def same_place(one: str, other: str) -> bool:
    """Scheme, host and port: what credentials are bound to. Whoever hides a name before the host is somewhere else."""
    return _place(split(one)) == _place(split(other))


def _place(parts: SplitResult) -> tuple[str, str | None, int, bool]:
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], "@" in parts.netloc
