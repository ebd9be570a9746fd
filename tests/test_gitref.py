from __future__ import annotations

import pytest

from stackup.gitref import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://host/team/app.git", ("https://host/team/app.git", "", "")),
        ("https://host/team/app.git#main", ("https://host/team/app.git", "main", "")),
        ("https://host:8443/app.git#v1:deploy/", ("https://host:8443/app.git", "v1", "deploy")),
        ("git@host:team/app.git#:sub", ("git@host:team/app.git", "", "sub")),
        ("ssh://git@host:22/app", ("ssh://git@host:22/app", "", "")),
        ("git://127.0.0.1/app", ("git://127.0.0.1/app", "", "")),
        ("github.com/team/app", ("https://github.com/team/app", "", "")),
    ],
)
def test_a_repository_is_taken_apart(text: str, expected: tuple[str, str, str]) -> None:
    found = parse(text)
    assert found is not None
    assert (found.url, found.ref, found.folder) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("compose.yaml", "../a.git", "/srv/app.git", "C:/x", "a:b", ""),
        *("https://host/app.yaml", "https://host/app.tar.gz#main", "file:///srv/app.git", "oci://a/b"),
        *("ssh://-oProxyCommand=x/app", "-u@host:app", "git@-x:app", "https://h/a.git#-u", "https://h/a.git#a\nb"),
        *("ext::sh -c x", "https:///a.git", "service:web"),
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse(text) is None
