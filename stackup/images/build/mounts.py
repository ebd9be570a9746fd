"""`RUN --mount=...`: comma-separated fields, as a value. Pure; raises Refused with the flag under the caret."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass

from stackup.images.build.dockerfile import Instruction
from stackup.images.build.flags import Refused, near
from stackup.values import parse_size

KINDS = ("bind", "cache", "tmpfs", "secret", "ssh")
SHARINGS = ("shared", "private", "locked")
KEYS = (
    "type", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw", "id",
    "sharing", "required", "mode", "uid", "gid", "size", "env",
)  # fmt: skip
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}
_TRUE, _FALSE = frozenset({"1", "t", "true"}), frozenset({"0", "f", "false"})


@dataclass(frozen=True, slots=True)
class Mount:
    """`origin` is what `from=` says: a stage, its number, a named context or an image; empty for the build context."""

    kind: str
    target: str = ""
    source: str = ""
    origin: str = ""
    read_only: bool = True
    id: str = ""
    sharing: str = "shared"
    required: bool = False
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int = 0
    """Bytes that a tmpfs may hold; 0 for no limit of its own."""
    env: str = ""
    """The variable that a secret is given in."""


def check_mounts(item: Instruction, specs: tuple[str, ...]) -> None:
    """What can be said before variables are known."""
    for spec in specs:
        for key, value in _fields(item, spec).items():
            if key == "from" and re.search(r"\$.", value):
                hint = "define a stage with FROM and an ARG above it, and mount that"
                raise _refused(item, "variables are not expanded in from=", spec, hint)


def origin_of(item: Instruction, spec: str) -> str:
    return _fields(item, spec).get("from", "")


def parse_mount(item: Instruction, spec: str, expand: Callable[[str], str]) -> Mount:
    """Raises Refused."""
    texts = {key: expand(value) for key, value in _fields(item, spec).items()}
    kind = texts.pop("type", "bind").lower()
    if kind not in KINDS:
        raise _refused(item, f'unsupported mount type "{kind}"', spec, near(kind, list(KINDS)))
    _allowed(item, spec, kind, texts)
    return Mount(
        kind,
        target=texts.get("target", ""),
        source=texts.get("source", ""),
        origin=texts.get("from", ""),
        read_only=_read_only(item, spec, kind, texts),
        id=texts.get("id", ""),
        sharing=texts.get("sharing", "shared").lower(),
        required=_truth(item, spec, "required", texts.get("required", "false")),
        mode=_number(item, spec, "mode", texts, 8),
        uid=_number(item, spec, "uid", texts, 10),
        gid=_number(item, spec, "gid", texts, 10),
        size=_size(item, spec, texts.get("size", "0")),
        env=texts.get("env", ""),
    )


def _fields(item: Instruction, spec: str) -> dict[str, str]:
    """Keys under their long names; a switch alone is `true`."""
    try:
        rows = list(csv.reader([spec], strict=True))
    except csv.Error as problem:
        raise _refused(item, f"the mount cannot be read: {problem}", spec) from None
    found: dict[str, str] = {}
    for field in rows[0] if rows else []:
        key, sign, value = field.partition("=")
        key = key.lower()
        if key not in KEYS:
            raise _refused(item, f'unexpected key "{key}" in "{field}"', spec, near(key, list(KEYS)))
        if not sign and key not in {"readonly", "ro", "readwrite", "rw", "required"}:
            raise _refused(item, f'field "{field}" must be a key=value pair', spec)
        found[_ALIASES.get(key, key)] = value if sign else "true"
    return found


def _allowed(item: Instruction, spec: str, kind: str, texts: dict[str, str]) -> None:
    """Each kind has its own keys."""
    only = {
        "required": ("secret", "ssh"),
        "size": ("tmpfs",),
        "mode": ("secret", "ssh", "cache"),
        "uid": ("secret", "ssh", "cache"),
        "gid": ("secret", "ssh", "cache"),
        "sharing": ("cache",),
        "env": ("secret",),
        "from": ("bind", "cache", "tmpfs"),
    }
    for key in texts:
        if kind not in only.get(key, KINDS):
            raise _refused(item, f'key "{key}" is not for mounts of type {kind}', spec)
    if texts.get("sharing", "shared").lower() not in SHARINGS:
        hint = near(texts["sharing"], list(SHARINGS))
        raise _refused(item, f'unsupported sharing "{texts["sharing"]}"', spec, hint)
    if kind == "secret" and not ({"source", "target", "id"} & texts.keys()):
        raise _refused(item, "a secret mount needs an id, a source or a target", spec)
    if kind == "secret" and "source" in texts and "id" in texts:
        raise _refused(item, "both source and id cannot be set", spec)


def _read_only(item: Instruction, spec: str, kind: str, texts: dict[str, str]) -> bool:
    if "readonly" in texts:
        return _truth(item, spec, "readonly", texts["readonly"])
    if "readwrite" in texts:
        return not _truth(item, spec, "readwrite", texts["readwrite"])
    return kind not in {"cache", "tmpfs"}


def _truth(item: Instruction, spec: str, key: str, text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise _refused(item, f'{key} is true or false, not "{text}"', spec)
    return text.lower() in _TRUE


def _number(item: Instruction, spec: str, key: str, texts: dict[str, str], base: int) -> int | None:
    if key not in texts:
        return None
    digits = "01234567" if base == 8 else "0123456789"
    text = texts[key]
    if not text or len(text) > 11 or not set(text) <= set(digits) or int(text, base) >= 1 << 32:
        raise _refused(item, f'invalid value "{text}" for {key}', spec)
    return int(text, base)


def _size(item: Instruction, spec: str, text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as problem:
        raise _refused(item, str(problem), spec) from None


def _refused(item: Instruction, detail: str, spec: str, hint: str = "") -> Refused:
    whole = item.written.text
    at = whole.find(spec) if spec else -1
    span = item.written.span(at, at + len(spec)) if at >= 0 else item.written.find("--mount")
    return Refused("SU203", detail, span, hint)
