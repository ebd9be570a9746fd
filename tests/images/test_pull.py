"""Pulling from a registry of our own making: what is right arrives whole, and of what is wrong nothing is kept.

The names T11 to T15 are those of the list of threats.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
from pathlib import Path

import pytest

from stackup.errors import RemoteError, StackupError
from stackup.images import origin
from stackup.images.access import Access
from stackup.images.index import Platform
from stackup.images.pull import Client, Found, Puller, find
from stackup.images.reference import parse
from stackup.images.refusal import ArchiveRefused, ManifestInvalid
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.images.transport import Request, Unreachable
from tests.images import tarballs as t
from tests.images.fakenet import HOST, Answer, FakeNet, Shelf, digest, packed, part

NAME = f"{HOST}/app:1"
AMD64 = Platform("linux", "amd64")
TOKENS = "tokens.elsewhere"


def at_once(seconds: float) -> bool:
    return False


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def net(shelf: Shelf) -> FakeNet:
    return FakeNet({HOST: shelf})


@pytest.fixture
def client(net: FakeNet, tmp_path: Path) -> Client:
    return client_of(net, tmp_path)


def client_of(net: FakeNet, home: Path, **rest: object) -> Client:
    access = Access((str(home / "config"),), {"HOME": str(home)}, **rest)  # type: ignore[arg-type]
    return Client(access, net, at_once)


def log_in(home: Path, registry: str = HOST) -> None:
    (home / ".docker").mkdir()
    auth = base64.b64encode(b"me:secret").decode()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))


def pull(client: Client, store: Store, name: str = NAME) -> str:
    return Puller(store, at_once).pull(find(client, parse(name), AMD64))


def assert_nothing_kept(store: Store) -> None:
    assert store.images() == []
    assert list(origin.kept(store)) == []
    assert not any(Path(store.dir, "layers").glob("*"))
    assert problems(store) == ()


def test_an_image_arrives_with_its_text_and_digest(client: Client, shelf: Shelf, store: Store) -> None:
    whole = shelf.add_index("1", arm64=shelf.add_image(architecture="arm64"), amd64=shelf.add_image())
    image = pull(client, store)
    assert store.resolve(NAME) == store.resolve(f"{HOST}/app@{whole}") == image
    assert Path(store.layers(image)[0], "hello").read_bytes() == b"hello"
    assert store.digest_of(NAME) == whole
    texts = {str(kept["text"]).encode() for kept in origin.kept(store, image)}
    assert texts == {shelf.manifests["1"][1], shelf.manifests[shelf.add_image()][1]}
    assert problems(store) == ()


def test_what_is_known_of_an_image_goes_with_it(client: Client, shelf: Shelf, store: Store) -> None:
    shelf.add_image("1")
    store.remove(pull(client, store))
    assert_nothing_kept(store)


def test_finding_asks_for_no_layer(client: Client, shelf: Shelf, net: FakeNet) -> None:
    shelf.add_image("1")
    found = find(client, parse(NAME), AMD64)
    assert found.image_id == found.manifest.config.digest
    layers = {layer.digest for layer in found.manifest.layers}
    assert not [request for request in net.requests if request.url.rpartition("/")[2] in layers]


def test_a_layer_that_is_here_does_not_come_again(client: Client, shelf: Shelf, store: Store, net: FakeNet) -> None:
    base = t.tarball(t.file("base", b"base"))
    shelf.add_image("1", layers=(base,))
    shelf.add_image("2", layers=(base, t.tarball(t.file("more", b"more"))))
    pull(client, store)
    net.requests.clear()
    pull(client, store, f"{HOST}/app:2")
    assert sum("/blobs/" in request.url for request in net.requests) == 2  # the configuration and one layer


def test_a_layer_that_is_in_an_image_twice_comes_once(client: Client, shelf: Shelf, store: Store, net: FakeNet) -> None:
    same = t.tarball(t.file("same", b"same"))
    shelf.add_image("1", layers=(same, same, same))
    image = pull(client, store)
    assert len(store.layers(image)) == 3
    assert sum("/blobs/" in request.url for request in net.requests) == 2


def test_a_broken_connection_is_taken_up_where_it_broke(
    client: Client, shelf: Shelf, store: Store, net: FakeNet
) -> None:
    content = random.Random(1).randbytes(300_000)
    shelf.add_image("1", layers=(t.tarball(t.file("big", content)),))

    def breaking(request: Request) -> Answer | None:
        blob = shelf.blobs.get(request.url.rpartition("/")[2], b"")
        return part(blob, request, breaks_after=100_000) if len(blob) > 100_000 else None

    shelf.before = breaking
    image = pull(client, store)
    assert Path(store.layers(image)[0], "big").read_bytes() == content
    ranges = [request.headers["Range"] for request in net.requests if "Range" in request.headers]
    assert ranges == ["bytes=100000-", "bytes=200000-", "bytes=300000-"]


def test_a_registry_without_ranges_is_read_again_and_skipped(client: Client, shelf: Shelf, store: Store) -> None:
    content = random.Random(1).randbytes(300_000)
    shelf.add_image("1", layers=(t.tarball(t.file("big", content)),))
    breaks = iter([100_000])

    def breaking(request: Request) -> Answer | None:
        blob = shelf.blobs.get(request.url.rpartition("/")[2], b"")
        return Answer(200, blob, breaks_after=next(breaks, -1)) if len(blob) > 100_000 else None

    shelf.before = breaking
    image = pull(client, store)
    assert Path(store.layers(image)[0], "big").read_bytes() == content


def test_a_connection_that_never_holds_is_given_up(client: Client, shelf: Shelf, store: Store) -> None:
    shelf.add_image("1")
    layer = find(client, parse(NAME), AMD64).manifest.layers[0]
    shelf.before = lambda request: Answer(200, breaks_after=0) if request.url.endswith(layer.digest) else None
    with pytest.raises(Unreachable):
        pull(client, store)
    assert_nothing_kept(store)


def test_what_came_before_an_error_is_kept_for_the_next_run(
    client: Client, shelf: Shelf, store: Store, net: FakeNet
) -> None:
    good, late = t.tarball(t.file("good", b"good")), t.tarball(t.file("late", b"late"))
    shelf.add_image("1", layers=(good, late))
    blob = shelf.blobs.pop(digest(packed(late)))
    with pytest.raises(RemoteError):
        pull(client, store)
    assert store.has_layer(digest(good))
    assert store.images() == []
    shelf.add_blob(blob)
    net.requests.clear()
    pull(client, store)
    assert sum("/blobs/" in request.url for request in net.requests) == 2


def _with_layer(shelf: Shelf, **changes: object) -> None:
    """The image's one layer described otherwise than it is."""
    shelf.add_image("1")
    kind, text = shelf.manifests["1"]
    manifest = json.loads(text)
    manifest["layers"][0] |= changes
    shelf.add_manifest(manifest, kind, "1")


def test_t11_a_blob_with_other_bytes_is_refused(client: Client, shelf: Shelf, store: Store) -> None:
    shelf.add_image("1")
    layer = find(client, parse(NAME), AMD64).manifest.layers[0].digest
    other = packed(t.tarball(t.file("hello", b"wrong")))
    shelf.blobs[layer] = other.ljust(len(shelf.blobs[layer]), b"\0")[: len(shelf.blobs[layer])]
    with pytest.raises(StackupError):
        pull(client, store)
    assert_nothing_kept(store)


def test_t11_a_blob_that_unpacks_to_something_else_is_refused(client: Client, shelf: Shelf, store: Store) -> None:
    """Its own digest is right; the configuration promised another one."""
    other = packed(t.tarball(t.file("hello", b"wrong")))
    _with_layer(shelf, digest=shelf.add_blob(other), size=len(other))
    with pytest.raises(RemoteError, match="nothing of it was kept") as caught:
        pull(client, store)
    assert caught.value.code == "digest"
    assert_nothing_kept(store)


@pytest.mark.parametrize("by", [-1, 1, 100_000])
def test_t11_a_blob_of_another_size_is_refused(client: Client, shelf: Shelf, store: Store, by: int) -> None:
    size = len(packed(t.tarball(t.file("hello", b"hello"))))
    _with_layer(shelf, size=size + by)
    with pytest.raises(StackupError):
        pull(client, store)
    assert_nothing_kept(store)


@pytest.mark.parametrize("name", ["1", "config", "manifest"])
def test_t11_a_text_that_is_not_its_digest_is_refused(client: Client, shelf: Shelf, store: Store, name: str) -> None:
    manifest = shelf.add_image()
    whole = shelf.add_index("1", amd64=manifest)
    if name == "config":
        config = json.loads(shelf.manifests[manifest][1])["config"]["digest"]
        shelf.blobs[config] = shelf.blobs[config].replace(b"/hello", b"/other")
    else:
        wrong = whole if name == "1" else manifest
        kind, text = shelf.manifests[wrong]
        shelf.before = lambda request: (
            Answer(200, text + b" ", {"content-type": kind, "docker-content-digest": wrong})
            if request.url.endswith((wrong, "/1") if name == "1" else wrong)
            else None
        )
    with pytest.raises(RemoteError) as caught:
        pull(client, store)
    assert caught.value.code == "digest"
    assert_nothing_kept(store)


def test_t12_a_manifest_that_came_as_an_index_is_refused(client: Client, shelf: Shelf) -> None:
    shelf.add_image("1", manifests=[])
    with pytest.raises(ManifestInvalid, match="a manifest and as an index"):
        find(client, parse(NAME), AMD64)


def test_t13_urls_of_foreign_layers_are_never_asked(
    client: Client, shelf: Shelf, store: Store, net: FakeNet, tmp_path: Path
) -> None:
    log_in(tmp_path)
    net.hosts["evil.example"] = lambda request: Answer(401, headers={"www-authenticate": "Basic realm=x"})
    _with_layer(shelf, urls=["https://evil.example/layer"], digest=digest(b"elsewhere"))
    with pytest.raises(RemoteError):
        pull(client, store)
    assert {request.host for request in net.requests} == {HOST}


def _moved(shelf: Shelf, place: str, status: int = 307) -> None:
    shelf.before = lambda request: Answer(status, headers={"location": place}) if "/blobs/" in request.url else None


def test_t14_a_redirect_to_another_host_sees_no_credentials(
    client: Client, shelf: Shelf, store: Store, net: FakeNet, tmp_path: Path
) -> None:
    log_in(tmp_path)
    shelf.add_image("1")
    inner = Shelf(shelf.blobs)

    def guarded(request: Request) -> Answer | None:
        if "Authorization" not in request.headers:
            return Answer(401, headers={"www-authenticate": 'Basic realm="x"'})
        name = request.url.rpartition("/")[2]
        return (
            Answer(307, headers={"location": f"https://cdn.example/v2/x/blobs/{name}"})
            if "/blobs/" in request.url
            else None
        )

    shelf.before = guarded
    net.hosts["cdn.example"] = inner
    pull(client, store)
    assert net.shown_to(HOST)
    assert [request.host for request in net.requests].count("cdn.example") == 2
    assert net.shown_to("cdn.example") == []


def test_t14_a_host_after_a_redirect_that_asks_for_a_login_gets_none(
    client: Client, shelf: Shelf, net: FakeNet, tmp_path: Path
) -> None:
    log_in(tmp_path)
    shelf.add_image("1")
    _moved(shelf, "https://cdn.example/blob")
    net.hosts["cdn.example"] = lambda request: Answer(401, headers={"www-authenticate": 'Basic realm="x"'})
    with pytest.raises(RemoteError):
        find(client, parse(NAME), AMD64)
    assert net.shown_to("cdn.example") == []


def test_t14_no_redirect_leads_from_tls_to_plain_text(client: Client, shelf: Shelf, net: FakeNet) -> None:
    shelf.add_image("1")
    _moved(shelf, "http://cdn.example/blob")
    with pytest.raises(RemoteError, match="not encrypted"):
        find(client, parse(NAME), AMD64)
    assert {request.host for request in net.requests} == {HOST}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.7", "fe80::1", "::ffff:127.0.0.1"])
def test_t14_no_redirect_leads_into_our_own_networks(client: Client, shelf: Shelf, net: FakeNet, address: str) -> None:
    shelf.add_image("1")
    _moved(shelf, "https://innocent.example/blob")
    net.hosts["innocent.example"] = lambda request: Answer(200, b"secret")
    net.addresses["innocent.example"] = address
    with pytest.raises(RemoteError, match="is not followed") as caught:
        find(client, parse(NAME), AMD64)
    assert caught.value.code == "redirect-refused"
    assert "innocent.example" not in {request.host for request in net.requests}


def test_a_registry_on_our_own_network_may_keep_its_blobs_beside_it(client: Client, shelf: Shelf, net: FakeNet) -> None:
    shelf.add_image("1")
    _moved(shelf, "https://blobs.example/x")
    config = json.loads(shelf.manifests["1"][1])["config"]["digest"]
    net.hosts["blobs.example"] = lambda request: Answer(200, shelf.blobs[config])
    net.addresses |= {HOST: "10.0.0.5", "blobs.example": "10.0.0.6"}
    assert find(client, parse(NAME), AMD64).image_id == config
    net.addresses["blobs.example"] = "169.254.169.254"
    with pytest.raises(RemoteError, match="is not followed"):
        find(client, parse(NAME), AMD64)


def test_redirects_without_end_end(client: Client, shelf: Shelf, net: FakeNet) -> None:
    shelf.add_image("1")
    _moved(shelf, f"https://{HOST}/v2/app/blobs/again")
    with pytest.raises(RemoteError, match="without end"):
        find(client, parse(NAME), AMD64)


def _token_wanted(shelf: Shelf, realm: str) -> None:
    header = {"www-authenticate": f'Bearer realm="{realm}",service="registry",scope="repository:app:pull"'}
    shelf.before = lambda request: (
        None if request.headers.get("Authorization") == "Bearer good" else Answer(401, headers=header)
    )


def _tokens(request: Request) -> Answer:
    return Answer(200, json.dumps({"token": "good"}).encode())


def test_a_token_is_asked_for_once_and_shown(client: Client, shelf: Shelf, net: FakeNet, store: Store) -> None:
    shelf.add_image("1")
    _token_wanted(shelf, f"https://{HOST}:444/token")
    net.hosts[f"{HOST}:444"] = _tokens
    pull(client, store)
    (asked,) = [request for request in net.requests if request.host == f"{HOST}:444"]
    assert asked.url.endswith("/token?service=registry&scope=repository%3Aapp%3Apull")


def test_t15_a_realm_at_a_third_host_gets_no_login(client: Client, shelf: Shelf, net: FakeNet, tmp_path: Path) -> None:
    log_in(tmp_path)
    shelf.add_image("1")
    _token_wanted(shelf, f"https://{TOKENS}/token")
    net.hosts[TOKENS] = _tokens
    with pytest.raises(RemoteError, match="your login was not sent there") as caught:
        find(client, parse(NAME), AMD64)
    assert caught.value.hint == f'if it is right, write tokens = ["{TOKENS}"] below ["{HOST}"] in registries.toml'
    assert TOKENS not in {request.host for request in net.requests}


def test_t15_a_realm_that_the_user_allowed_gets_the_login(
    client: Client, shelf: Shelf, net: FakeNet, tmp_path: Path
) -> None:
    log_in(tmp_path)
    shelf.add_image("1")
    _token_wanted(shelf, f"https://{TOKENS}/token")
    net.hosts[TOKENS] = _tokens
    (tmp_path / "config").mkdir()
    (tmp_path / "config/registries.toml").write_text(f'["{HOST}"]\ntokens = ["{TOKENS}"]\n')
    find(client, parse(NAME), AMD64)
    assert net.shown_to(TOKENS) == [f"Basic {base64.b64encode(b'me:secret').decode()}"]


def test_t15_without_a_login_anybody_may_be_asked_for_a_token(client: Client, shelf: Shelf, net: FakeNet) -> None:
    shelf.add_image("1")
    _token_wanted(shelf, f"https://{TOKENS}/token")
    net.hosts[TOKENS] = _tokens
    find(client, parse(NAME), AMD64)
    assert net.shown_to(TOKENS) == []


@pytest.mark.parametrize(
    "realm", ["http://registry.example/token", "file:///etc/shadow", "https://registry.example@evil.example/"]
)
def test_t15_a_realm_that_is_no_safe_place_is_refused(client: Client, shelf: Shelf, net: FakeNet, realm: str) -> None:
    shelf.add_image("1")
    _token_wanted(shelf, realm)
    with pytest.raises(RemoteError) as caught:
        find(client, parse(NAME), AMD64)
    assert caught.value.code == "realm-refused"
    assert {request.url.partition("/v2/")[0] for request in net.requests} == {f"https://{HOST}"}


def test_t15_a_realm_does_not_lead_into_our_own_networks(client: Client, shelf: Shelf, net: FakeNet) -> None:
    shelf.add_image("1")
    _token_wanted(shelf, f"https://{TOKENS}/token")
    net.hosts[TOKENS] = _tokens
    net.addresses[TOKENS] = "169.254.169.254"
    with pytest.raises(RemoteError, match="is not followed"):
        find(client, parse(NAME), AMD64)


def test_what_passes_is_tried_again(client: Client, shelf: Shelf) -> None:
    shelf.add_image("1")
    failures = iter([503, 500, 429])
    shelf.before = lambda request: Answer(status) if (status := next(failures, 0)) else None
    find(client, parse(NAME), AMD64)


def test_a_rate_limit_says_when_to_try_again(client: Client, shelf: Shelf, net: FakeNet) -> None:
    shelf.before = lambda request: Answer(429, headers={"retry-after": "3600"})
    with pytest.raises(RemoteError) as caught:
        find(client, parse(NAME), AMD64)
    assert (caught.value.code, "try again in 1h0m1s" in caught.value.hint) == ("rate-limit", True)
    assert len(net.requests) == 1


def test_a_short_wait_is_waited(net: FakeNet, shelf: Shelf, tmp_path: Path) -> None:
    shelf.add_image("1")
    answers = iter([Answer(429, headers={"retry-after": "7"})])
    shelf.before = lambda request: next(answers, None)
    slept: list[float] = []
    client = Client(Access((), {"HOME": str(tmp_path)}), net, lambda seconds: bool(slept.append(seconds)))
    find(client, parse(NAME), AMD64)
    assert slept == [7.0]


def test_what_is_not_there_is_said_plainly(client: Client) -> None:
    with pytest.raises(RemoteError, match='there is no image "registry.example/app:1"') as caught:
        find(client, parse(NAME), AMD64)
    assert caught.value.code == "not-found"


def test_whoever_is_not_let_in_is_told_how_to_log_in(client: Client, shelf: Shelf) -> None:
    shelf.before = lambda request: Answer(403, b'{"errors": [{"code": "DENIED", "message": "No\\u001b[31m way"}]}')
    with pytest.raises(RemoteError, match=r"no\\x1b\[31m way") as caught:
        find(client, parse(NAME), AMD64)
    assert caught.value.hint == f"log in with `stackup login {HOST}`"


def test_another_platform_is_named(client: Client, shelf: Shelf) -> None:
    shelf.add_index("1", arm64=shelf.add_image(architecture="arm64"))
    with pytest.raises(StackupError, match="does not exist for linux/amd64") as caught:
        find(client, parse(NAME), AMD64)
    assert caught.value.hint == "it exists for linux/arm64"
    shelf.add_image("1", architecture="arm64")
    with pytest.raises(StackupError, match="does not exist for linux/amd64"):
        find(client, parse(NAME), AMD64)
    assert find(client, parse(NAME), Platform.parse("linux/arm64/v8")).manifest.layers


def test_offline_asks_nobody(net: FakeNet, tmp_path: Path) -> None:
    with pytest.raises(RemoteError) as caught:
        find(client_of(net, tmp_path, offline=True), parse(NAME), AMD64)
    assert (caught.value.code, net.requests) == ("offline", [])


def test_a_mirror_is_asked_first_and_missed_by_nobody(
    client: Client, shelf: Shelf, net: FakeNet, tmp_path: Path, store: Store
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/registries.toml").write_text(f'["{HOST}"]\nmirrors = ["https://mirror.example"]\n')
    log_in(tmp_path)
    shelf.add_image("1")
    net.hosts["mirror.example"] = Shelf(shelf.blobs, shelf.manifests)
    pull(client, store)
    assert {request.host for request in net.requests} == {"mirror.example"}
    del net.hosts["mirror.example"]
    assert find(client, parse(NAME), AMD64).registry.endpoint.host == HOST


def test_a_zip_of_death_is_no_layer(client: Client, shelf: Shelf, store: Store) -> None:
    bomb = gzip.compress(bytes(1 << 20))[:-8]
    _with_layer(shelf, digest=shelf.add_blob(bomb), size=len(bomb))
    with pytest.raises(ArchiveRefused):
        pull(client, store)
    assert_nothing_kept(store)


def test_progress_ends_with_all_of_every_layer(client: Client, shelf: Shelf, store: Store) -> None:
    shelf.add_image("1", layers=(t.tarball(t.file("a", b"a")), t.tarball(t.file("b", os.urandom(100_000)))))
    seen: dict[str, tuple[int, int]] = {}
    found: Found = find(client, parse(NAME), AMD64)
    Puller(store, at_once).pull(found, lambda name, done, total: seen.__setitem__(name, (done, total)))
    assert seen == {layer.digest: (layer.size, layer.size) for layer in found.manifest.layers}


def test_t16_a_digest_is_what_comes_wherever_its_tag_points_now(client: Client, shelf: Shelf, store: Store) -> None:
    """A lock is such a reference: the tag beside the digest is a comment."""
    first = shelf.add_image("1")
    shelf.config = {"Cmd": ["/other"]}
    second = shelf.add_image("1")
    image = pull(client, store, f"{NAME}@{first}")
    assert store.rootfs(image).config.cmd == ("/hello",)
    assert store.resolve(NAME) is None
    assert store.resolve(f"{NAME}@{first}") == store.resolve(f"{HOST}/app@{first}") == image
    del shelf.manifests[first]
    with pytest.raises(RemoteError, match="there is no image"):
        find(client, parse(f"{NAME}@{first}"), AMD64)
    assert store.resolve(f"{NAME}@{second}") is None


HOSTILE = [
    "https://[::1", "https://a:99999/x", "https://\x00/", "https://a b/", "https://\u202ee.example/", "gopher://x/", "file:///etc/shadow",
    "https://", "//", "https:\\\\evil.example\\x", "https://a\r\nX-Header: 1/", "javascript:1", "https://%zz/", "https://a:0/",
]  # fmt: skip


@pytest.mark.parametrize("place", HOSTILE)
def test_t14_a_place_that_is_none_is_an_error_in_words(client: Client, shelf: Shelf, net: FakeNet, place: str) -> None:
    shelf.add_image("1")
    _moved(shelf, place)
    with pytest.raises(StackupError):
        find(client, parse(NAME), AMD64)
    assert {request.host for request in net.requests} <= {HOST, "%zz"}


@pytest.mark.parametrize("realm", HOSTILE)
def test_t15_a_realm_that_is_none_is_an_error_in_words(
    client: Client, shelf: Shelf, net: FakeNet, tmp_path: Path, realm: str
) -> None:
    log_in(tmp_path)
    shelf.add_image("1")
    _token_wanted(shelf, realm)
    with pytest.raises(StackupError):
        find(client, parse(NAME), AMD64)
    assert {request.host for request in net.requests} == {HOST}


def test_t13_a_challenge_from_elsewhere_is_not_met(client: Client, shelf: Shelf, net: FakeNet, tmp_path: Path) -> None:
    """It names the registry's own token server, and still gets no token fetched."""
    log_in(tmp_path)
    shelf.add_image("1")
    _moved(shelf, "https://cdn.example/blob")
    header = {"www-authenticate": f'Bearer realm="https://{HOST}/token"'}
    net.hosts["cdn.example"] = lambda request: Answer(401, headers=header)
    with pytest.raises(RemoteError):
        find(client, parse(NAME), AMD64)
    assert not [request for request in net.requests if "/token" in request.url]
    assert net.shown_to("cdn.example") == []


def test_t14_an_upload_goes_where_a_redirect_might_and_shows_no_login(
    client: Client, shelf: Shelf, net: FakeNet, tmp_path: Path
) -> None:
    log_in(tmp_path)
    places = iter(["https://store.example/x", "https://inside.example/x"])

    def uploads(request: Request) -> Answer:
        if "Authorization" not in request.headers:
            return Answer(401, headers={"www-authenticate": 'Basic realm="x"'})
        return Answer(202, headers={"location": next(places)})

    shelf.before = uploads
    net.hosts |= {"store.example": lambda request: Answer(201), "inside.example": lambda request: Answer(201)}
    net.addresses["inside.example"] = "169.254.169.254"
    registry = client.registry(HOST)
    registry.upload("app", registry.begin("app"), digest(b"x"), b"x", 1)
    with pytest.raises(RemoteError, match="is not followed"):
        registry.upload("app", registry.begin("app"), digest(b"x"), b"x", 1)
    assert net.shown_to("store.example") == []
    assert [request.host for request in net.requests][-1] == HOST


def test_a_port_that_goes_without_saying_is_the_same_place(
    client: Client, shelf: Shelf, net: FakeNet, tmp_path: Path
) -> None:
    log_in(tmp_path)
    shelf.before = lambda request: (
        Answer(202, headers={"location": f"https://{HOST}:443/upload"})
        if "Authorization" in request.headers
        else Answer(401, headers={"www-authenticate": 'Basic realm="x"'})
    )
    net.hosts[f"{HOST}:443"] = lambda request: Answer(201 if "Authorization" in request.headers else 403)
    registry = client.registry(HOST)
    registry.upload("app", registry.begin("app"), digest(b"x"), b"x", 1)
