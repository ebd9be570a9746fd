"""A registry's verbs, on one endpoint: manifests, blobs and uploads of the OCI distribution protocol.

Every request goes one way: sent, shown who we are when asked, led on where a redirect may lead, tried again after a
pause when the failure may pass. Nothing that comes back is believed: texts are held against their digests here, blobs
by whoever reads them.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from stackup.errors import RemoteError
from stackup.images import patience
from stackup.images.auth import Authorizer
from stackup.images.index import ACCEPTED, TEXT_MAX
from stackup.images.places import same_place, step
from stackup.images.reference import DEFAULT_REGISTRY
from stackup.images.refusal import printable
from stackup.images.transport import Request, Unreachable

if TYPE_CHECKING:
    from stackup.images.access import Endpoint
    from stackup.images.credentials import Keychain
    from stackup.images.transport import Response, Transport

TRIES = 4
HOPS = 5
PAUSE_S = 0.5
AGENT = "stackup"
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (408, 500, 502, 503, 504)
_ERROR_MAX = 1 << 16

Pause = Callable[[float], bool]
"""Sleeps, and says whether the user wants no more."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest's or index's text, its kind as the answer says, and the digest of its bytes."""

    text: bytes
    media_type: str
    digest: str


@dataclass(frozen=True, slots=True)
class Call:
    """A request before it is shown who we are: `scope` is what a token must be good for."""

    method: str
    url: str
    scope: str
    accepted: tuple[int, ...] = (200,)
    headers: Mapping[str, str] | None = None
    body: bytes | Iterable[bytes] | None = None

    @property
    def repeatable(self) -> bool:
        """An upload that is under way is not begun again: the server has a part of it."""
        return self.method in ("GET", "HEAD") or (isinstance(self.body, bytes) and self.method == "PUT")


class Registry:
    """One endpoint. Safe among threads. `pause` sleeps between tries."""

    def __init__(
        self, endpoint: Endpoint, transport: Transport, keychain: Keychain, pause: Pause, *, tries: int = TRIES
    ) -> None:
        self.endpoint = endpoint
        self._transport = transport
        self._keychain = keychain
        self._pause = pause
        self._tries = tries
        self._authorizers: dict[str, Authorizer] = {}
        self._lock = threading.Lock()
        self._peer = ""

    def ping(self) -> None:
        """Whether the registry is one and lets us in. Raises RemoteError."""
        self._read(self.call(Call("GET", f"{self.endpoint.base}/v2/", "")), _ERROR_MAX)

    def manifest(self, repository: str, reference: str) -> Fetched:
        """By tag or digest. Bytes that are not what the digest says are refused."""
        headers = {"Accept": ", ".join(ACCEPTED)}
        answer = self.call(
            Call("GET", self._url(repository, "manifests", reference), pulling(repository), headers=headers)
        )
        text = self._read(answer, TEXT_MAX)
        wanted = [reference] if ":" in reference else []
        stated = answer.headers.get("docker-content-digest", "")
        for digest in (*wanted, *([stated] if stated else [])):
            check(text, digest, repository)
        digest = wanted[0] if wanted else f"sha256:{hashlib.sha256(text).hexdigest()}"
        return Fetched(text, answer.headers.get("content-type", ""), digest)

    def blob(self, repository: str, digest: str, offset: int = 0) -> Response:
        """Its bytes from `offset` on where the status is 206, all of them where it is 200; unverified."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        url = self._url(repository, "blobs", digest)
        return self.call(Call("GET", url, pulling(repository), (200, 206), headers))

    def small_blob(self, repository: str, digest: str, size: int) -> bytes:
        """A configuration: read at once and verified."""
        text = self._read(self.blob(repository, digest), size)
        if len(text) != size:
            raise RemoteError(f'"{digest}" has {len(text)} bytes instead of {size}', subject=repository, code="digest")
        check(text, digest, repository)
        return text

    def has_blob(self, repository: str, digest: str) -> bool:
        answer = self.call(Call("HEAD", self._url(repository, "blobs", digest), pushing(repository), (200, 404)))
        answer.close()
        return answer.status == 200

    def begin(self, repository: str, *, mount: str = "", source: str = "") -> str:
        """Where to upload to; empty when the blob was mounted from the repository `source`."""
        url, scope = self._url(repository, "blobs", "uploads/"), pushing(repository)
        if mount and source:
            url += f"?mount={quote(mount)}&from={quote(source)}"
            scope += f" {pulling(source)}"
        answer = self.call(Call("POST", url, scope, (201, 202), {"Content-Length": "0"}, b""))
        answer.close()
        return "" if answer.status == 201 else self._location(answer, url)

    def upload(self, repository: str, place: str, digest: str, body: Iterable[bytes] | bytes, size: int) -> None:
        """All of a blob in one request."""
        url = f"{place}{'&' if '?' in place else '?'}digest={quote(digest)}"
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        self.call(Call("PUT", url, pushing(repository), (201, 204), headers, body)).close()

    def append(self, repository: str, place: str, piece: bytes, offset: int) -> str:
        """A piece of a blob whose size and digest are not known yet; where the next one goes."""
        headers = {
            "Content-Length": str(len(piece)),
            "Content-Range": f"{offset}-{offset + len(piece) - 1}",
            "Content-Type": "application/octet-stream",
        }
        answer = self.call(Call("PATCH", place, pushing(repository), (202, 204), headers, piece))
        answer.close()
        return self._location(answer, place)

    def put_manifest(self, repository: str, reference: str, text: bytes, media_type: str) -> None:
        url, headers = self._url(repository, "manifests", reference), {"Content-Type": media_type}
        self.call(Call("PUT", url, pushing(repository), (200, 201, 202), headers, text)).close()

    def call(self, call: Call) -> Response:
        """The answer, whose status is an accepted one. Raises RemoteError in the server's own words."""
        for attempt in range(self._tries):
            last = attempt == self._tries - 1 or not call.repeatable
            try:
                answer = self._shown(call)
            except Unreachable:
                if last:
                    raise
                self._rest(attempt)
                continue
            if answer.status in call.accepted:
                return answer
            if answer.status not in (*PASSING, patience.TOO_MANY) or last:
                raise self._refusal(answer, call)
            self._wait(answer, attempt)
        raise AssertionError("the last try answers or raises")

    def _wait(self, answer: Response, attempt: int) -> None:
        """Longer than a moment is the user's to wait: the error says how long."""
        seconds = patience.retry_after(answer.headers)
        if seconds is not None and seconds > patience.PATIENCE_S:
            raise patience.limited(self.endpoint.registry, seconds)
        answer.close()
        if seconds is None:
            self._rest(attempt)
        elif self._pause(seconds):
            raise interrupted(self.endpoint.registry)

    def _rest(self, attempt: int) -> None:
        if self._pause(PAUSE_S * 2**attempt * (0.75 + random.random() / 2)):  # apart from others who failed just now
            raise interrupted(self.endpoint.registry)

    def _shown(self, call: Call) -> Response:
        """Sent as who we are; once more when the registry wants to know who that is."""
        authorizer = self._authorizer(call.scope)
        answer, own = self._led(call, authorizer.header(call.scope))
        if answer.status == 401 and own and authorizer.meet(answer, call.scope):
            answer.close()
            answer, own = self._led(call, authorizer.header(call.scope))
        return answer

    def _led(self, call: Call, authorization: str) -> tuple[Response, bool]:
        """Through redirects; whether the answer is the registry's own, whose challenges alone are met.

        Credentials stay at the registry's own address; nothing goes from TLS to plain HTTP.
        """
        own = same_place(call.url, self.endpoint.base)
        headers = {"User-Agent": AGENT, **(call.headers or {})}
        request = Request(call.method, call.url, headers, call.body, "" if own else self._peer)
        for _ in range(HOPS):
            shown = {**request.headers, "Authorization": authorization} if authorization and own else request.headers
            answer = self._transport.send(replace(request, headers=shown))
            self._peer = answer.peer if own else self._peer
            place = answer.headers.get("location", "")
            if answer.status not in REDIRECTS or call.method not in ("GET", "HEAD") or not place:
                return answer, own
            answer.close()
            url = step(request.url, place)
            own = same_place(url, self.endpoint.base)
            request = replace(request, url=url, sender="" if own else answer.peer or request.sender)
        raise RemoteError(f'"{self.endpoint.host}" redirects without end', subject=self.endpoint.host)

    def _authorizer(self, scope: str) -> Authorizer:
        repository = scope.split(":")[1] if ":" in scope else ""
        with self._lock:
            if repository not in self._authorizers:
                name = self.endpoint.host if self.endpoint.mirror else self.endpoint.registry
                known = self._keychain.get(name, repository)
                self._authorizers[repository] = Authorizer(self.endpoint, self._transport, known)
            return self._authorizers[repository]

    def _location(self, answer: Response, url: str) -> str:
        """Maybe at another host, which then gets the blob but no login."""
        return step(url, answer.headers.get("location", ""))

    def _read(self, answer: Response, limit: int) -> bytes:
        """At most `limit` bytes: a longer text is cut by one byte more, and so is wrong."""
        parts, left = [], limit + 1
        try:
            while left and (part := answer.read(left)):
                parts.append(part)
                left -= len(part)
        finally:
            answer.close()
        return b"".join(parts)

    def _refusal(self, answer: Response, call: Call) -> RemoteError:
        host = self.endpoint.registry
        if answer.status == patience.TOO_MANY:
            answer.close()
            return patience.limited(host, patience.retry_after(answer.headers))
        try:
            words = _words(self._read(answer, _ERROR_MAX))
        except RemoteError:
            words = ""
        said = f": {words}" if words else ""
        if answer.status in (401, 403):
            name = "" if host == DEFAULT_REGISTRY else f" {host}"
            hint = f"log in with `stackup login{name}`"
            if self._keychain.missing:
                hint += f'; the credential helper "{self._keychain.missing}" is not installed'
            return RemoteError(f'"{host}" does not let us in{said}', subject=host, hint=hint, code="denied")
        if answer.status == 404:
            return RemoteError(f'"{host}" has no such thing{said}', subject=host, code="not-found")
        hint = "it may want TLS: say `plain = false` in registries.toml" if self.endpoint.plain else ""
        text = f'"{host}" answered {call.method} with {answer.status}{said}'
        return RemoteError(text, subject=host, hint=hint if answer.status == 400 else "")

    def _url(self, repository: str, what: str, name: str) -> str:
        return f"{self.endpoint.base}/v2/{repository}/{what}/{name}"


def pulling(repository: str) -> str:
    return f"repository:{repository}:pull"


def pushing(repository: str) -> str:
    return f"repository:{repository}:pull,push"


def check(text: bytes, digest: str, subject: str) -> None:
    """Raises RemoteError when these are not the bytes that the digest names."""
    algorithm, _, value = digest.partition(":")
    if algorithm not in ("sha256", "sha384", "sha512") or hashlib.new(algorithm, text).hexdigest() != value:
        raise wrong_digest(digest, subject)


def wrong_digest(digest: str, subject: str) -> RemoteError:
    return RemoteError(
        f'"{subject}": what came is not "{printable(digest[:140])}"; nothing of it was kept',
        subject=subject,
        hint="the registry, or somebody on the way, sends other bytes than it promises",
        code="digest",
    )


def _words(text: bytes) -> str:
    """The first error of the protocol's own form, made harmless."""
    try:
        first = json.loads(text)["errors"][0]
        return printable(str(first.get("message") or first.get("code") or "")[:300]).lower()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""


def interrupted(host: str) -> RemoteError:
    return RemoteError("interrupted", subject=host, code="interrupted")
