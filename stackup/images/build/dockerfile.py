"""The syntax of a Dockerfile: text in, instructions out; nothing is expanded, no quote is taken off.

Pure. It reads what BuildKit's parser reads. Whether an instruction makes sense where it stands is for `stages`. All
problems of a file are found in one run: an instruction that cannot be read is left out and reading goes on.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace

from stackup.diagnostics import Diagnostic, Diagnostics, Span
from stackup.images.build import forms
from stackup.images.build.expansion import SPACES, WordError
from stackup.images.build.heredoc import Heredoc, opened_by
from stackup.images.build.lines import Directive, Logical, Reader, directives


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction as it is written. ENV and LABEL have `pairs`, all others `args`; ONBUILD has a `trigger`."""

    name: str
    """In capitals; `keyword` is as written."""
    flags: tuple[str, ...]
    args: tuple[str, ...]
    json_form: bool
    heredocs: tuple[Heredoc, ...]
    line: int
    end_line: int
    """The last line of its last heredoc."""
    span: Span
    trigger: Instruction | None
    written: Logical
    keyword: str
    pairs: tuple[tuple[str, str], ...] = ()
    old_pairs: bool = False
    """`ENV name value`, without a sign between."""

    @property
    def text(self) -> str:
        """The instruction on one line, as written, without its heredocs."""
        return self.written.text.strip(SPACES)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    source: str
    text: str
    directives: tuple[Directive, ...]
    instructions: tuple[Instruction, ...]
    escape: str
    problems: tuple[Diagnostic, ...]
    """Errors; with any, the instructions are not all there."""

    @property
    def syntax(self) -> str:
        """The frontend that the file asks for: noted, never run."""
        return next((item.value for item in self.directives if item.name == "syntax"), "")


@dataclass(frozen=True, slots=True)
class _Shaped:
    args: tuple[str, ...] = ()
    json_form: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    old_pairs: bool = False


def _one(text: str, _name: str, _escape: str) -> _Shaped:
    return _Shaped((text,) if text else ())


def _blanks(text: str, _name: str, _escape: str) -> _Shaped:
    return _Shaped(forms.blanks(text))


def _words(text: str, _name: str, escape: str) -> _Shaped:
    return _Shaped(forms.words(text, escape))


def _pairs(text: str, name: str, escape: str) -> _Shaped:
    pairs, old = forms.pairs(text, name, escape)
    return _Shaped(pairs=pairs, old_pairs=old)


def _command(text: str, _name: str, _escape: str) -> _Shaped:
    return _Shaped(*forms.maybe_json(text))


def _paths(text: str, _name: str, _escape: str) -> _Shaped:
    return _Shaped(*forms.maybe_json_list(text))


def _health(text: str, _name: str, _escape: str) -> _Shaped:
    """The kind of check is a word; the rest is a command."""
    kind = text.split(maxsplit=1)[0] if text else ""
    args, json_form = forms.maybe_json(text[len(kind) :].strip(SPACES))
    return _Shaped((kind, *args) if kind else (), json_form)


def _nothing(_text: str, _name: str, _escape: str) -> _Shaped:
    return _Shaped()


SHAPES: dict[str, Callable[[str, str, str], _Shaped]] = {
    "ADD": _paths,
    "ARG": _words,
    "CMD": _command,
    "COPY": _paths,
    "ENTRYPOINT": _command,
    "ENV": _pairs,
    "EXPOSE": _blanks,
    "FROM": _blanks,
    "HEALTHCHECK": _health,
    "LABEL": _pairs,
    "MAINTAINER": _one,
    "ONBUILD": _nothing,
    "RUN": _command,
    "SHELL": _command,
    "STOPSIGNAL": _one,
    "USER": _one,
    "VOLUME": _paths,
    "WORKDIR": _one,
}
"""Every instruction with the shape of its arguments."""
_INSTRUCTIONS, _PROBLEMS = 5_000, 100
"""Nobody has more, and nobody reads more; without limits a hostile file would take its time."""
HEREDOCS = frozenset({"ADD", "COPY", "RUN"})


def parse(text: str, source: str) -> Dockerfile:
    """`source` is the name as the user would type it. Never raises; see `problems`."""
    reader = Reader(source, text)
    problems = Diagnostics()
    found = directives(reader)
    reader.escape = _escape(found, problems)
    instructions: list[Instruction] = []
    empty = True
    while (logical := reader.logical()) is not None:
        empty = False
        if len(instructions) == _INSTRUCTIONS or len(problems) >= _PROBLEMS:
            problems.error("SU005", "a file exceeds a limit", detail=_too_much(instructions), span=logical.span())
            break
        made = _Reading(reader, problems).instruction(logical)
        if made is not None:
            instructions.append(made)
    if empty:
        problems.error("SU205", "a Dockerfile has no instructions", detail=f'"{source}" has no instructions')
    return Dockerfile(source, text, tuple(found), tuple(instructions), reader.escape, tuple(problems))


def _too_much(instructions: list[Instruction]) -> str:
    if len(instructions) == _INSTRUCTIONS:
        return f"more than {_INSTRUCTIONS} instructions"
    return f"more than {_PROBLEMS} problems: reading ends here"


def _escape(found: list[Directive], problems: Diagnostics) -> str:
    escape, seen = "\\", set()
    for item in found:
        if item.name in seen:
            _bad_directive(problems, item, f"only one {item.name} parser directive can be used")
        elif item.name == "escape" and item.value not in {"\\", "`"}:
            _bad_directive(problems, item, f'invalid escape token "{item.value}": it is \\ or `')
        elif item.name == "escape":
            escape = item.value
        seen.add(item.name)
    return escape


def _bad_directive(problems: Diagnostics, item: Directive, detail: str) -> None:
    problems.error("SU201", "a parser directive is not valid", detail=detail, span=item.span)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads one instruction and collects what is wrong with it."""

    reader: Reader
    problems: Diagnostics

    def instruction(self, logical: Logical) -> Instruction | None:
        made = self._read(logical, 0)
        try:
            opened = tuple(opened_by(logical.text)) if made and _takes_heredocs(made) else ()
        except WordError as problem:
            self._bad(logical.span(), str(problem))
            return None
        heredocs = tuple(self._content(heredoc, logical) for heredoc in opened)
        if made is None or None in heredocs:
            return None
        return _with_heredocs(made, tuple(heredoc for heredoc in heredocs if heredoc), self.reader.at)

    def _read(self, logical: Logical, begin: int) -> Instruction | None:
        """The instruction that begins at this place of the line: 0, or behind ONBUILD."""
        text = logical.text[begin:].strip(SPACES)
        begin = logical.text.find(text, begin)
        keyword, *rest = forms.BLANK.split(text, maxsplit=1)
        name = keyword.upper()
        if name not in SHAPES:
            self._unknown(logical.span(begin, begin + len(keyword)), keyword)
            return None
        flags, arguments = forms.flags(rest[0] if rest else "")
        trigger = None
        if name == "ONBUILD" and arguments:
            trigger = self._trigger(logical, logical.text.rfind(arguments))
            if trigger is None:
                return None
        try:
            shaped = SHAPES[name](arguments, name, self.reader.escape)
        except forms.FormError as problem:
            self._bad(logical.find(problem.about or arguments, begin), str(problem))
            return None
        return Instruction(
            name, flags, shaped.args, shaped.json_form, (), logical.line, logical.end_line,
            logical.span(begin), trigger, logical, keyword, shaped.pairs, shaped.old_pairs,
        )  # fmt: skip

    def _trigger(self, logical: Logical, begin: int) -> Instruction | None:
        """BuildKit reads ONBUILD ONBUILD and refuses it afterwards; reading it here would have no end."""
        if forms.BLANK.split(logical.text[begin:], maxsplit=1)[0].upper() == "ONBUILD":
            self.problems.error(
                "SU211", "a trigger cannot be one", detail="ONBUILD ONBUILD isn't allowed", span=logical.span(begin)
            )
            return None
        return self._read(logical, begin)

    def _content(self, heredoc: Heredoc, logical: Logical) -> Heredoc | None:
        lines: list[str] = []
        while (raw := self.reader.raw()) is not None:
            line = raw.rstrip("\r\n")
            if (line.lstrip("\t") if heredoc.chomp else line) == heredoc.name:
                return replace(heredoc, content="".join(lines))
            lines.append(raw)
        self.problems.error(
            "SU204",
            "a heredoc is not closed",
            detail=f'unterminated heredoc: no line is "{heredoc.name}"',
            span=logical.find("<<"),
            label="opened here",
            hint=_nearly(heredoc, lines),
        )
        return None

    def _unknown(self, span: Span, keyword: str) -> None:
        close = difflib.get_close_matches(keyword.upper(), SHAPES, n=1)
        self.problems.error(
            "SU202",
            "an instruction is not known",
            detail=f"unknown instruction: {keyword[:60]}",
            span=span,
            hint=f'did you mean "{close[0]}"?' if close else "does the line above need a \\ at its end?",
        )

    def _bad(self, span: Span, detail: str) -> None:
        self.problems.error("SU203", "an instruction's arguments are not what it takes", detail=detail, span=span)


def _takes_heredocs(made: Instruction) -> bool:
    inner = made.trigger or made
    return inner.name in HEREDOCS and not inner.json_form


def _with_heredocs(made: Instruction, heredocs: tuple[Heredoc, ...], end_line: int) -> Instruction:
    """A trigger has its heredocs too: it is an instruction in full."""
    trigger = made.trigger and replace(made.trigger, heredocs=heredocs, end_line=end_line)
    return replace(made, heredocs=heredocs, end_line=end_line, trigger=trigger)


def _nearly(heredoc: Heredoc, lines: list[str]) -> str:
    """A line that is the name but for spaces is what was meant."""
    for line in lines:
        if line.strip() == heredoc.name:
            return f'the closing "{heredoc.name}" must stand alone, without spaces before or behind it'
    return f'close it with a line that is "{heredoc.name}"'
