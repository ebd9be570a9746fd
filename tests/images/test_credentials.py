"""Logins as docker and podman keep them, read and written; helpers as they are called."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path

import pytest

from stackup.errors import StackupError, UsageError
from stackup.images.credentials import HUB, Credentials, Keychain

HELPER = """#!/bin/sh
echo "$1 $(cat)" >> "$HOME/calls"
case "$1" in
  get) test -f "$HOME/answer" && cat "$HOME/answer" || { echo "credentials not found in native keychain"; exit 1; } ;;
esac
"""


def auth(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".docker").mkdir()
    (tmp_path / "bin").mkdir()
    return tmp_path


def keychain(home: Path, **environ: str) -> Keychain:
    return Keychain({"HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}", **environ})


def write(home: Path, config: object, name: str = ".docker/config.json") -> None:
    (home / name).write_text(json.dumps(config))


def read(home: Path) -> dict[str, object]:
    return json.loads((home / ".docker/config.json").read_text())  # type: ignore[no-any-return]


def install(home: Path, name: str = "vault") -> None:
    path = home / f"bin/docker-credential-{name}"
    path.write_text(HELPER)
    path.chmod(0o755)


@pytest.mark.parametrize("key", ["reg.example:5000", "https://reg.example:5000", "https://reg.example:5000/v2/"])
def test_every_spelling_of_a_registry_is_found(home: Path, key: str) -> None:
    write(home, {"auths": {key: {"auth": auth("me", "a:b")}}})
    assert keychain(home).get("reg.example:5000") == Credentials("me", "a:b")
    assert keychain(home).get("reg.example") is None


def test_dockers_own_registry_goes_by_its_old_name(home: Path) -> None:
    write(home, {"auths": {HUB: {"auth": auth("me", "x")}}})
    assert keychain(home).get("docker.io") == Credentials("me", "x")


def test_a_repository_may_have_a_login_of_its_own(home: Path) -> None:
    write(home, {"auths": {"r.example": {"auth": auth("all", "x")}, "r.example/team": {"auth": auth("team", "y")}}})
    assert keychain(home).get("r.example", "team/app") == Credentials("team", "y")
    assert keychain(home).get("r.example", "teams/app") == Credentials("all", "x")


def test_the_file_of_the_environment_comes_first(home: Path) -> None:
    write(home, {"auths": {"r.example": {"auth": auth("docker", "x")}, "s.example": {"auth": auth("docker", "x")}}})
    write(home, {"auths": {"r.example": {"auth": auth("podman", "x")}}}, "auth.json")
    keys = keychain(home, REGISTRY_AUTH_FILE=str(home / "auth.json"))
    assert (keys.get("r.example"), keys.get("s.example")) == (Credentials("podman", "x"), Credentials("docker", "x"))


def test_a_login_is_kept_for_its_owner_only_beside_everything_else(home: Path) -> None:
    write(home, {"auths": {"other.example": {"auth": "b3RoZXI6eA=="}}, "psFormat": "table"})
    os.chmod(home / ".docker/config.json", 0o644)
    keychain(home).store("r.example", Credentials("me", "secret"))
    assert read(home) == {
        "auths": {"other.example": {"auth": "b3RoZXI6eA=="}, "r.example": {"auth": auth("me", "secret")}},
        "psFormat": "table",
    }
    assert stat.S_IMODE(os.stat(home / ".docker/config.json").st_mode) == 0o600
    assert keychain(home).erase("r.example")
    assert not keychain(home).erase("r.example")
    assert read(home) == {"auths": {"other.example": {"auth": "b3RoZXI6eA=="}}, "psFormat": "table"}


def test_the_first_login_makes_the_file(tmp_path: Path) -> None:
    keychain(tmp_path).store("docker.io", Credentials("me", "secret"))
    assert list(read(tmp_path)["auths"]) == [HUB]  # type: ignore[call-overload]
    assert keychain(tmp_path).get("docker.io") == Credentials("me", "secret")


@pytest.mark.parametrize("config", [{"credsStore": "vault"}, {"credHelpers": {"r.example": "vault"}}])
def test_a_helper_is_asked(home: Path, config: dict[str, object]) -> None:
    install(home)
    write(home, config)
    assert keychain(home).get("r.example") is None
    (home / "answer").write_text(json.dumps({"ServerURL": "r.example", "Username": "me", "Secret": "s"}))
    assert keychain(home).get("r.example") == Credentials("me", "s")
    (home / "answer").write_text(json.dumps({"Username": "<token>", "Secret": "long"}))
    assert keychain(home).get("r.example") == Credentials(identity_token="long")
    assert (home / "calls").read_text().splitlines() == ["get r.example"] * 3


def test_a_helper_keeps_the_password_and_the_file_does_not(home: Path) -> None:
    install(home)
    write(home, {"credsStore": "vault"})
    assert keychain(home).store("r.example", Credentials("me", "secret")) == 'the helper "vault"'
    assert read(home) == {"credsStore": "vault", "auths": {"r.example": {}}}
    told = json.loads((home / "calls").read_text().removeprefix("store "))
    assert told == {"ServerURL": "r.example", "Username": "me", "Secret": "secret"}


def test_a_helper_that_is_not_installed_keeps_nobody_from_public_images(home: Path) -> None:
    write(home, {"credsStore": "desktop"})
    keys = keychain(home)
    assert keys.get("r.example") is None
    assert keys.missing == "docker-credential-desktop"
    with pytest.raises(StackupError, match="it is not installed"):
        keys.store("r.example", Credentials("me", "secret"))


@pytest.mark.parametrize("name", ["../evil", "a b", "x;y", "-"])
def test_a_helper_is_a_name_and_no_path(home: Path, name: str) -> None:
    write(home, {"credsStore": name})
    with pytest.raises(UsageError):
        keychain(home).get("r.example")


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": {"r.example": {"auth": "%%%"}}}'])
def test_a_damaged_file_is_said(home: Path, text: str) -> None:
    (home / ".docker/config.json").write_text(text)
    with pytest.raises(UsageError):
        keychain(home).get("r.example")


def test_a_secret_is_in_no_message() -> None:
    assert "secret" not in repr(Credentials("me", "secret", "secret"))
