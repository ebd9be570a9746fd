"""Real connections: whom they reached is known and checked before anything is said; what breaks is said in words."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stackup.errors import RemoteError
from stackup.images.access import Access
from stackup.images.transport import Network, Request, Unreachable
from tests.conftest import OwnHost
from tests.images import registries as r

pytestmark = [pytest.mark.host]
PUBLIC, LINK_LOCAL, PRIVATE = "93.184.216.34", "169.254.1.1", "10.1.2.3"


def serve(address: str, answer: Callable[[BaseHTTPRequestHandler], None]) -> tuple[str, list[str]]:
    """Its URL, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer((address, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://{address}:{server.server_address[1]}", asked


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("Location", "/x")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def broken(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"half")


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-nothing\r\n")


def network() -> Network:
    return Network(Access())


def addresses(*names: str) -> None:
    r.need("ip")
    for name in names:
        subprocess.run(["ip", "address", "add", f"{name}/32", "dev", "lo"], check=True)


def test_an_answer_knows_who_gave_it_also_when_its_connection_is_gone(own_host: OwnHost) -> None:
    url, _ = serve("127.0.0.1", redirect)
    answer = network().send(Request("GET", url))
    answer.close()
    assert (answer.status, answer.peer) == (307, "127.0.0.1")


def test_t14_nobody_is_asked_who_is_less_public_than_the_sender(own_host: OwnHost) -> None:
    addresses(PUBLIC, LINK_LOCAL, PRIVATE)
    for target, refused in (
        (PUBLIC, ()),
        (PRIVATE, (PUBLIC,)),
        ("127.0.0.1", (PUBLIC, PRIVATE)),
        (LINK_LOCAL, (PUBLIC, PRIVATE, "127.0.0.1")),
    ):
        url, asked = serve(target, redirect)
        for sender in (PUBLIC, PRIVATE, "127.0.0.1"):
            before = len(asked)
            if sender in refused:
                with pytest.raises(RemoteError, match="is not followed"):
                    network().send(Request("GET", url, sender=sender))
            else:
                network().send(Request("GET", url, sender=sender)).close()
            assert len(asked) - before == (sender not in refused), (target, sender)


def test_what_breaks_off_can_be_tried_again(own_host: OwnHost) -> None:
    url, _ = serve("127.0.0.1", broken)
    answer = network().send(Request("GET", url))
    with pytest.raises(Unreachable):
        while answer.read(100):
            pass
    answer.close()


def test_what_is_no_http_is_an_error_in_words(own_host: OwnHost) -> None:
    url, _ = serve("127.0.0.1", nonsense)
    with pytest.raises(RemoteError, match="cannot be reached"):
        network().send(Request("GET", url))


def test_an_answer_that_nobody_reads_does_not_cost_a_connection(own_host: OwnHost, tmp_path: Path) -> None:
    ports: set[int] = set()

    def remember(handler: BaseHTTPRequestHandler) -> None:
        ports.add(handler.client_address[1])
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(404)
        handler.send_header("Content-Length", "5")
        handler.end_headers()
        handler.wfile.write(b"sorry")
        handler.close_connection = False

    url, _ = serve("127.0.0.1", remember)
    shared = network()
    for _ in range(3):
        shared.send(Request("GET", url)).close()
    assert len(ports) == 1
