"""Image references as people write them, and as the store keys them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackup.errors import UsageError
from stackup.images.reference import Reference, canonical, is_host, parse

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
        ("docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("index.docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("org/app:V1.0-rc_1", "docker.io/org/app:V1.0-rc_1", "org/app:V1.0-rc_1"),
        ("ghcr.io/a/b/c", "ghcr.io/a/b/c:latest", "ghcr.io/a/b/c:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ("REG/app", "REG/app:latest", "REG/app:latest"),
        (f"app@{DIGEST}", f"docker.io/library/app@{DIGEST}", f"app@{DIGEST}"),
        (f"app:1@{DIGEST}", f"docker.io/library/app:1@{DIGEST}", f"app:1@{DIGEST}"),
        ("host:1", "docker.io/library/host:1", "host:1"),
        ("a__b/c.d/e---f", "docker.io/a__b/c.d/e---f:latest", "a__b/c.d/e---f:latest"),
    ],
)
def test_a_reference_is_completed(text: str, full: str, familiar: str) -> None:
    assert (canonical(text), parse(text).familiar) == (full, familiar)


@pytest.mark.parametrize(
    "text",
    [
        "", "Alpine", "a:", ":tag", "a:b:c", "a/", "/a", "a//b", "a_-b", "a..b", "-a", "a-", "a___b", "a@", "a@sha256:12", "a@md5:" + "0" * 32,
        "a b", "a:t ag", "a:" + "t" * 129, "a" * 256, "host.io:/a", "host.io:99999/a", "host.io:x/a", "-x.io/a", "x..io/a", "ab" * 32, "é", "a:é",
        "[::1/a", "[zz]/a.b", "../../etc", "a\0b", "a:.hidden", "host",
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert f'"{text}"' in caught.value.message
    assert caught.value.hint


def test_a_digest_decides_what_the_content_is() -> None:
    assert parse(f"app:1@{DIGEST}").key == parse(f"app@{DIGEST}").key
    assert parse("app:1").key == "docker.io/library/app:1"


def test_references_are_values() -> None:
    assert parse("alpine") == parse("docker.io/library/alpine:latest")
    assert len({parse("alpine"), parse("alpine:latest")}) == 1
    assert parse("alpine") != "alpine"
    assert eval(repr(parse("alpine")).replace("Reference", "parse")) == parse("alpine")


def test_host_is_the_machine_and_nothing_else_is() -> None:
    assert is_host("host")
    assert not is_host("host:latest")


@given(st.text(alphabet="aZ0.:/@-_[] é\0", max_size=30))
def test_any_text_is_a_reference_that_prints_as_itself_or_a_usage_error(text: str) -> None:
    try:
        found = parse(text)
    except UsageError:
        return
    assert isinstance(found, Reference)
    assert parse(str(found)) == found
    assert parse(found.familiar) == found
