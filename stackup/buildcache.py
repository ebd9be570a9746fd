"""What one item of `build.cache_from` or `build.cache_to` says: an image's name, or `type=registry,ref=NAME,...`.

A leaf: stack files are held against it, and the builder reads it again. Source: the compose specification, `cache_from`
and `cache_to`; BuildKit's cache types, written as one row of CSV.
"""

from __future__ import annotations

REGISTRY, LOCAL = "registry", "local"
_KEYS = {
    (REGISTRY, False): ("ref",),
    (REGISTRY, True): ("ref", "mode", "ignore-error"),
    (LOCAL, False): ("src", "tag"),
    (LOCAL, True): ("dest", "tag", "mode", "ignore-error"),
}
_MODES = ("min", "max")
_TRUTHS = {"true": True, "1": True, "": True, "false": False, "0": False}


class CachePlace:
    """`place` is a reference, or a folder as it is written. `unknown`: keys that mean nothing here.

    A `kind` other than registry and local has nothing but its name.
    """

    __slots__ = ("every", "kind", "lenient", "place", "tag", "unknown")

    def __init__(self, kind: str, place: str = "", *, tag: str = "latest") -> None:
        self.kind = kind
        self.place = place
        self.tag = tag
        self.every = False
        """mode=max: the steps of all stages, not only those that the image is made of."""
        self.lenient = False
        """ignore-error: a cache that cannot be written does not fail the build."""
        self.unknown: tuple[str, ...] = ()


def parse(text: str, *, writing: bool) -> CachePlace:
    """`writing`: for `cache_to`. Raises ValueError with what was expected."""
    fields = _fields(text)
    if len(fields) == 1 and "=" not in fields[0]:
        return CachePlace(REGISTRY, fields[0].strip())
    said = dict(_pair(field) for field in fields)
    kind = said.pop("type", "")
    if not kind:
        raise ValueError(f'expected type=registry or type=local in "{text}"')
    if kind not in (REGISTRY, LOCAL):
        return CachePlace(kind)
    key = "ref" if kind == REGISTRY else "dest" if writing else "src"
    if not said.get(key):
        raise ValueError(f'expected {key}=... in "{text}"')
    found = CachePlace(kind, said[key], tag=said.get("tag") or "latest")
    found.every = _mode(said.get("mode", "min"))
    found.lenient = _truth(said.get("ignore-error", "false"))
    found.unknown = tuple(name for name in said if name not in _KEYS[kind, writing])
    return found


def _fields(text: str) -> list[str]:
    import csv  # 2 ms, for the few files that name a cache

    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as problem:
        raise ValueError(f'"{text}" cannot be read: {problem}') from None


def _pair(field: str) -> tuple[str, str]:
    key, sign, value = field.partition("=")
    if not sign:
        raise ValueError(f'expected key=value, found "{field}"')
    return key.strip().lower(), value.strip()


def _mode(text: str) -> bool:
    if text not in _MODES:
        raise ValueError(f'expected mode=min or mode=max, found "{text}"')
    return text == "max"


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ValueError(f'expected true or false, found "{text}"')
    return _TRUTHS[text.lower()]
