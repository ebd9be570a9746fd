"""Dockerfiles as data for other tools: the syntax level, nothing expanded."""

from __future__ import annotations

from stackup.errors import HostError, StackInvalid, UsageError
from stackup.project.problems import rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from stackup.images.build.dockerfile import Dockerfile, Instruction

LIMIT = 10 << 20
STDIN = "-"


def parsed(name: str, stdin: BinaryIO) -> list[dict[str, Any]]:
    """The instructions of the file, or of standard input for `-`. Raises StackInvalid with all syntax errors."""
    return [_row(item) for item in sound(read(name, stdin), name).instructions]


def read(name: str, stdin: BinaryIO) -> str:
    """A Dockerfile's text, its ends of lines as they are; bytes that are no UTF-8 survive as surrogates."""
    try:
        if name == STDIN:
            content = stdin.read(LIMIT + 1)
        else:
            with open(name, "rb") as file:
                content = file.read(LIMIT + 1)
    except OSError as problem:
        raise HostError(f'cannot read "{name}": {(problem.strerror or "").lower()}', subject=name) from problem
    if len(content) > LIMIT:
        raise UsageError(f'"{name}" is larger than 10 MiB', subject=name, hint="a Dockerfile is text, and short")
    return content.decode("utf-8", "surrogateescape")


def sound(text: str, name: str) -> Dockerfile:
    from stackup.images.build.dockerfile import parse

    source = "<stdin>" if name == STDIN else name
    found = parse(text, source)
    if found.problems:
        raise StackInvalid(rows_of(found.problems, {source: _printable(text)}), what="the Dockerfile")
    return found


def problems_of(text: str, source: str) -> list[dict[str, Any]]:
    """All that can be said of a Dockerfile without building it, on bases of which nothing is known."""
    from stackup.images.build.dockerfile import parse
    from stackup.images.build.evaluate import evaluate
    from stackup.images.build.lint import lint
    from stackup.images.build.scope import begin, onward
    from stackup.images.build.stages import FromStage, Settings, read_stages
    from stackup.images.manifest import ImageConfig

    stages = read_stages(parse(text, source), Settings({}))
    done: dict[int, Any] = {}
    for index in stages.needed():
        base = stages.stages[index].base
        scope = onward(done[base.index].scope) if isinstance(base, FromStage) else begin(ImageConfig())
        done[index] = evaluate(stages, index, scope)
    errors = [*stages.problems, *(problem for one in done.values() for problem in one.problems)]
    return rows_of(errors or lint(stages, list(done.values())), {source: _printable(text)})


def _row(item: Instruction) -> dict[str, Any]:
    args: list[Any] = [list(pair) for pair in item.pairs] or list(item.args)
    return {
        "instruction": item.name,
        "flags": [_printable(flag) for flag in item.flags],
        "args": [[_printable(part) for part in arg] if isinstance(arg, list) else _printable(arg) for arg in args],
        "heredocs": [
            {
                "name": _printable(heredoc.name),
                "fd": heredoc.fd,
                "expand": heredoc.expand,
                "chomp": heredoc.chomp,
                "content": _printable(heredoc.content),
            }
            for heredoc in item.heredocs
        ],
        "line": item.line,
        "end_line": item.end_line,
        "trigger": _row(item.trigger) if item.trigger else None,
    }


def _printable(text: str) -> str:
    """JSON holds no bytes that are no text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
