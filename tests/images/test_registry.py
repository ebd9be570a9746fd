"""Against Debian's docker-registry: what skopeo puts in, we take out; logins, tokens and certificates as they are."""

from __future__ import annotations

import json
import shutil
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
