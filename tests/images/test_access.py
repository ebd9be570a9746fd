"""What a machine's configuration says of registries, as values."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackup.errors import UsageError
from stackup.images.access import Access, Endpoint, is_loopback
from stackup.images.auth import challenges
from stackup.images.patience import retry_after


def access(folder: Path, **environ: str) -> Access:
    return Access((str(folder),), environ)


@pytest.mark.parametrize("name", ["localhost:5000", "127.0.0.1", "127.9.9.9:80", "[::1]:5000", "registry.localhost"])
def test_loopback_speaks_plain_http(tmp_path: Path, name: str) -> None:
    assert is_loopback(name)
    assert access(tmp_path).endpoint(name).base == f"http://{name}"


@pytest.mark.parametrize("name", ["localhost.example", "127.0.0.1.example", "10.0.0.1:5000", "example"])
def test_nobody_else_does(tmp_path: Path, name: str) -> None:
    assert access(tmp_path).endpoint(name).base == f"https://{name}"


def test_dockers_registry_is_somewhere_else(tmp_path: Path) -> None:
    assert access(tmp_path).endpoint("docker.io") == Endpoint(
        "docker.io", "https://registry-1.docker.io", ("auth.docker.io",)
    )


def test_the_file_says_what_is_different(tmp_path: Path) -> None:
    (tmp_path / "registries.toml").write_text(
        '["r.example"]\nplain = true\ntokens = ["a.example"]\n["docker.io"]\nmirrors = ["http://m.example:80/"]\n'
    )
    found = access(tmp_path)
    assert found.endpoint("r.example") == Endpoint("r.example", "http://r.example", ("a.example",))
    assert [endpoint.base for endpoint in found.endpoints("docker.io")] == [
        "http://m.example:80",
        "https://registry-1.docker.io",
    ]


@pytest.mark.parametrize(
    "text",
    ["[", '["r.example"]\nplian = true', '["r.example"]\nmirrors = "x"', '["r.example"]\nmirrors = ["m.example"]'],
)
def test_a_file_that_is_wrong_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "registries.toml").write_text(text)
    with pytest.raises(UsageError, match=r"registries\.toml"):
        access(tmp_path).endpoints("r.example")


def test_certificates_of_every_folder(tmp_path: Path) -> None:
    for name in ("one/certs.d/r.example:5000/ca.crt", "two/certs.d/r.example:5000/me.cert", "two/certs.d/x/ca.crt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    trust = Access((str(tmp_path / "one"), str(tmp_path / "two"))).trust("r.example:5000")
    here = tmp_path / "two/certs.d/r.example:5000"
    assert trust.authorities == (str(tmp_path / "one/certs.d/r.example:5000/ca.crt"),)
    assert trust.pairs == ((str(here / "me.cert"), str(here / "me.key")),)


@pytest.mark.parametrize(
    ("host", "no_proxy", "proxied"),
    [
        ("r.example", "", True),
        ("r.example:5000", "other.example", True),
        ("r.example:5000", "r.example", False),
        ("a.b.example", ".b.example", False),
        ("a.b.example", "x, b.example", False),
        ("ab.example", "b.example", True),
        ("r.example", "*", False),
        ("127.0.0.1:5000", "", False),
    ],
)
def test_proxies_of_the_environment(tmp_path: Path, host: str, no_proxy: str, proxied: bool) -> None:
    found = access(tmp_path, HTTPS_PROXY="http://proxy:3128", NO_PROXY=no_proxy).proxy("https", host)
    assert bool(found) is proxied


def test_root_and_users_have_their_own_folders() -> None:
    assert Access.from_environment({"HOME": "/root"}, uid=0).folders == ("/etc/stackup", "/root/.docker", "/etc/docker")
    assert Access.from_environment({"HOME": "/home/me"}, uid=1000).folders[0] == "/home/me/.config/stackup"
    assert Access.from_environment({"STACKUP_CONFIG": "/x", "STACKUP_OFFLINE": "1"}, uid=0).offline


def test_challenges_are_read() -> None:
    header = 'Basic realm="a, b", Bearer realm="https://x/t?a=b",service="s",scope="repository:a:pull,push"'
    assert challenges(header) == {
        "basic": {"realm": "a, b"},
        "bearer": {"realm": "https://x/t?a=b", "service": "s", "scope": "repository:a:pull,push"},
    }
    assert challenges("") == challenges('=,"",' * 10_000) == {}
    assert challenges("Negotiate") == {"negotiate": {}}


@pytest.mark.parametrize("text", ["", "soon", "-5", "Wed, 99 Foo 2026", "1e5"])
def test_a_wait_that_is_not_one(text: str) -> None:
    assert retry_after({"retry-after": text}) is None


def test_a_wait_in_every_form() -> None:
    assert retry_after({"retry-after": "60"}) == 60
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert (retry_after({"x-retry-after": "9999999999"}) or 0) > 0
