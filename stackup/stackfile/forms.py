"""The rules of the canonical table: each takes a node in short or long form and gives the long form.

What a rule makes up stands where the short form stands. What it does not understand it leaves alone, since validation
names it; what it understands and cannot read it says, through Words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stackup.stackfile import shortforms
from stackup.stackfile.document import (
    OVERRIDE,
    RESET,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    mapping_at,
    spell,
    text_at,
    with_entries,
)
from stackup.stackfile.form import ALL, NAMED, NULL, TEXT, TEXTS, Rule, Words, form


@form("A key with nothing behind it is as good as no key.", "{a: , b: 1}")
def drop_nulls(node: Node, words: Words) -> Node:
    """`key:` with nothing behind it is as good as no key; kept where a tag speaks."""
    if not isinstance(node, Mapping):
        return node
    kept = {key: entry for key, entry in node.entries.items() if not _is_null(entry.value) or entry.value.tag}
    return node if len(kept) == len(node.entries) else with_entries(node, kept)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


@form("It may be empty, which is a definition too.", "", NULL)
def section(node: Node, words: Words) -> Node:
    """A definition may be empty: `volumes: {data: }`."""
    return Mapping({}, node.span) if _is_null(node) else drop_nulls(node, words)


@form("One text is a list of one.", "a", TEXT)
def text_list(node: Node, words: Words) -> Node:
    """One value instead of a list of one."""
    if isinstance(node, Scalar) and node.value is not None:
        return Sequence((replace(node, tag=""),), node.span)
    return node


@form("A list of KEY=value is a mapping; a key alone takes the caller's variable.", "[A=1, B]", TEXTS)
def key_values(node: Node, words: Words) -> Node:
    return _keyed_texts(node, words, None)


@form("A list of key=value is a mapping; a key alone has an empty text.", "[a=1, b]", TEXTS)
def key_texts(node: Node, words: Words) -> Node:
    return _keyed_texts(node, words, "")


def _keyed_texts(node: Node, words: Words, bare: str | None) -> Node:
    """`KEY=value` items or a mapping to a mapping of texts; a key alone has `bare`."""
    if isinstance(node, Sequence):
        return Mapping(dict(_pair(item, bare) for item in _named(node, words, "KEY=value")), node.span)
    if isinstance(node, Mapping):
        entries = {key: Entry(entry.key, _worded(entry.value, words, bare)) for key, entry in node.entries.items()}
        return with_entries(node, entries)
    return node


def _named(node: Sequence, words: Words, expected: str) -> Iterator[Scalar]:
    """The items that begin with a name; the others are refused."""
    for item in node.items:
        if isinstance(item, Scalar) and item.value is not None and not spell(item.value).startswith(("=", " ")):
            yield item
        elif item.tag != RESET:
            words.not_text(item, expected)


def _pair(item: Scalar, bare: str | None) -> tuple[str, Entry]:
    key, mark, value = spell(item.value).partition("=")
    found = value if mark else bare
    return key, Entry(item.span, Scalar(found, item.span, found or "", False, item.tag))


def _worded(node: Node, words: Words, bare: str | None) -> Node:
    if not isinstance(node, Scalar) or isinstance(node.value, str):
        return node
    if node.value is None:
        return replace(node, value=bare)
    text = spell(node.value)
    if node.plain and text != node.text and not isinstance(node.value, bool):
        words.respelled(node, text)
    return replace(node, value=text)


@form("A text is split into words as a shell would, and no shell runs; an empty one is no words.", "echo 'a b'", TEXT)
def command_line(node: Node, words: Words) -> Node:
    """A text is split as a shell would; an empty one means no words, which is not the same as absent."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return node
    try:
        found = shortforms.words(node.value)
    except ValueError as problem:
        words.refuse(node.span, str(problem), "write the command as a list")
        return node
    return Sequence(tuple(text_at(node.span, word) for word in found), node.span)


@form("A text is run by the container's shell.", "test -e /ready", TEXT)
def shell_test(node: Node, words: Words) -> Node:
    """A text is run by the container's shell."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Sequence((text_at(node.span, "CMD-SHELL"), replace(node, tag="")), node.span)
    return node


def keyed(field: str) -> Rule:
    """A text where a mapping could stand: `build: .` is `build: {context: .}`."""

    @form(f"A text is its `{field}`.", "a", TEXT)
    def rule(node: Node, words: Words) -> Node:
        if isinstance(node, Scalar) and node.value is not None:
            return mapping_at(node.span, {field: replace(node, tag="")})
        return drop_nulls(node, words)

    return rule


def names(**fields: str | bool) -> Rule:
    """A list of names to a mapping of definitions, each holding what the short form means."""

    @form("A list of names is a mapping of names to definitions.", "[a]", TEXTS)
    def rule(node: Node, words: Words) -> Node:
        if not isinstance(node, Sequence):
            return node
        found = _named(node, words, "a name")
        return Mapping({spell(item.value): Entry(item.span, _definition(item, fields)) for item in found}, node.span)

    return rule


def _definition(item: Scalar, fields: dict[str, str | bool]) -> Node:
    if item.tag == RESET:
        return item
    return mapping_at(item.span, {key: Scalar(value, item.span) for key, value in fields.items()}, item.tag)


@form("A range is one entry a port.", "['8000-8001:80-81']")
def published(node: Node, words: Words) -> Node:
    """Ranges become one entry a port, so the list can grow."""
    if not isinstance(node, Sequence):
        return node
    items: list[Node] = []
    for item in node.items if words.ports <= shortforms.MAX_PORTS else ():
        found = _ports(item, words)
        words.ports += len(found)
        if words.ports > shortforms.MAX_PORTS:
            words.refuse(item.span, f"a file publishes more than {shortforms.MAX_PORTS} ports")
            break
        items.extend(found)
    return replace(node, items=tuple(items))


def _ports(item: Node, words: Words) -> list[Node]:
    if not isinstance(item, Scalar) or item.value is None or item.tag == RESET:
        return [item]
    try:
        return [_fields(found, item) for found in shortforms.ports(spell(item.value))]
    except ValueError as problem:
        words.refuse(item.span, str(problem), "write [address:][host:]container[/protocol], and quote it")
        return []


def _fields(fields: shortforms.Fields, item: Scalar) -> Node:
    """Fields of a short form as nodes that all stand where the short form does."""
    return mapping_at(
        item.span,
        {
            key: _fields(value, replace(item, tag=""))
            if isinstance(value, dict)
            else Scalar(value, item.span, item.text)
            for key, value in fields.items()
        },
        item.tag,
    )


@form(
    "A text is [address:][host:]container[/protocol]; `published` is a text.",
    "{target: 80, published: 8080}",
    TEXT,
)
def port(node: Node, words: Words) -> Node:
    """`published: 8080` is text, since it may be a range; an empty one, which a variable left, is absent."""
    if not isinstance(node, Mapping):
        return node
    entry = node.entries.get("published")
    if entry is None or not isinstance(entry.value, Scalar) or isinstance(entry.value.value, bool):
        return drop_nulls(node, words)
    text = spell(entry.value.value)
    entries = {**node.entries, "published": Entry(entry.key, replace(entry.value, value=text or None))}
    return drop_nulls(with_entries(node, entries), words)


@form(
    "A text is [source:]target[:options]; a source that begins with . / ~ is a path.",
    "./data:/srv:ro",
    TEXT,
)
def mount(node: Node, words: Words) -> Node:
    if isinstance(node, Mapping):
        return _long_mount(node, words)
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return node
    try:
        fields, unknown = shortforms.mount(node.value)
    except ValueError as problem:
        words.refuse(node.span, str(problem), "write [source:]target[:options]")
        return node
    for option in unknown:
        words.ignored(node.span, option)
    return _fields(fields, node)


def _long_mount(node: Mapping, words: Words) -> Node:
    target = node.get("target")
    if not isinstance(target, Scalar) or not isinstance(target.value, str):
        return drop_nulls(node, words)
    cleaned = replace(target, value=shortforms.clean(target.value))
    entries = {**node.entries, "target": Entry(node.entries["target"].key, cleaned)}
    return drop_nulls(with_entries(node, entries), words)


@form("A text is source[:target[:permissions]], or the name of a CDI device.", "/dev/fuse", TEXT)
def device(node: Node, words: Words) -> Node:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return node
    try:
        return _fields(shortforms.device(node.value), node)
    except ValueError as problem:
        words.refuse(node.span, str(problem))
        return node


@form("A list of name=address or name:address is a mapping to lists of addresses.", "[a=10.0.0.1, 'a:10.0.0.2']", TEXTS)
def hosts(node: Node, words: Words) -> Node:
    """`name=address` items to a mapping of lists."""
    if not isinstance(node, Sequence):
        return node
    found: dict[str, Entry] = {}
    for item in _named(node, words, "name=address"):
        try:
            name, address = shortforms.host(spell(item.value))
        except ValueError as problem:
            words.refuse(item.span, str(problem))
            continue
        known = found.get(name)
        before = known.value.items if known and isinstance(known.value, Sequence) else ()
        found[name] = Entry(item.span, Sequence((*before, text_at(item.span, address)), item.span))
    return Mapping(found, node.span)


@form("Brackets of an IPv6 address are left out.", "'[::1]'")
def address(node: Node, words: Words) -> Node:
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.startswith("["):
        return replace(node, value=node.value.removeprefix("[").removesuffix("]"))
    return node


@form("One number is both limits.", "1024", {"type": ["string", "integer"]})
def ulimit(node: Node, words: Words) -> Node:
    if isinstance(node, Scalar) and node.value is not None:
        return mapping_at(node.span, {"soft": replace(node, tag=""), "hard": replace(node, tag="")})
    return node


@form(
    "A mapping of ids to paths is a list of id=path.",
    "{default: , key: ./id}",
    {"type": ["object", "string", "boolean"]},
)
def agents(node: Node, words: Words) -> Node:
    """`build.ssh`: a mapping or `true` to a list of `id=path`."""
    if isinstance(node, Mapping):
        items = [
            text_at(entry.value.span, f"{key}={entry.value.value}" if _has_text(entry.value) else key)
            for key, entry in node.entries.items()
            if isinstance(entry.value, Scalar)
        ]
        return Sequence(tuple(items), node.span)
    return text_list(node, words)


def _has_text(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str) and node.value != ""


@form("It may be empty; `external: {name: x}` is an old form.", "{external: {name: x}}", NULL, external=NAMED)
def resource(node: Node, words: Words) -> Node:
    """A network, volume, secret or config: may be empty; `external: {name: x}` is the old way to name it."""
    node = section(node, words)
    if not isinstance(node, Mapping) or not isinstance(external := node.get("external"), Mapping):
        return node
    entries = {**node.entries, "external": Entry(node.entries["external"].key, Scalar(True, external.span, "true"))}
    if "name" in external.entries:
        if "name" in entries:
            words.refuse(external.span, "name and external.name are both given", "write external: true, and one name")
        entries.setdefault("name", external.entries["name"])
    return with_entries(node, entries)


@form("`all` asks for every device.", "all", ALL)
def all_devices(node: Node, words: Words) -> Node:
    """`gpus: all` asks for every one."""
    if isinstance(node, Scalar) and node.value == "all":
        return Sequence((mapping_at(node.span, {"count": Scalar(-1, node.span, "all")}),), node.span)
    return node


@form("`all` is -1.", "all", ALL)
def every(node: Node, words: Words) -> Node:
    """`count: all` is what -1 means."""
    return replace(node, value=-1) if isinstance(node, Scalar) and node.value == "all" else node


@form("Two on one target in one list are an error, in two files the later counts.", "")
def distinct_targets(node: Node, words: Words) -> Node:
    """Two mounts on one place in one list are a slip; in two files the later means to replace the earlier."""
    if not isinstance(node, Sequence):
        return node
    seen: dict[str, Node] = {}
    for item in node.items:
        target = _target(item)
        if target and target in seen and item.tag not in (RESET, OVERRIDE):
            words.mounted_twice(target, seen[target].span, item.span)
        seen.setdefault(target, item)
    return node


def _target(item: Node) -> str:
    """Where an item in short or long form is mounted; empty when that cannot be told."""
    if isinstance(item, Mapping):
        target = item.get("target")
        return shortforms.clean(str(target.value)) if isinstance(target, Scalar) else ""
    if not isinstance(item, Scalar) or not isinstance(item.value, str):
        return ""
    try:
        return str(shortforms.mount(item.value)[0]["target"])
    except ValueError:
        return ""
