"""Files behind URLs: asked for once, then whether they changed; whole and as promised, or not there; never from within."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from stackup.errors import RemoteError, StackupError, UsageError
from stackup.images.access import Access
from stackup.images.download import Downloads
from stackup.images.transport import Request, spelled_address
from tests.images.fakenet import Answer, FakeNet

URL = "https://files.example/a.tar"
MODIFIED = 1_700_000_000


class Shelf:
    """A server of one file that knows what it was asked."""

    def __init__(self, body: bytes = b"one", **headers: str) -> None:
        self.body = body
        self.headers = headers
        self.asked: list[Request] = []
        self.answers: list[Answer] = []

    def __call__(self, request: Request) -> Answer:
        self.asked.append(request)
        if self.answers:
            return self.answers.pop(0)
        if self.headers.get("etag") in (request.headers.get("If-None-Match"), "") and "etag" in self.headers:
            return Answer(304)
        return Answer(200, self.body, self.headers)


@pytest.fixture
def net() -> FakeNet:
    return FakeNet()


@pytest.fixture
def get(net: FakeNet, tmp_path: Path) -> Iterator[Callable[..., bytes]]:
    def got(url: str = URL, checksum: str = "", *, strange: bool = True, access: Access | None = None) -> bytes:
        downloads = Downloads(str(tmp_path / "kept"), access or Access(), net, pause=lambda _: None)
        found = downloads.get(url, checksum, strange=strange)
        with os.fdopen(found.fd, "rb") as file:
            content = file.read()
        assert found.digest == digest(content)
        return content

    yield got
    litter = [path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert set(litter) <= {"lock", "file", "note.json"}


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def redirect(place: str) -> Callable[[Request], Answer]:
    return lambda _: Answer(302, headers={"location": place})


def test_what_did_not_change_is_not_sent_again(net: FakeNet, get: Callable[..., bytes]) -> None:
    shelf = net.hosts["files.example"] = Shelf(b"one", etag='"1"')
    assert [get(), get()] == [b"one", b"one"]
    assert [request.headers.get("If-None-Match") for request in shelf.asked] == [None, '"1"']
    shelf.body, shelf.headers = b"two", {"etag": '"2"'}
    assert get() == b"two"


def test_a_file_is_as_old_as_its_server_says(net: FakeNet, tmp_path: Path) -> None:
    for name, headers, seconds in (("a", {"last-modified": formatdate(MODIFIED, usegmt=True)}, MODIFIED), ("b", {}, 0)):
        shelf = net.hosts["files.example"] = Shelf(**headers)
        for _ in range(2):
            found = Downloads(str(tmp_path), Access(), net).get(f"https://files.example/{name}", strange=True)
            assert os.fstat(found.fd).st_mtime == seconds
            os.close(found.fd)
        assert shelf.asked[1].headers.get("If-Modified-Since", "") == headers.get("last-modified", "")


def test_with_a_checksum_nobody_is_asked_for_what_is_here(net: FakeNet, get: Callable[..., bytes]) -> None:
    shelf = net.hosts["files.example"] = Shelf()
    assert [get(checksum=digest(b"one")) for _ in range(2)] == [b"one", b"one"]
    assert len(shelf.asked) == 1


def test_what_is_not_as_promised_is_not_kept(net: FakeNet, get: Callable[..., bytes], tmp_path: Path) -> None:
    shelf = net.hosts["files.example"] = Shelf(b"evil")
    with pytest.raises(RemoteError) as caught:
        get(checksum=digest(b"one"))
    assert caught.value.code == "digest"
    assert digest(b"evil") in caught.value.message
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"evil"] == []
    shelf.body = b"one"
    assert get(checksum=digest(b"one")) == b"one"


def test_an_answer_that_broke_off_is_asked_for_again(net: FakeNet, get: Callable[..., bytes]) -> None:
    shelf = net.hosts["files.example"] = Shelf(b"whole")
    shelf.answers = [Answer(200, b"whole", breaks_after=2), Answer(503)]
    assert get() == b"whole"
    shelf.answers = [Answer(404)]
    with pytest.raises(RemoteError, match="answered with 404"):
        get("https://files.example/b")
    assert len(shelf.asked) == 4


def test_a_login_is_for_its_own_server_only(net: FakeNet, get: Callable[..., bytes]) -> None:
    net.hosts["files.example"] = redirect("https://cdn.example/a.tar")
    net.hosts["cdn.example"] = Shelf()
    assert get("https://me:p%40ss@files.example/a.tar") == b"one"
    assert net.shown_to("files.example") == [f"Basic {base64.b64encode(b'me:p@ss').decode()}"]
    assert net.shown_to("cdn.example") == []
    with pytest.raises(StackupError) as caught:
        get("https://me:p%40ss@gone.example/a.tar")
    assert "p%40ss" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("http://127.0.0.1/x", "127.0.0.1"),
        ("http://inner.example/x", "10.0.0.7"),
        ("http://meta.example/x", "169.254.169.254"),
        ("http://six.example/x", "fe80::1%eth0"),
        ("http://six.example/x", "fc00::7"),
        ("http://mapped.example/x", "::ffff:127.0.0.1"),
        ("http://nat.example/x", "64:ff9b::a00:7"),
        ("http://shared.example/x", "100.64.0.1"),
    ],
)
def test_t48_nobody_within_is_asked(net: FakeNet, get: Callable[..., bytes], place: str, address: str) -> None:
    host = place.split("/")[2]
    net.hosts[host] = Shelf(b"secret")
    net.addresses[host] = address
    net.hosts["files.example"] = redirect(place)
    for url in (place, "http://files.example/a.tar"):
        with pytest.raises(RemoteError) as caught:
            get(url)
        assert caught.value.code == "redirect-refused"
    assert [request.host for request in net.requests] == ["files.example"]


def test_a_server_within_may_be_allowed(net: FakeNet, get: Callable[..., bytes], tmp_path: Path) -> None:
    net.addresses.update({"inner.example": "10.0.0.7", "other.example": "10.0.0.8"})
    net.hosts["inner.example"] = redirect("http://other.example/x")
    net.hosts["other.example"] = Shelf()
    (tmp_path / "registries.toml").write_text('["inner.example"]\nprivate = true\n')
    with pytest.raises(RemoteError, match=r"other.example.* is not asked"):
        get("http://inner.example/x", access=Access((str(tmp_path),)))
    assert get("http://inner.example/x", strange=False) == b"one"


def test_nothing_goes_from_tls_to_plain_text(net: FakeNet, get: Callable[..., bytes]) -> None:
    net.hosts["files.example"] = redirect("http://files.example/b.tar")
    with pytest.raises(RemoteError, match="not encrypted"):
        get()


def test_offline_what_is_here_counts(net: FakeNet, get: Callable[..., bytes]) -> None:
    offline = Access(offline=True)
    with pytest.raises(RemoteError, match="we are offline"):
        get(access=offline)
    net.hosts["files.example"] = Shelf()
    get()
    assert get(access=offline) == get(checksum=digest(b"one"), access=offline) == b"one"
    with pytest.raises(RemoteError, match="we are offline"):
        get(checksum=digest(b"two"), access=offline)
    assert len(net.requests) == 1


@pytest.mark.parametrize("url", ["http://", "http:///x", "https://a b/x", "http://[::1", "http://h:99999/x"])
def test_what_is_no_url_is_said(get: Callable[..., bytes], url: str) -> None:
    with pytest.raises(UsageError, match="no URL of a file"):
        get(url)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.1", "127.0.0.1"),
        ("0x7f000001:80", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("localhost", "127.0.0.1"),
        ("files.example", ""),
    ],
)
def test_addresses_are_read_as_the_system_reads_them(host: str, address: str) -> None:
    assert spelled_address(host) == address
