"""Against Debian's docker-registry: what skopeo puts in, we take out; logins, tokens and certificates as they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stackup.errors import RemoteError
from stackup.images import origin
from stackup.images.index import DOCKER_MANIFEST, OCI_INDEX, Platform
from stackup.images.pull import Puller, find
from stackup.images.reference import parse
from stackup.images.soundness import problems
from stackup.images.store import Store
from tests.conftest import OwnHost
from tests.images import registries as r
from tests.images import tarballs as t

pytestmark = [pytest.mark.host, pytest.mark.slow]
AMD64 = Platform("linux", "amd64")


def pull(home: Path, store: Store, name: str) -> str:
    return Puller(store).pull(find(r.client_of(home), parse(name), AMD64))


def hello(store: Store, image: str) -> bytes:
    return Path(store.layers(image)[0], "hello").read_bytes()


def test_what_skopeo_puts_in_we_take_out(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    plain = r.serve(tmp_path / "plain", 5000)
    source = r.layout(tmp_path / "one", architectures=("amd64", "arm64"))
    r.put_in(source, plain, "team/app:oci", "--all")
    r.put_in(source, plain, "team/app:docker", "--override-arch=amd64", "--format=v2s2")
    oci, docker = (pull(tmp_path, store, f"{plain}/team/app:{tag}") for tag in ("oci", "docker"))
    assert hello(store, oci) == hello(store, docker) == b"hello"
    kinds = {str(note["media_type"]) for note in origin.kept(store)}
    assert {OCI_INDEX, DOCKER_MANIFEST} <= kinds
    seen = json.loads(r.skopeo("inspect", "--tls-verify=false", f"docker://{plain}/team/app:docker"))
    assert store.digest_of(f"{plain}/team/app:docker") == seen["Digest"]
    assert problems(store) == ()


def test_a_registry_with_a_login_lets_in_who_has_one(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    name = r.serve(tmp_path / "login", 5001, login=True)
    r.put_in(r.layout(tmp_path / "one"), name, "app:1", "--dest-creds=me:secret")
    with pytest.raises(RemoteError) as caught:
        pull(tmp_path, store, f"{name}/app:1")
    assert (caught.value.code, caught.value.hint) == ("denied", f"log in with `stackup login {name}`")
    r.log_in(tmp_path, name)
    assert hello(store, pull(tmp_path, store, f"{name}/app:1")) == b"hello"


def test_tokens_are_fetched_with_the_login(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    plain = r.serve(tmp_path / "plain", 5000)
    r.put_in(r.layout(tmp_path / "one"), plain, "app:1")
    door, asked = r.serve_tokens(plain, 5002)
    with pytest.raises(RemoteError) as caught:
        pull(tmp_path, store, f"{door}/app:1")
    assert caught.value.code == "denied"
    r.log_in(tmp_path, door)
    asked.clear()
    assert hello(store, pull(tmp_path, store, f"{door}/app:1")) == b"hello"
    assert asked == ["/token?service=test&scope=repository%3Aapp%3Apull"]


def test_an_identity_token_serves_in_place_of_a_password(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    plain = r.serve(tmp_path / "plain", 5000)
    r.put_in(r.layout(tmp_path / "one"), plain, "app:1")
    door, asked = r.serve_tokens(plain, 5002)
    (tmp_path / ".docker").mkdir()
    login = {"auth": "bWU6", "identitytoken": "long-lived"}
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {door: login}}))
    assert hello(store, pull(tmp_path, store, f"{door}/app:1")) == b"hello"
    assert asked == ["/token"]


def test_a_certificate_is_trusted_by_whom_the_user_says(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    name = r.serve(tmp_path / "tls", 5003, tls=True)
    r.put_in(r.layout(tmp_path / "one"), name, "app:1")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/registries.toml").write_text(f'["{name}"]\nplain = false\n')
    with pytest.raises(RemoteError, match="is not trusted") as caught:
        pull(tmp_path, store, f"{name}/app:1")
    assert f"certs.d/{name}/ca.crt" in caught.value.hint
    trusted = tmp_path / f".docker/certs.d/{name}"
    trusted.mkdir(parents=True)
    shutil.copy(tmp_path / "tls/ca.crt", trusted)
    assert hello(store, pull(tmp_path, store, f"{name}/app:1")) == b"hello"


def test_plain_http_where_tls_was_expected_is_said(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    name = r.serve(tmp_path / "plain", 5000)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/registries.toml").write_text(f'["{name}"]\nplain = false\n')
    with pytest.raises(RemoteError, match="does not speak TLS") as caught:
        pull(tmp_path, store, f"{name}/app:1")
    assert "plain = true" in caught.value.hint


def test_a_registry_that_is_not_there(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    client = r.client_of(tmp_path)
    client.pause = lambda seconds: False
    with pytest.raises(RemoteError, match=r'"127.0.0.1:5009" cannot be reached: connection refused'):
        find(client, parse("127.0.0.1:5009/app"), AMD64)


def test_a_client_shows_its_certificate(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    name = r.serve(tmp_path / "tls", 5003, tls=True, clients=True)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/registries.toml").write_text(f'["{name}"]\nplain = false\n')
    own = tmp_path / f"config/certs.d/{name}"
    own.mkdir(parents=True)
    shutil.copy(tmp_path / "tls/ca.crt", own)
    client = r.client_of(tmp_path)
    client.pause = lambda seconds: False
    with pytest.raises(RemoteError):
        find(client, parse(f"{name}/app:1"), AMD64)
    shutil.copy(tmp_path / "tls/server.crt", own / "client.cert")
    shutil.copy(tmp_path / "tls/server.key", own / "client.key")
    r.put_in(r.layout(tmp_path / "one"), name, "app:1", f"--dest-cert-dir={own}")
    assert hello(store, pull(tmp_path, store, f"{name}/app:1")) == b"hello"


def test_a_proxy_is_asked_where_the_environment_says_so(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    """Nobody knows the registry's name but the proxy."""
    behind = r.serve(tmp_path / "plain", 5000)
    r.put_in(r.layout(tmp_path / "one"), behind, "app:1")
    asked = r.serve_proxy(behind, 3128)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/registries.toml").write_text('["registry.far:5000"]\nplain = true\n')
    client = r.client_of(tmp_path, HTTP_PROXY="http://127.0.0.1:3128")
    image = Puller(store).pull(find(client, parse("registry.far:5000/app:1"), AMD64))
    assert hello(store, image) == b"hello"
    assert asked[0].startswith("http://registry.far:5000/v2/app/manifests/1")


def test_memory_does_not_grow_with_a_layer(own_host: OwnHost, tmp_path: Path) -> None:
    """Two layers of 80 MB, of which nothing can be left out of the stream; a process of its own tells its peak."""
    plain = r.serve(tmp_path / "plain", 5000)
    piece = os.urandom(1 << 20)
    big = t.tarball(*(t.file(f"f{number}", bytes([number]) + piece) for number in range(80)))
    r.put_in(r.layout(tmp_path / "one", layers=(big, t.tarball(t.file("x", piece * 80)))), plain, "app:1")
    script = (
        "import sys; from stackup.images.access import Access; from stackup.images.pull import *;"
        "from stackup.images.reference import parse; from stackup.images.index import Platform;"
        "client = Client(Access((), {'HOME': sys.argv[1]}));"
        "Puller(Store(sys.argv[1] + '/store')).pull(find(client, parse(sys.argv[2]), Platform('linux', 'amd64')));"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    )
    words = [sys.executable, "-c", script, str(tmp_path), f"{plain}/app:1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100 << 10, "KiB"
    print(f"peak: {int(done.stdout) >> 10} MiB")
