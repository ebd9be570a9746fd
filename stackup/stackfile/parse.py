"""YAML text to nodes with spans: the only reader of YAML.

Built from parser events in a loop of its own, so that nothing is constructed that the text names, depth and size are
bounded before they are reached, and two keys of one name are seen. Scalars mean what they mean to docker compose (Go's
yaml.v3): `0440` is octal, `22:22` and `yes` are text. Aliases share nodes; merge keys are resolved here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import ruamel.yaml
from ruamel.yaml.error import YAMLError

from stackup.diagnostics import Diagnostics, Related, Span
from stackup.stackfile.advice import meant
from stackup.stackfile.discover import MAX_BYTES
from stackup.stackfile.document import OVERRIDE, RESET, Document, Entry, Mapping, Node, Scalar, Sequence, Value
from stackup.stackfile.resolve import resolve
from stackup.stackfile.yaml_words import Words, words_of

MAX_PURE = 256 * 1024
"""The pure parser is slow, and reads files again that libyaml refuses."""
MAX_DEPTH = 100
MAX_NODES = 200_000
"""Counted after aliases are expanded: later stages walk a shared node once for every place it is used at."""

Events: TypeAlias = Callable[[str], Iterator[Any]]

_TAG = "tag:yaml.org,2002:"
_STAND_IN = "\ue000"
_COLON = re.compile(r"(?<=[^\s\"'\[\]{},]):(?=[^\s\[\]{},\"'])")
_TAG_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}


def parse(raw: bytes, source: str, diagnostics: Diagnostics) -> tuple[Document, ...]:
    """The documents of a file in order. What cannot be read is a diagnostic, and the rest of the file is left out."""
    text = decode(raw, source, diagnostics)
    if text is None:
        return ()
    attempts: list[Events] = [_fast_events]
    if _STAND_IN not in text:
        attempts.append(_patient_events)
    if len(text) <= MAX_PURE:
        attempts.append(pure_events)
    refused: YAMLError | None = None
    for events in attempts:
        problems = Diagnostics()
        try:
            documents = _build(events(text), source, text, problems)
        except YAMLError as problem:
            refused = problem
            continue
        diagnostics.extend(problems)
        return documents
    if refused is not None:
        _report(refused, text, source, diagnostics)
    return ()


def _build(events: Iterator[Any], source: str, text: str, problems: Diagnostics) -> tuple[Document, ...]:
    builder = _Builder(source, problems)
    try:
        for event in events:
            builder.take(event)
    except _Stop:
        return ()
    if not builder.roots:
        problems.error("SU008", "a stack file is empty", span=Span(source, 1, 1, 1, 1), hint='start with "services:"')
    roots = [_root(node, source, problems) for node in builder.roots]
    return tuple(Document(source, root, text) for root in roots if root is not None)


def decode(raw: bytes, source: str, diagnostics: Diagnostics) -> str | None:
    """The text of a file of the user's; None, and a diagnostic, when it is too large or not UTF-8."""
    if len(raw) > MAX_BYTES:
        where = Span(source, 1, 1, 1, 1)
        diagnostics.error("SU005", "a file is too large", span=where, detail=f"at most {MAX_BYTES} bytes")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = raw[: problem.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        span = Span(source, line, column, line, column + 1)
        diagnostics.error("SU008", "a file is not UTF-8 text", span=span, label="this byte")
        return None


def _fast_events(text: str) -> Iterator[Any]:
    """libyaml's events where it is installed, ten times as fast; else those of the pure parser."""
    try:
        from _ruamel_yaml import CParser  # type: ignore[import-not-found]  # not on every platform
    except ImportError:
        yield from pure_events(text)
        return
    parser = CParser(text)
    while (event := parser.get_event()) is not None:
        yield event


def _patient_events(text: str) -> Iterator[Any]:
    """libyaml before 0.2 takes no colon in an unquoted value of a flow list, as in `[data:/data]`.

    Colons inside of words are replaced by a character that means nothing, one for one, so that marks stay true.
    """
    for event in _fast_events(_COLON.sub(_STAND_IN, text)):
        value = getattr(event, "value", None)
        yield _Respelled(event, value.replace(_STAND_IN, ":")) if value and _STAND_IN in value else event


class _Respelled:
    """A scalar event with another value: libyaml's own cannot be written to."""

    def __init__(self, event: Any, value: str) -> None:
        self.value = value
        self.tag, self.anchor, self.style = event.tag, event.anchor, event.style
        self.start_mark, self.end_mark = event.start_mark, event.end_mark


def pure_events(text: str) -> Iterator[Any]:
    yield from ruamel.yaml.YAML(typ="safe", pure=True).parse(text)


def _report(problem: YAMLError, text: str, source: str, diagnostics: Diagnostics) -> None:
    mark = getattr(problem, "problem_mark", None)
    if mark is not None:
        line, column = mark.line + 1, mark.column + 1
        words = words_of(getattr(problem, "problem", "") or "", getattr(problem, "context", "") or "")
    else:
        before = text[: getattr(problem, "position", 0) or 0]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        words = Words("a control character, which YAML does not allow")
    is_tab = _is_tab(text, line, column)
    began = getattr(problem, "context_mark", None) if words.began else None
    related = _began(source, words.began, began) if began is not None else ()
    diagnostics.error(
        "SU001",
        "a file is not valid YAML",
        detail=words.problem,
        span=Span(source, line, column, line, column + 1),
        related=related,
        hint="indent with spaces: YAML takes no tabs" if is_tab else words.hint,
    )


def _began(source: str, label: str, mark: Any) -> tuple[Related, ...]:
    line, column = mark.line + 1, mark.column + 1
    return (Related(label, Span(source, line, column, line, column + 1)),)


def _is_tab(text: str, line: int, column: int) -> bool:
    lines = text.split("\n", line)
    return len(lines) >= line and lines[line - 1][column - 1 : column] == "\t"


def _root(node: Node, source: str, diagnostics: Diagnostics) -> Mapping | None:
    if isinstance(node, Mapping):
        return node
    if isinstance(node, Scalar) and node.value is None:
        return Mapping({}, node.span)
    diagnostics.error(
        "SU008",
        "a stack file is not a mapping",
        span=node.span,
        hint='start with "services:"',
        detail=f'"{source}" holds a {"list" if isinstance(node, Sequence) else "single value"}',
    )
    return None


class _Stop(Exception):
    """The text cannot be read any further; a diagnostic says why."""


@dataclass(slots=True)
class _Built:
    """A finished node with what it amounts to once its aliases are expanded."""

    node: Node
    nodes: int = 1
    depth: int = 1


@dataclass(slots=True)
class _Open:
    """A collection whose end was not seen yet; of a mapping, keys and values alternate."""

    is_mapping: bool
    start: Any
    tag: str
    anchor: str | None
    children: list[_Built] = field(default_factory=list)


class _Builder:
    """Takes events, keeps the open collections, leaves one node a document in `roots`."""

    def __init__(self, source: str, diagnostics: Diagnostics) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.roots: list[Node] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, _Built | None] = {}
        self._count = 0

    def take(self, event: Any) -> None:
        match type(event).__name__:
            case "ScalarEvent" | "_Respelled":
                self._scalar(event)
            case "MappingStartEvent" | "SequenceStartEvent":
                self._begin(event)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._end(event)
            case "AliasEvent":
                self._alias(event)
            case "DocumentStartEvent":
                self._anchors = {}

    def _span(self, start: Any, end: Any) -> Span:
        return Span(self.source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _stop(self, code: str, summary: str, span: Span, detail: str = "", hint: str = "") -> None:
        self.diagnostics.error(code, summary, span=span, detail=detail, hint=hint)
        raise _Stop

    def _scalar(self, event: Any) -> None:
        span = self._span(event.start_mark, event.end_mark)
        tag = self._tag(event, span)
        is_plain = event.style is None or event.style == ""
        value = self._value(event.value, tag, is_plain, span)
        kept = tag if tag in (RESET, OVERRIDE) else ""
        self._finish(_Built(Scalar(value, span, event.value, is_plain, kept)), event.anchor)

    def _value(self, text: str, tag: str, is_plain: bool, span: Span) -> Value:
        if tag == "str" or (not is_plain and tag not in ("int", "float", "bool", "null")):
            return text
        value = resolve(text)
        if tag in _TAG_TYPES and not isinstance(value, _TAG_TYPES[tag]):
            self.diagnostics.error("SU006", "a value does not have the type of its tag", span=span, label=f"!!{tag}")
        return value

    def _tag(self, event: Any, span: Span) -> str:
        tag = str(event.tag) if event.tag is not None else ""
        if tag in ("", "!", RESET, OVERRIDE):
            return "str" if tag == "!" else tag
        short = tag.removeprefix(_TAG)
        if short != tag and short in ("str", "int", "float", "bool", "null", "map", "seq"):
            return short
        self.diagnostics.error(
            "SU006",
            "a tag is not known",
            span=span,
            detail=f'"{tag}"',
            hint="the tags of a stack file are !reset and !override",
        )
        return ""

    def _begin(self, event: Any) -> None:
        span = self._span(event.start_mark, event.end_mark)
        if len(self._open) >= MAX_DEPTH:
            self._stop("SU005", "values are nested too deep", span, f"at most {MAX_DEPTH} levels")
        tag = self._tag(event, span)
        is_mapping = type(event).__name__ == "MappingStartEvent"
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        kept = tag if tag in (RESET, OVERRIDE) else ""
        self._open.append(_Open(is_mapping, event.start_mark, kept, event.anchor))

    def _end(self, event: Any) -> None:
        frame = self._open.pop()
        children = frame.children
        nodes = 1 + sum(child.nodes for child in children)
        depth = 1 + max((child.depth for child in children), default=0)
        if children and event.end_mark.index > event.start_mark.index:
            span = self._span(frame.start, event.end_mark)
        else:  # a block ends where the next token stands, which can be lines below
            last = children[-1].node.span if children else self._span(frame.start, event.end_mark)
            span = Span(self.source, frame.start.line + 1, frame.start.column + 1, last.end_line, last.end_column)
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            self._stop("SU005", "aliases expand to too much", span, f"at most {MAX_NODES} values, {MAX_DEPTH} levels")
        node: Node
        if frame.is_mapping:
            node = Mapping(self._entries(children), span, frame.tag)
        else:
            node = Sequence(tuple(child.node for child in children), span, frame.tag)
        self._finish(_Built(node, nodes, depth), frame.anchor)

    def _alias(self, event: Any) -> None:
        span = self._span(event.start_mark, event.end_mark)
        if event.anchor not in self._anchors:
            detail = f'"*{event.anchor}" is defined nowhere above'
            hint = meant(event.anchor, self._anchors, f"anchors above: {', '.join(self._anchors) or 'none'}")
            self._stop("SU007", "an alias has no anchor", span, detail, hint)
        built = self._anchors[event.anchor]
        if built is None:
            self._stop("SU004", "an alias stands inside its own anchor", span, f'"*{event.anchor}" would never end')
        else:
            self._finish(built, None)

    def _finish(self, built: _Built, anchor: str | None) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            self._stop("SU005", "a file holds too many values", built.node.span, f"at most {MAX_NODES}")
        if anchor is not None:
            self._anchors[anchor] = built
        if self._open:
            self._open[-1].children.append(built)
        else:
            self.roots.append(built.node)

    def _entries(self, children: list[_Built]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        merged: list[Node] = []
        for key, value in zip(children[::2], children[1::2], strict=True):
            if isinstance(key.node, Scalar) and key.node.text == "<<" and key.node.plain:
                merged.append(value.node)
            else:
                self._entry(entries, key.node, value.node)
        for node in merged:
            self._merge_key(entries, node)
        return entries

    def _entry(self, entries: dict[str, Entry], key: Node, value: Node) -> None:
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            self.diagnostics.error(
                "SU003",
                "a key is not text",
                span=key.span,
                detail=f'"{key.text}" is read as {key.value!r}'.lower() if isinstance(key, Scalar) else "",
                hint="quote it",
            )
            return
        first = entries.get(key.value)
        if first is not None:
            self.diagnostics.error(
                "SU002",
                "a key is given twice",
                detail=f'"{key.value}"',
                span=key.span,
                label="given again",
                related=(Related("first given here", first.key),),
                hint="keep one of them, or merge their contents",
            )
            return
        entries[key.value] = Entry(key.span, value)

    def _merge_key(self, entries: dict[str, Entry], node: Node) -> None:
        """Explicit keys win, then the earlier of several mappings. Source: yaml.org/type/merge."""
        for source in node.items if isinstance(node, Sequence) else (node,):
            if not isinstance(source, Mapping):
                self.diagnostics.error(
                    "SU009",
                    "a merge key takes a mapping or a list of mappings",
                    span=source.span,
                    label="not a mapping",
                )
                continue
            for key, entry in source.entries.items():
                entries.setdefault(key, entry)
