"""ADD of URLs and repositories, for real: from servers on this test's own loopback, which registries.toml allows."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stackup import gitref
from stackup.errors import RemoteError
from stackup.images.build.request import Unbuildable
from stackup.images.git import Git
from tests.engines.yard import BASE, Site
from tests.images import tarballs as t
from tests.scenarios.test_remote import commit, git, serve_git

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("own_host")]
PORT = 8080
SERVER = f"http://127.0.0.1:{PORT}"
REPOSITORY = "git://127.0.0.1/app.git"
MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"


class Server:
    """Files by path, with ETags; `asked` is what came for them, and what was answered."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, int]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = outer.files.get(self.path, b"")
                tag = f'"{hashlib.sha256(body).hexdigest()}"'
                known = self.headers.get("If-None-Match") == tag
                status = 304 if known else 200 if body else 404
                outer.asked.append((self.path, status))
                self.send_response(status)
                self.send_header("ETag", tag)
                self.send_header("Last-Modified", MODIFIED)
                self.send_header("Content-Length", "0" if known else str(len(body)))
                self.end_headers()
                self.wfile.write(b"" if known else body)

            def log_message(self, *_: object) -> None:
                return None

        server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()


def allowed(site: Site) -> Site:
    folder = site.context.parent / "config"
    folder.mkdir()
    (folder / "registries.toml").write_text(f'["127.0.0.1:{PORT}"]\nprivate = true\n["127.0.0.1"]\nprivate = true\n')
    site.environ = {"STACKUP_CONFIG": str(folder), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    return site


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_file_has_the_name_of_its_url_or_the_targets(site: Site) -> None:
    server = Server()
    server.files = {"/d/one%20x": b"one", "/d/?two": b"two"}
    text = BASE + f"ADD {SERVER}/d/one%20x /a/\nADD {SERVER}/d/one%20x /b\nADD {SERVER}/d/?two /c/\n"
    image = allowed(site).build(text)
    layers = [Path(site.store.layer_dir(layer)) for layer in map(str, site.store.get(image)["layers"])]  # type: ignore[arg-type]
    found = {str(path.relative_to(layer)): path for layer in layers[1:] for path in layer.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "a/one x": b"one",
        "b": b"one",
        "c/__unnamed__": b"two",
    }
    status = found["b"].stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid, status.st_mtime) == (0o600, 0, 0, 1_700_000_000)


def test_a_file_counts_by_its_content(site: Site) -> None:
    server = Server()
    server.files = {"/a": b"one", "/mirror/a": b"one"}
    text = BASE + f"ADD --chmod=755 --chown=7:8 {SERVER}/a /x/\n"
    image = allowed(site).build(text)
    status = (site.top(image) / "x/a").stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o755, 7, 8)
    assert site.build(text) == image
    assert site.made == []
    assert server.asked == [("/a", 200), ("/a", 304)]
    site.build(text.replace("/a ", "/mirror/a "))
    assert site.made == []
    server.files["/a"] = b"two"
    assert site.build(text) != image
    assert (site.made, site.names(site.build(text))) == ([f"ADD --chmod=755 --chown=7:8 {SERVER}/a /x/"], ["x", "x/a"])


def test_a_checksum_spares_the_question(site: Site) -> None:
    server = Server()
    server.files = {"/a": b"one"}
    text = BASE + f"ARG SUM={digest(b'one')}\nADD --checksum=$SUM {SERVER}/a /x\n"
    image = allowed(site).build(text)
    site.build(text, no_cache=True)
    assert server.asked == [("/a", 200)]
    assert (site.top(image) / "x").read_bytes() == b"one"
    with pytest.raises(Unbuildable) as caught:
        site.build(BASE + f"ADD --checksum={digest(b'two')} {SERVER}/a /x\n")
    (found,) = caught.value.diagnostics
    assert (found.code, found.span and found.span.line) == ("SU223", 3)
    assert digest(b"one") in found.detail


def test_archives_stay_packed_unless_they_are_to_be_unpacked(site: Site) -> None:
    server = Server()
    packed = server.files["/a.tgz"] = gzip.compress(t.tarball(t.file("in/f", b"inside")))
    (site.context / "l.tgz").write_bytes(packed)
    allowed(site)
    for words, names in (
        (f"{SERVER}/a.tgz", ["x", "x/a.tgz"]),
        (f"--unpack=true {SERVER}/a.tgz", ["x", "x/in", "x/in/f"]),
        ("l.tgz", ["x", "x/in", "x/in/f"]),
        ("--unpack=false l.tgz", ["x", "x/l.tgz"]),
    ):
        assert site.names(site.build(BASE + f"ADD {words} /x/\n")) == names


def test_what_cannot_be_fetched_is_a_problem_of_its_line(site: Site) -> None:
    """T48: an address of this machine is not asked unless its user has said so."""
    server = Server()
    server.files = {"/secret": b"inside"}
    for url, told in ((f"{SERVER}/missing", "answered with 404"), ("http://127.0.0.1:1/x", "is not asked: 127.0.0.1")):
        with pytest.raises(Unbuildable) as caught:
            (site if site.environ else allowed(site)).build(BASE + f"ADD {url} /x\n")
        (found,) = caught.value.diagnostics
        assert (found.code, found.span and found.span.line) == ("SU223", 3)
        assert told in found.detail
    site.environ = {**(site.environ or {}), "STACKUP_CONFIG": "/nowhere"}
    server.asked = []
    with pytest.raises(Unbuildable, match="is an address of this machine"):
        site.build(BASE + f"ADD {SERVER}/secret /x\n")
    assert server.asked == []


def test_a_repository_by_its_commit_with_its_own_folder(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "repositories/app.git"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "f").write_text("one\n")
    first = commit(folder, "first")
    serve_git(tmp_path / "repositories")
    allowed(site)
    text = BASE + f"ADD --checksum={first[:8]} --keep-git-dir {REPOSITORY}#main /src\n"
    image = site.build(text)
    told = subprocess.run(
        ["git", "-c", "safe.directory=*", "log", "--format=%H %s"],
        cwd=site.top(image) / "src", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == f"{first} first\n"
    assert "inside" not in (site.top(image) / "src/.git/config").read_text()
    assert site.names(site.build(BASE + f"ADD {REPOSITORY}#main /src\n")) == ["src", "src/f"]
    (folder / "f").write_text("two\n")
    second = commit(folder, "second")
    with pytest.raises(Unbuildable, match=f"is commit {second}, and not {first[:8]}"):
        site.build(text)
    site.build(text.replace(f"{first[:8]}", first))
    assert site.made == []
    assert site.environ
    site.environ["STACKUP_CONFIG"] = "/nowhere"
    with pytest.raises(Unbuildable, match='"127.0.0.1" is not asked'):
        site.build(text)


def test_t48_git_is_held_to_the_address_that_was_looked_at(site: Site, tmp_path: Path) -> None:
    """The name leads to a public server while it is checked, and within when git looks it up itself."""
    server = Server()
    server.files = {"/app.git/info/refs?service=git-upload-pack": b"x"}
    (tmp_path / "hosts").write_text("127.0.0.1 files.example\n")
    subprocess.run(["mount", "--bind", tmp_path / "hosts", "/etc/hosts"], check=True)
    reference = gitref.parse(f"http://files.example:{PORT}/app.git")
    assert reference is not None
    for guard, asked in ((None, True), (lambda _: ["192.0.2.1"], False)):
        server.asked = []
        with pytest.raises(RemoteError):
            Git({"PATH": "/usr/bin:/bin"}, guard=guard).commit(reference)
        assert bool(server.asked) is asked
