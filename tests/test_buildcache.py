"""The words of cache_from and cache_to, as BuildKit reads them."""

from __future__ import annotations

import pytest

from stackup.buildcache import parse


@pytest.mark.parametrize(
    ("text", "writing", "kind", "place"),
    [
        ("registry.example:5000/team/app:cache", False, "registry", "registry.example:5000/team/app:cache"),
        ("type=registry,ref=app:cache", False, "registry", "app:cache"),
        ("type=local,src=./kept", False, "local", "./kept"),
        ("type=local,dest=./kept", True, "local", "./kept"),
        ('type=local,"dest=./a,b"', True, "local", "./a,b"),
        ("TYPE=registry, REF=app", True, "registry", "app"),
        ("type=gha,scope=x", False, "gha", ""),
    ],
)
def test_where_a_cache_is(text: str, writing: bool, kind: str, place: str) -> None:
    found = parse(text, writing=writing)
    assert (found.kind, found.place, found.unknown) == (kind, place, ())


def test_what_is_kept_and_what_may_fail() -> None:
    found = parse("type=local,dest=d,tag=t,mode=max,ignore-error=true,compression=zstd", writing=True)
    assert (found.tag, found.every, found.lenient, found.unknown) == ("t", True, True, ("compression",))
    plain = parse("app", writing=True)
    assert (plain.tag, plain.every, plain.lenient) == ("latest", False, False)
    assert parse("type=local,src=d,mode=max", writing=False).unknown == ("mode",)


@pytest.mark.parametrize(
    ("text", "writing", "expected"),
    [
        ("type=registry", False, "ref=..."),
        ("type=local,dest=d", False, "src=..."),
        ("type=local,src=d", True, "dest=..."),
        ("ref=x", False, "type=registry or type=local"),
        ("type=local,dest=d,mode=all", True, 'mode=min or mode=max, found "all"'),
        ("type=local,dest=d,ignore-error=maybe", True, "true or false"),
        ("type=local,d", True, 'key=value, found "d"'),
        ('type=local,"dest=d', True, "cannot be read"),
        ("", False, "type=registry or type=local"),
    ],
)
def test_what_cannot_be_read_says_what_was_expected(text: str, writing: bool, expected: str) -> None:
    with pytest.raises(ValueError, match=expected.replace(".", r"\.")):
        parse(text, writing=writing)
