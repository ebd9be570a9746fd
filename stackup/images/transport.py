"""Bytes to a server and back: one request, one answer, no opinion. The only importer of urllib3, and late.

Redirects, credentials and retries are the registry's business. What belongs here is what only a connection can know:
TLS with the trust of that host, proxies, and the address that a name led to, which is refused before a byte is sent
where a redirect must not lead there.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from stackup.errors import RemoteError

if TYPE_CHECKING:
    from stackup.images.access import Access, Trust

CONNECT_S = 15.0
READ_S = 60.0
DRAINED = 1 << 16
"""Bytes of an answer that nobody wants and that are read all the same, for another request on the connection."""
STRANGER = "a stranger"
"""The sender where nobody that we know has named the place: it must be as public as can be."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Unreachable(RemoteError):
    """No answer, or one that broke off: worth another try."""

    code = "unreachable"


@dataclass(frozen=True, slots=True)
class Request:
    """`sender` is the address of the server that sent us here, empty when the user did; or STRANGER."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] | None = None
    sender: str = ""

    @property
    def host(self) -> str:
        """`host[:port]`, without what a URL could hide before it."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


class Response(Protocol):
    """`headers` have lower-case names; `peer` is the address that answered, empty behind a proxy."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def peer(self) -> str: ...

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class Transport(Protocol):
    def send(self, request: Request) -> Response: ...


class Offline:
    """Opens no socket."""

    def send(self, request: Request) -> Response:
        raise RemoteError(
            f'"{request.host}" is not asked: this command is offline',
            subject=request.host,
            hint="leave --offline out, or bring the image in with `stackup image import`",
            code="offline",
        )


class Network:
    """Real connections, kept and shared by threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._pools: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def send(self, request: Request) -> Response:
        import urllib3  # 60 ms, for whoever asks a registry

        timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
        check_peer(request.sender, spelled_address(request.host), request.host)  # a proxy would hide whom it asks
        try:
            answer = self._pool(request).request(
                request.method,
                request.url,
                headers=dict(request.headers),
                body=request.body,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=timeout,
            )
        except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            raise _unreachable(request.host, error) from error
        return _Answer(answer, request.host)

    def _pool(self, request: Request) -> Any:
        """One a host, so that each has its own trust; and one a sender, so that what it may reach is decided once."""
        scheme = urlsplit(request.url).scheme
        key = (scheme, request.host, request.sender)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._open(scheme, request)
            return self._pools[key]

    def _open(self, scheme: str, request: Request) -> Any:
        import urllib3

        options: dict[str, Any] = {"maxsize": 8, "block": False}
        if scheme == "https":
            options["ssl_context"] = context(self._access.trust(request.host), request.host)
        proxy = self._access.proxy(scheme, request.host)
        if proxy:
            return urllib3.ProxyManager(proxy, **options)
        manager = urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = _guarded(request.sender)
        return manager


def context(trust: Trust, host: str) -> ssl.SSLContext:
    """The system's authorities and the host's own; its client certificate where there is one."""
    made = ssl.create_default_context()
    try:
        for path in trust.authorities:
            made.load_verify_locations(cafile=path)
        for certificate, key in trust.pairs:
            made.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise RemoteError(
            f'a certificate for "{host}" cannot be used: {getattr(error, "strerror", None) or error}',
            subject=host,
            hint=f"look into {', '.join(trust.folders)}",
        ) from error
    return made


def _guarded(sender: str) -> dict[str, Any]:
    """Connections that look whom they reached before they say anything."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Guarded:
        """Mixed into a connection; the answer may outlive it, so it is told who gave it."""

        host: str
        peer = ""

        def _new_conn(self) -> Any:
            sock = super()._new_conn()  # type: ignore[misc]
            try:
                self.peer = str(sock.getpeername()[0])
                check_peer(sender, self.peer, self.host)
            except BaseException:
                sock.close()
                raise
            return sock

        def getresponse(self) -> Any:
            answer = super().getresponse()  # type: ignore[misc]
            answer.peer = self.peer
            return answer

    plain_connection = type("PlainConnection", (Guarded, HTTPConnection), {})
    secure_connection = type("SecureConnection", (Guarded, HTTPSConnection), {})
    plain = type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain_connection})
    secure = type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure_connection})
    return {"http": plain, "https": secure}


def check_peer(sender: str, peer: str, host: str) -> None:
    """A server may send us to addresses as public as its own, or more so; never to link-local ones."""
    if not (sender and peer and _publicity(peer) < max(1, _publicity(sender))):
        return
    doing, hint = f'a redirect to "{host}" is not followed', "only a registry that is there itself may redirect there"
    if sender == STRANGER:
        doing, hint = (
            f'"{host}" is not asked',
            f'if it may be: write private = true below ["{host}"] in registries.toml',
        )
    raise RemoteError(
        f"{doing}: {peer} is an address of this machine or its networks",
        subject=host,
        hint=hint,
        code="redirect-refused",
    )


def public_addresses(host: str) -> list[str]:
    """What `host[:port]` leads to now, all of it public; empty when the name is not known here. Raises RemoteError.

    For programs that connect by themselves: what is named to them as well cannot have changed meanwhile.
    """
    try:
        rows = socket.getaddrinfo(urlsplit(f"//{host}").hostname, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        rows = []
    found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    for address in found:
        check_peer(STRANGER, address, host)
    return found


def spelled_address(host: str) -> str:
    """The address that `host[:port]` is by its very spelling, as the system reads it (127.1, 0x7f000001); else none."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, UnicodeError):
        return "127.0.0.1" if name == "localhost" or name.endswith(".localhost") else ""


def _publicity(address: str) -> int:
    """0 for what nobody may send us to, 1 for this machine, 2 for its networks, 3 for the public."""
    if address == STRANGER:
        return 3
    ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_link_local or ip.is_unspecified or ip.is_multicast:
        return 0
    if ip.is_loopback:
        return 1
    return 3 if ip.is_global else 2


def _inner(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one leads to: mapped, 6to4 (RFC 3056), NAT64 (RFC 6052)."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


class _Answer:
    """urllib3's response with its failures as ours."""

    def __init__(self, answer: Any, host: str) -> None:
        self._answer = answer
        self._host = host
        self.status: int = answer.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in answer.headers.items()}
        self.peer: str = getattr(answer, "peer", "")

    def read(self, size: int, /) -> bytes:
        import urllib3

        try:
            return bytes(self._answer.read(size))
        except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            raise _unreachable(self._host, error) from error

    def close(self) -> None:
        """A connection whose answer was read to its end, or nearly so, serves again."""
        left = self._answer.length_remaining
        if left is not None and left <= DRAINED:
            self._answer.drain_conn()
            self._answer.release_conn()
        else:
            self._answer.close()


def _unreachable(host: str, error: BaseException) -> RemoteError:
    """The innermost words: urllib3 wraps what the system said several times."""
    inner: BaseException = error
    while True:
        below = getattr(inner, "reason", None) or inner.__cause__ or inner.__context__
        if not isinstance(below, BaseException) or below is inner:
            break
        inner = below
    if isinstance(inner, ssl.SSLCertVerificationError):
        return RemoteError(
            f'"{host}" has a certificate that is not trusted: {inner.verify_message}',
            subject=host,
            hint=f"put its authority into certs.d/{host}/ca.crt of stackup's configuration folder",
            code="tls",
        )
    if isinstance(inner, ssl.SSLError):
        hint = f'if it speaks plain HTTP, write plain = true below ["{host}"] in registries.toml'
        return RemoteError(f'"{host}" does not speak TLS as it should: {inner.reason}', subject=host, hint=hint)
    words = (getattr(inner, "strerror", None) or str(inner) or type(inner).__name__).lower()
    return Unreachable(f'"{host}" cannot be reached: {words}', subject=host, hint="check the name and the network")
