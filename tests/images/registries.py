"""Debian's docker-registry for tests, on this test's own loopback: plain, with a login, with TLS, with tokens.

Whatever is started ends with the test's namespaces.
"""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stackup.images.access import Access
from stackup.images.pull import Client
from tests.images.fakenet import Shelf

PASSWORD_LINE = "me:$2b$05$aaaaaaaaaaaaaaaaaaaaaOjOHCcGZ1ZydhnG2lX11qSmiRJbsbsA.\n"
"""`me` and `secret`, as htpasswd -B writes it."""
LOGIN = base64.b64encode(b"me:secret").decode()
CONFIG = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"{tls}}}
{auth}
"""


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")


def serve(folder: Path, port: int, *, login: bool = False, tls: bool = False, clients: bool = False) -> str:
    """Starts a registry and waits until it listens; its name."""
    need("docker-registry")
    folder.mkdir()
    auth = f"auth: {{htpasswd: {{realm: test, path: {folder}/users}}}}" if login else ""
    (folder / "users").write_text(PASSWORD_LINE)
    asked = f", clientcas: [{folder}/ca.crt]" if clients else ""
    files = f", tls: {{certificate: {folder}/server.crt, key: {folder}/server.key{asked}}}" if tls else ""
    if tls:
        certify(folder)
    config = folder / "config.yml"
    config.write_text(CONFIG.format(root=folder / "data", port=port, tls=files, auth=auth))
    output = (folder / "log").open("wb")
    started = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=output, stderr=output)
    for _ in range(600):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return f"127.0.0.1:{port}"
        assert started.poll() is None, (folder / "log").read_text()
        time.sleep(0.05)
    raise AssertionError("the registry does not listen")


def certify(folder: Path) -> None:
    """An authority of our own, `ca.crt`, and a certificate by it for the loopback address."""
    need("openssl")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Test CA", "-days", "2")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", *signing)


class Front(BaseHTTPRequestHandler):
    """A token server, and before the registry behind it a door that opens to its tokens only."""

    behind = ""
    realm = ""
    asked: list[str]

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.path.startswith("/token"):
            self.asked.append(self.path)
            known = self.headers.get("Authorization") == f"Basic {LOGIN}" or b"refresh_token=long-lived" in body
            self.say(200 if known else 401, {}, json.dumps({"token": "good"}).encode() if known else b"{}")
        elif self.headers.get("Authorization") != "Bearer good":
            self.say(401, {"WWW-Authenticate": f'Bearer realm="{self.realm}",service="test"'}, b"{}")
        else:
            self.forward(body)

    def forward(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(self.behind)
        kept = {key: value for key, value in self.headers.items() if key not in ("Authorization", "Connection")}
        connection.request(self.command, self.path, body, kept)
        answer = connection.getresponse()
        self.say(answer.status, dict(answer.getheaders()), answer.read())
        connection.close()

    def say(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(key, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        return None


def serve_slowly(behind: str, port: int) -> threading.Event:
    """A registry that gives a large blob a byte at a time, for ever; set once it has begun to."""
    begun = threading.Event()

    class Slow(Front):
        def do_GET(self) -> None:
            connection = http.client.HTTPConnection(self.behind)
            connection.request("GET", self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
            if len(body) < 100_000:
                self.say(answer.status, dict(answer.getheaders()), body)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for number in range(len(body)):
                self.wfile.write(body[number : number + 1])
                begun.set()
                time.sleep(0.01)

    server = ThreadingHTTPServer(("127.0.0.1", port), type("Door", (Slow,), {"behind": behind}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return begun


def serve_proxy(behind: str, port: int) -> list[str]:
    """A proxy that knows one place only; what it was asked for."""
    asked: list[str] = []

    class Proxy(Front):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.path = self.path.partition("/v2/")[1] + self.path.partition("/v2/")[2]
            self.forward(b"")

    server = ThreadingHTTPServer(("127.0.0.1", port), type("Door", (Proxy,), {"behind": behind}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return asked


def serve_tokens(behind: str, port: int) -> tuple[str, list[str]]:
    """A registry that wants tokens, before one that wants nothing; its name, and what its token server was asked."""
    asked: list[str] = []
    names = {"behind": behind, "realm": f"http://127.0.0.1:{port}/token", "asked": asked}
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Door", (Front,), names))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{port}", asked


def log_in(home: Path, registry: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text(json.dumps({"auths": {registry: {"auth": LOGIN}}}))


def client_of(home: Path, **environ: str) -> Client:
    return Client(Access((str(home / "config"), str(home / ".docker")), {"HOME": str(home), **environ}))


def layout(
    folder: Path,
    *,
    architectures: tuple[str, ...] = ("amd64",),
    layers: tuple[bytes, ...] = (),
    command: tuple[str, ...] = (),
) -> str:
    """An OCI layout with one tag, for skopeo to copy; the word that it takes for it."""
    shelf = Shelf()
    names = {name: shelf.add_image(architecture=name, layers=layers, command=command) for name in architectures}
    top = names[architectures[0]] if len(names) == 1 else shelf.add_index(**names)
    kind, text = shelf.manifests[top]
    entry = {
        "mediaType": kind,
        "digest": top,
        "size": len(text),
        "annotations": {"org.opencontainers.image.ref.name": "1"},
    }
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    for name, data in (*shelf.blobs.items(), *((name, text) for name, (_, text) in shelf.manifests.items())):
        (blobs / name.removeprefix("sha256:")).write_bytes(data)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return f"oci:{folder}:1"


def skopeo(*words: str) -> str:
    need("skopeo")
    done = subprocess.run(["skopeo", "--insecure-policy", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def put_in(source: str, registry: str, name: str, *words: str) -> None:
    skopeo("copy", "--dest-tls-verify=false", *words, source, f"docker://{registry}/{name}")
