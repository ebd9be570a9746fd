"""The `${...}` grammar: scan a text to parts, then evaluate them; and the stage that does it to every value of a tree.

Words after an operator are scanned again and evaluated only if they are used, so that an unused default neither warns
nor fails. Keys are never interpolated. What a variable gave is text, also where the plain text would be a number:
types are a later stage's. Source: Compose Specification, "Interpolation".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from stackup.diagnostics import Diagnostics, Span
from stackup.stackfile.advice import MAX_ADVICE, meant
from stackup.stackfile.document import RESET, Document, Entry, Mapping, Node, Scalar, Sequence, with_entries

MAX_NESTING = 20
MAX_LENGTH = 1024 * 1024
"""Of a value after interpolation: each level of nesting can repeat a long variable."""
MAX_TOTAL = 64 * 1024 * 1024
"""Of all values of a document that variables made longer."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":+", ":?", "-", "+", "?")

Lookup: TypeAlias = "Callable[[str], str | None]"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${name<operator>word}` at `start` to `end` of the text it was scanned from."""

    name: str
    operator: str
    word: str
    start: int
    end: int

    @property
    def word_start(self) -> int:
        return self.end - 1 - len(self.word)


Part: TypeAlias = str | Variable


class Malformed(ValueError):
    """A `${` that is no variable, at `start` to `end`."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


class Missing(ValueError):
    """A `${V:?message}` whose variable is missing."""

    def __init__(self, variable: Variable, message: str) -> None:
        super().__init__(message)
        self.variable = variable


def scan(text: str, offset: int = 0) -> tuple[Part, ...]:
    """Plain texts and variables in order. Raises Malformed. `offset` is where the text begins in a larger one."""
    parts: list[Part] = []
    done = at = 0
    while (at := text.find("$", at)) >= 0:
        part, end = _part(text, at, offset)
        if part is None:
            at = end
            continue
        if at > done:
            parts.append(text[done:at])
        parts.append(part)
        done = at = end
    if done < len(text):
        parts.append(text[done:])
    return tuple(parts)


def _part(text: str, at: int, offset: int) -> tuple[Part | None, int]:
    """What the dollar at `at` begins, and where to go on; None for a dollar that is only a dollar."""
    follows = text[at + 1 : at + 2]
    if follows == "$":
        return "$", at + 2
    if follows == "{":
        end = _closing(text, at + 1)
        if end < 0:
            raise Malformed("a brace is not closed", offset + at, offset + len(text))
        return _braced(text[at : end + 1], offset + at), end + 1
    name = _NAME.match(text, at + 1)
    if name:
        return Variable(name[0], "", "", offset + at, offset + name.end()), name.end()
    return None, at + 1


def _closing(text: str, opening: int) -> int:
    depth = 0
    for index in range(opening, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return -1


def _braced(text: str, start: int) -> Variable:
    """`text` is all of `${...}`."""
    end = start + len(text)
    name = _NAME.match(text, 2)
    if not name:
        raise Malformed("a variable has no name", start, end)
    rest = text[name.end() : -1]
    operator = next((found for found in _OPERATORS if rest.startswith(found)), "")
    if rest and not operator:
        raise Malformed(f'"{rest[0]}" is no operator', start, end)
    return Variable(name[0], operator, rest[len(operator) :], start, end)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How variables get their values: `lookup` gives None for what is not set, `unset` hears of it."""

    lookup: Lookup
    unset: Callable[[Variable], None]

    def text(self, text: str, depth: int = 0, offset: int = 0) -> str:
        """Raises Malformed and Missing, whose positions count `offset` characters before the text."""
        if "$" not in text:
            return text
        if depth > MAX_NESTING:
            raise Malformed(f"more than {MAX_NESTING} levels of nesting", offset, offset + len(text))
        pieces = [part if isinstance(part, str) else self._variable(part, depth) for part in scan(text, offset)]
        if sum(map(len, pieces)) > MAX_LENGTH:
            raise Malformed(f"the result is longer than {MAX_LENGTH} characters", offset, offset + len(text))
        return "".join(pieces)

    def _variable(self, variable: Variable, depth: int) -> str:
        value = self.lookup(variable.name)
        is_there = value is not None and (value != "" or not variable.operator.startswith(":"))
        match variable.operator[-1:]:
            case "-":
                return value if is_there and value is not None else self._word(variable, depth)
            case "+":
                return self._word(variable, depth) if is_there else ""
            case "?" if not is_there:
                raise Missing(variable, self._word(variable, depth))
        if value is None:
            self.unset(variable)
        return value or ""

    def _word(self, variable: Variable, depth: int) -> str:
        return self.text(variable.word, depth + 1, variable.word_start)


def interpolate(
    document: Document,
    lookup: Lookup,
    diagnostics: Diagnostics,
    warned: set[str],
    known: Callable[[], Iterable[str]] = tuple,
) -> Document:
    """The document with every value evaluated. `warned` are the unset variables that were named already, `known` gives
    the names that are set, of which one may be meant."""
    stage = _Stage(document, lookup, diagnostics, warned, known)
    root = stage.node(document.root)
    return replace(document, root=root) if isinstance(root, Mapping) else document


class _Stage:
    def __init__(
        self,
        document: Document,
        lookup: Lookup,
        diagnostics: Diagnostics,
        warned: set[str],
        known: Callable[[], Iterable[str]],
    ) -> None:
        self.document = document
        self.lookup = lookup
        self.diagnostics = diagnostics
        self.warned = warned
        self.known = known
        self._seen: dict[int, Node] = {}
        self._lines = document.text.split("\n")
        self._total = 0

    def node(self, node: Node) -> Node:
        """Shared nodes are evaluated once, so that an alias neither costs nor complains twice."""
        known = self._seen.get(id(node))
        if known is None:
            known = self._seen[id(node)] = self._evaluate(node)
        return known

    def _evaluate(self, node: Node) -> Node:
        if node.tag == RESET:
            return node
        match node:
            case Scalar():
                return self.scalar(node)
            case Sequence():
                items = tuple(self.node(item) for item in node.items)
                return node if items == node.items else replace(node, items=items)
            case Mapping():
                return self._mapping(node)

    def _mapping(self, node: Mapping) -> Mapping:
        entries: dict[str, Entry] = {}
        changed = False
        for key, entry in node.entries.items():
            value = self.node(entry.value)
            changed = changed or value is not entry.value
            entries[key] = entry if value is entry.value else Entry(entry.key, value)
        return with_entries(node, entries) if changed else node

    def scalar(self, node: Scalar) -> Scalar:
        if not isinstance(node.value, str) or "$" not in node.value:
            return node
        evaluation = Evaluation(self.lookup, lambda variable: self._unset(node, variable))
        try:
            text = evaluation.text(node.value)
            self._total += len(text)
            if self._total > MAX_TOTAL:
                raise Malformed(f"all values together are longer than {MAX_TOTAL} characters", 0, len(node.value))
            return replace(node, value=text, plain=False)
        except Malformed as problem:
            self._malformed(node, problem)
        except Missing as problem:
            self._missing(node, problem)
        return replace(node, value="", plain=False)

    def _malformed(self, node: Scalar, problem: Malformed) -> None:
        self.diagnostics.error(
            "SU010",
            "a variable is not written as one",
            detail=str(problem),
            span=locate(self._lines, node, problem.start, problem.end),
            label=str(problem),
            hint="write ${NAME}, ${NAME:-default}, or $$ for a dollar sign",
        )

    def _missing(self, node: Scalar, problem: Missing) -> None:
        variable = problem.variable
        self.diagnostics.error(
            "SU011",
            "a required variable is missing",
            detail=f'"{variable.name}"' + (f": {problem}" if str(problem) else ""),
            span=locate(self._lines, node, variable.start, variable.end),
            label=str(problem) or "must be set",
            hint=self._meant(variable, f"set {variable.name} in the environment or in .env"),
        )

    def _unset(self, node: Scalar, variable: Variable) -> None:
        if variable.name in self.warned:
            return
        self.warned.add(variable.name)
        self.diagnostics.warning(
            "SU012",
            "a variable is not set",
            detail=f'"{variable.name}" gives an empty text',
            span=locate(self._lines, node, variable.start, variable.end),
            label="not set",
            hint=self._meant(variable, f"set {variable.name}, or write ${{{variable.name}:-}} if empty is meant"),
        )

    def _meant(self, variable: Variable, otherwise: str) -> str:
        return meant(variable.name, self.known(), otherwise) if len(self.diagnostics) < MAX_ADVICE else otherwise


def locate(lines: list[str], node: Scalar, start: int, end: int) -> Span:
    """Where characters `start` to `end` of a scalar's value stand in the lines it was read from.

    Escapes, folding and indentation make value and source differ, so the piece is looked up in the scalar's stretch of
    the source: the n-th equal piece of the value is the n-th there.
    """
    value, span = str(node.value), node.span
    piece = value[start:end]
    nth = value.count(piece, 0, start)
    for line in range(span.line, min(span.end_line, len(lines)) + 1):
        text = lines[line - 1]
        column = span.column - 1 if line == span.line else 0
        stop = span.end_column - 1 if line == span.end_line else len(text)
        while piece and (column := text.find(piece, column, stop)) >= 0:
            if nth == 0:
                return Span(span.source, line, column + 1, line, column + 1 + len(piece))
            nth -= 1
            column += len(piece)
    return span
