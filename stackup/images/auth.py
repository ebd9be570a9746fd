"""Showing who we are to a registry: Basic, or a token that its token server gives for one scope.

The registry names its token server, so it could name anybody's: credentials go there only if it is the registry's own
host, the domain that it lies in, or a host that the user allowed. Without credentials anybody may be asked for a token.
Source: the distribution specification's "Token Authentication"; RFC 7235 for challenges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlencode, urlsplit

from stackup.errors import RemoteError
from stackup.images.places import split
from stackup.images.refusal import printable
from stackup.images.transport import Request

if TYPE_CHECKING:
    from stackup.images.access import Endpoint
    from stackup.images.credentials import Credentials
    from stackup.images.transport import Response, Transport

CLIENT = "stackup"
_ANSWER_MAX = 1 << 20
_CHALLENGE_MAX = 8192
_WORDS = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z]+)')


def challenges(header: str) -> dict[str, dict[str, str]]:
    """Scheme, in lower case, to its parameters."""
    found: dict[str, dict[str, str]] = {}
    last: dict[str, str] = {}
    for match in _WORDS.finditer(header[:_CHALLENGE_MAX]):
        if match[4]:
            last = found.setdefault(match[4].lower(), {})
        else:
            last[match[1].lower()] = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
    return found


class Authorizer:
    """What one endpoint is shown. `credentials` is asked for them once, when the endpoint wants some."""

    def __init__(self, endpoint: Endpoint, transport: Transport, credentials: Credentials | None) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._credentials = credentials
        self._basic = False
        self._tokens: dict[str, str] = {}

    def header(self, scope: str) -> str:
        """The value of `Authorization`; empty while nothing was asked for."""
        if self._basic and self._credentials:
            return f"Basic {self._credentials.basic()}"
        token = self._tokens.get(scope)
        return f"Bearer {token}" if token else ""

    def meet(self, refusal: Response, scope: str) -> bool:
        """After a 401: whether there is something new to show."""
        found = challenges(refusal.headers.get("www-authenticate", ""))
        if "bearer" in found:
            self._tokens[scope] = self._token(found["bearer"], scope, refusal.peer)
            return True
        if "basic" in found and self._credentials and self._credentials.password and not self._basic:
            self._basic = True
            return True
        return False

    def _token(self, challenge: Mapping[str, str], scope: str, peer: str) -> str:
        realm = challenge.get("realm", "")
        self._check_realm(realm)
        asked = {"service": challenge.get("service", ""), "scope": " ".join(filter(None, (scope,)))}
        answer = self._transport.send(self._token_request(realm, {k: v for k, v in asked.items() if v}, peer))
        try:
            text = answer.read(_ANSWER_MAX)
            while len(text) < _ANSWER_MAX and (more := answer.read(_ANSWER_MAX - len(text))):
                text += more
        finally:
            answer.close()
        return _read_token(answer.status, text, urlsplit(realm).netloc)

    def _token_request(self, realm: str, asked: dict[str, str], peer: str) -> Request:
        mine = self._credentials
        if mine and mine.identity_token:
            form = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": mine.identity_token, **asked}
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return Request("POST", realm, headers, urlencode(form).encode(), sender=peer)
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(_split_scope(asked))}"
        if mine is None:
            return Request("GET", url, sender=peer)
        return Request("GET", url, {"Authorization": f"Basic {mine.basic()}"}, sender=peer)

    def _check_realm(self, realm: str) -> None:
        parts, registry = _split(realm), self._endpoint.host
        allowed = ("https", "http") if self._endpoint.plain else ("https",)
        if parts.scheme not in allowed or not parts.hostname or "@" in parts.netloc:
            raise _realm_refused(registry, realm, "which is not a place that can be trusted with a login")
        if (
            self._credentials is None
            or parts.netloc in self._endpoint.tokens
            or parts.hostname in self._endpoint.tokens
        ):
            return
        own = urlsplit(self._endpoint.base).hostname or ""
        if parts.hostname != own and not ("." in parts.hostname and own.endswith(f".{parts.hostname}")):
            raise _realm_refused(registry, realm, "which is another host: your login was not sent there")


def _split(realm: str) -> SplitResult:
    """What is no URL at all has nothing in it, and is refused for that."""
    try:
        return split(realm)
    except RemoteError:
        return urlsplit("")


def _split_scope(asked: dict[str, str]) -> list[tuple[str, str]]:
    """Several scopes are several parameters of a GET."""
    return [(key, word) for key, value in asked.items() for word in (value.split(" ") if key == "scope" else [value])]


def _read_token(status: int, text: bytes, host: str) -> str:
    if status in (401, 403):
        raise RemoteError(f'"{host}" does not know this login', subject=host, hint="log in again", code="denied")
    try:
        found = json.loads(text)
        token = found.get("token") or found.get("access_token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if status != 200 or not isinstance(token, str) or not token.isprintable():
        raise RemoteError(f'"{host}" gave no token: it answered {status}', subject=host)
    return token


def _realm_refused(registry: str, realm: str, why: str) -> RemoteError:
    place = _split(realm).netloc.rpartition("@")[2] or "host[:port]"
    return RemoteError(
        f'"{registry}" asks to log in at "{printable(realm[:200])}", {why}',
        subject=registry,
        hint=f'if it is right, write tokens = ["{printable(place)}"] below ["{registry}"] in registries.toml',
        code="realm-refused",
    )
