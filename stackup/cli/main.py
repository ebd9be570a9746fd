"""The way in: argv to a command's body, and the one place where errors are printed. Hot.

The table parses what is usual; typer is loaded for the rest. A StackupError is a message and a hint, never a traceback;
anything else is a bug and shows one.
"""

from __future__ import annotations

import os
import sys

from stackup.cli.argv import hoisted, parse
from stackup.cli.call import Call
from stackup.cli.exits import Exit
from stackup.cli.options import Options
from stackup.errors import StackupError, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackup.engines.engine import Host

COMPLETION = "__complete"
"""What the shells' scripts say before the words that they want completed; no command for people."""
CODES = {"program-not-found": Exit.NOT_FOUND, "program-not-executable": Exit.NOT_EXECUTABLE}
"""Errors of one program's start, which `exec` alone can raise here."""


def run(argv: list[str], environ: Mapping[str, str], host: Host | None = None) -> int:
    """One command line; its exit code."""
    call = Call(argv if argv[:1] == [COMPLETION] else hoisted(argv), environ, host)
    try:
        code = _told(call)
        call.close()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _silence()
        return Exit.BROKEN_PIPE


def _told(call: Call) -> int:
    try:
        return _run(call)
    except StackupError as problem:
        sys.stdout.flush()
        call.fail(problem)
        return CODES.get(problem.code, Exit.FAILED)
    except OSError as problem:
        said = refusal(problem)
        if said is None or isinstance(problem, BrokenPipeError):
            raise
        call.fail(said)
        return Exit.FAILED


def _run(call: Call) -> int:
    def dispatch(flags: dict[str, object], verb: str, values: dict[str, object]) -> int:
        return _dispatch(call, flags, verb, values)

    if call.argv[:1] == [COMPLETION]:
        return _complete(call)
    found = parse(call.argv)
    if found is not None:
        return dispatch(*found)
    if any(word in ("--version", "-v") for word in call.argv[:1]):
        return dispatch(*_parsed(["version"]))
    from stackup.cli.app import run as run_with_typer  # 60 ms, for help and mistakes

    return run_with_typer(call.argv, dispatch)


def _complete(call: Call) -> int:
    from stackup.cli.completing import answer, answer_bash

    match call.argv[1:]:
        case ["bash", line, current]:
            answer_bash(call, line, current)
        case ["words", *words]:
            answer(call, words)
    return Exit.DONE


def _parsed(argv: list[str]) -> tuple[dict[str, object], str, dict[str, object]]:
    found = parse(argv)
    assert found is not None, "the table has this command"
    return found


def _dispatch(call: Call, flags: dict[str, object], verb: str, values: dict[str, object]) -> int:
    call.heed(Options(flags), verb)
    name = verb.replace(" ", "_")
    call.yes = bool(values.get("yes"))
    body = __import__(f"stackup.cli.commands.{name}", fromlist=("run",))
    code: int = body.run(call, Options(values))
    return code


def _silence() -> None:
    """Whoever read us has gone; what Python would still flush at its end goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
