"""A file behind a URL, kept with what its server called it, so that the next time only a change is sent again.

What a Dockerfile names is a stranger's word: private, loopback and link-local addresses are not asked, also not by a
redirect or by a name that leads there, unless registries.toml says so. What a stack file names its user has named.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from stackup.errors import REMEDIES, RemoteError, UsageError
from stackup.images import patience
from stackup.images.access import Access
from stackup.images.places import same_place, split, step
from stackup.images.refusal import disk, printable
from stackup.images.registry import AGENT, PASSING, PAUSE_S, REDIRECTS, TRIES
from stackup.images.transport import STRANGER, Network, Request, Response, Transport, Unreachable
from stackup.kernel.files import Lock, make_dir, read_json, write_json

HOPS = 10
_PIECE = 1 << 20
_LETTERS = "%/:=&?~+!$,;'@()*[]"


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is held open, for its holder to close; its mtime is what the server said, else 1970 (as BuildKit)."""

    fd: int
    digest: str
    """`sha256:<hex>`."""


class Downloads:
    """`folder` is where files are kept, one folder a URL. `pause` sleeps between tries."""

    def __init__(
        self,
        folder: str,
        access: Access,
        transport: Transport | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._folder = folder
        self._access = access
        self._transport = transport or Network(access)
        self._pause = pause

    def get(self, url: str, checksum: str = "", *, strange: bool) -> Download:
        """`checksum`, where it is given: `sha256:<hex>`; then nobody is asked for what is here. Raises RemoteError."""
        home = os.path.join(self._folder, hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:32])
        make_dir(home)
        with Lock(os.path.join(home, "lock"), "a file is fetched", waiting=lambda _: None), disk(home):
            kept = _Kept(home)
            if checksum in ("", kept.digest) and kept.digest and (checksum or self._access.offline):
                return kept.opened()
            if self._access.offline:
                hint = "leave --offline out" + (", or write --checksum and fetch it once" if strange else "")
                raise RemoteError(f'"{shown(url)}" is not asked: we are offline', subject=shown(url), hint=hint)
            self._refresh(kept, url, checksum, strange)
            return kept.opened()

    def _refresh(self, kept: _Kept, url: str, checksum: str, strange: bool) -> None:
        """A failure that may pass is tried again after a pause."""
        conditions = {} if checksum else kept.conditions
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                answer = self._led(url, conditions, strange)
                try:
                    if answer.status == 200:
                        kept.replace(answer, shown(url), checksum)
                    if answer.status == 200 or (answer.status == 304 and conditions):
                        return
                finally:
                    answer.close()
                if last or answer.status not in (*PASSING, patience.TOO_MANY):
                    raise RemoteError(f'"{shown(url)}" answered with {answer.status}', subject=shown(url))
            except Unreachable:
                if last:
                    raise
            self._pause(PAUSE_S * 2**attempt)

    def _led(self, url: str, conditions: Mapping[str, str], strange: bool) -> Response:
        """Through redirects. A login in the URL is for its own server."""
        first, login = _request(url)
        request = replace(first, headers={"User-Agent": AGENT, **conditions}, sender=STRANGER if strange else "")
        for _ in range(HOPS):
            own = same_place(request.url, first.url)
            sender = "" if self._access.may_be_private(request.host) else request.sender
            headers = {**request.headers, **(login if own else {})}
            answer = self._transport.send(replace(request, headers=headers, sender=sender))
            place = answer.headers.get("location", "")
            if answer.status not in REDIRECTS or not place:
                return answer
            answer.close()
            request = replace(request, url=step(request.url, place))
            if request.sender != STRANGER:
                request = replace(request, sender=answer.peer or request.sender)
        raise RemoteError(f'"{first.host}" redirects without end', subject=first.host, hint="name where it leads")


class _Kept:
    """What is here of a URL: the file, and a note of what it is. Used under the URL's lock."""

    def __init__(self, home: str) -> None:
        self._file = os.path.join(home, "file")
        self._note = os.path.join(home, "note.json")
        note: Any = read_json(self._note)
        sound = isinstance(note, dict) and all(isinstance(note.get(key), str) for key in ("digest", "etag", "modified"))
        self._said: dict[str, Any] = note if sound and self._size() == note.get("size") else {}

    @property
    def digest(self) -> str:
        """Empty while nothing is here."""
        return str(self._said.get("digest", ""))

    @property
    def conditions(self) -> dict[str, str]:
        """What asks the server for nothing but a change (RFC 9110, section 13.1)."""
        named = {"If-None-Match": self._said.get("etag", ""), "If-Modified-Since": self._said.get("modified", "")}
        return {name: value for name, value in named.items() if value}

    def opened(self) -> Download:
        return Download(os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), self.digest)

    def replace(self, answer: Response, name: str, checksum: str) -> None:
        """The new file in place of the old one, when it is whole and what it should be."""
        draft = f"{self._file}.draft"
        try:
            with open(draft, "wb") as file:
                digest, size = _received(answer, file.fileno(), name)
                os.fsync(file.fileno())
            if checksum not in ("", digest):
                hint = "the file has changed, or somebody on the way has changed it"
                text = f'"{name}" is {digest}, and not {checksum}; it was not kept'
                raise RemoteError(text, subject=name, hint=hint, code="digest")
            modified = answer.headers.get("last-modified", "")
            os.utime(draft, (_seconds(modified), _seconds(modified)))
            os.rename(draft, self._file)
        except BaseException:
            if os.path.exists(draft):
                os.unlink(draft)
            raise
        said = {"digest": digest, "size": size, "etag": answer.headers.get("etag", ""), "modified": modified}
        write_json(self._note, said)
        self._said = said

    def _size(self) -> int:
        try:
            return os.stat(self._file).st_size
        except OSError:
            return -1


def _received(answer: Response, file_fd: int, name: str) -> tuple[str, int]:
    """Digest and size of what came. A body without an end stops before the disk is full."""
    space = os.fstatvfs(file_fd)
    left = space.f_bavail * space.f_frsize * 9 // 10
    hashed, size = hashlib.sha256(), 0
    while piece := answer.read(_PIECE):
        size += len(piece)
        if size > left:
            raise RemoteError(
                f'"{name}" is larger than the disk has room for', subject=name, hint=REMEDIES[errno.ENOSPC]
            )
        hashed.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(file_fd, view) :]
    return f"sha256:{hashed.hexdigest()}", size


def _request(url: str) -> tuple[Request, dict[str, str]]:
    """And the header of the login that the URL holds."""
    try:
        parts = urlsplit(url)
        path, query = quote(parts.path, safe=_LETTERS), quote(parts.query, safe=_LETTERS)
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, query=query, fragment="").geturl()
        split(plain)
    except (ValueError, RemoteError) as problem:
        name = shown(url)
        raise UsageError(f'"{name}" is no URL of a file', subject=name, hint="write https://host/file") from problem
    login = unquote(parts.netloc.rpartition("@")[0])
    header = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    return Request("GET", plain), header


def _seconds(modified: str) -> float:
    """Of a Last-Modified; 1970 when there is none that makes sense."""
    try:
        return max(0.0, parsedate_to_datetime(modified).timestamp())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def shown(url: str) -> str:
    """Without a login."""
    head, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return printable(f"{head}{separator}{host.rpartition('@')[2]}{slash}{path}"[:300])
