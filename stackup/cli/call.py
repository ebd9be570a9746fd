"""One call of the program: what the user typed, the environment, the terminal, and the Session made of them. Hot.

The only place of stackup that reads environment variables; everything below gets values.
"""

from __future__ import annotations

import os
import sys

from stackup.cli.options import Options
from stackup.cli.terminal import BOLD, CYAN, RED, YELLOW, Terminal
from stackup.errors import StackInvalid, UsageError
from stackup.layout import Layout
from stackup.project.hosts import DEFAULT, open_host
from stackup.project.session import Session, Where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, BinaryIO

    from stackup.engines.engine import Host
    from stackup.errors import StackupError

PROGRESS = ("auto", "tty", "plain", "json", "quiet")
ANSI = ("auto", "never", "always")
FORMS = ("json", "github", "sarif")
PIPED = ("build", "up", "create", "plan")
"""Verbs that take a build context from standard input; for others it is a container's, or nobody's."""


class Call:
    """`host` stands in for the engine that the environment names; tests give one in memory."""

    __slots__ = (
        "argv",
        "diagnostics",
        "environ",
        "failure",
        "flags",
        "host",
        "layout",
        "problems",
        "progress",
        "terminal",
        "verb",
        "yes",
    )

    def __init__(self, argv: list[str], environ: Mapping[str, str], host: Host | None = None) -> None:
        self.argv = argv
        self.environ = environ
        self.layout = Layout.from_environment(environ, uid=os.geteuid())
        self.host = host
        self.terminal = Terminal(environ)
        self.flags = Options({})
        self.progress = "auto"
        self.diagnostics = ""
        self.problems: list[dict[str, Any]] = []
        self.failure: StackupError | None = None
        self.verb = ""
        self.yes = False

    def heed(self, flags: Options, verb: str) -> None:
        """Take the global flags, each before its variable of the environment."""
        self.flags, self.verb = flags, verb
        if flags.flag("offline"):
            self.environ = {**self.environ, "STACKUP_OFFLINE": "1"}
        ansi = _choice(flags.text("ansi") or self.environ.get("COMPOSE_ANSI", ""), ANSI, "--ansi")
        self.progress = _choice(
            flags.text("progress") or self.environ.get("COMPOSE_PROGRESS", ""), PROGRESS, "--progress"
        )
        self.terminal = Terminal(self.environ, ansi)
        self.diagnostics = _choice(flags.text("diagnostics"), FORMS, "--diagnostics", "")
        if flags.flag("compatibility"):
            self.say_warning("--compatibility changes nothing here: names of containers are joined with hyphens")

    def say_warning(self, text: str) -> None:
        self.terminal.say(f"{self.terminal.paint_err('warning', BOLD + YELLOW)}: {text}")

    def switched_on(self, variable: str) -> bool:
        """A yes-or-no variable such as COMPOSE_REMOVE_ORPHANS."""
        return self.environ.get(variable, "").lower() in ("1", "true", "t", "yes", "y", "on")

    @property
    def dry_run(self) -> bool:
        return self.flags.flag("dry_run") or self.switched_on("COMPOSE_DRY_RUN")

    @property
    def parallel(self) -> int:
        """How many steps may be under way at once, 0 for any number; -1 says that as well."""
        text = self.environ.get("COMPOSE_PARALLEL_LIMIT", "")
        number = self.flags.number("parallel")
        if number is None:
            try:
                number = int(text or 0)
            except ValueError:
                raise UsageError(
                    f'COMPOSE_PARALLEL_LIMIT must be a whole number, not "{text}"', subject="COMPOSE_PARALLEL_LIMIT"
                ) from None
        return max(0, number)

    def session(self, **rest: Any) -> Session:
        """What a use case needs. `rest`: sink and confirm."""
        flags = self.flags
        where = Where(
            _directory(),
            self.environ,
            files=flags.texts("file"),
            env_files=flags.texts("env_file"),
            profiles=flags.texts("profile"),
            stack_name=flags.text("project_name"),
            project_directory=flags.text("project_directory"),
            stdin=_read_stdin,
        )
        host = self.host or open_host(self.environ.get("STACKUP_ENGINE") or DEFAULT, self.layout, self.environ)
        rest.setdefault("warn", self.warn)
        rest.setdefault("agree", self.agree)
        rest.setdefault("input", self._input)
        command = " ".join(("stackup", *unvalued(self.argv)))
        rest.setdefault("strict", self.flags.flag("strict"))
        return Session(self.layout, where, host, command=command, dry_run=self.dry_run, parallel=self.parallel, **rest)

    def _input(self) -> BinaryIO | None:
        """Where a build context may come from."""
        return None if self.verb not in PIPED or sys.stdin.isatty() else sys.stdin.buffer

    def agree(self, question: str) -> bool:
        """A yes given on the command line or in the environment, else one given on the terminal."""
        return self.yes or self.switched_on("STACKUP_YES") or self.terminal.ask(question)

    def warn(self, row: dict[str, Any]) -> None:
        """Tell a problem of the files. What the form tells as a whole is kept until the command ends."""
        if self.diagnostics == "sarif":
            self.problems.append(row)
        elif self.diagnostics:
            from stackup.cli.views.forms import line

            self.terminal.say(line(row, self.diagnostics))
        else:
            from stackup.cli.views.diagnostics import draw

            self.terminal.say(draw(row, self.terminal.paint_err))

    def fail(self, problem: StackupError) -> None:
        """Tell why the command ends."""
        if isinstance(problem, StackInvalid) and self.diagnostics:
            for row in problem.rows:
                self.warn(row)
        elif isinstance(problem, StackInvalid):
            from stackup.cli.views.diagnostics import tell_all

            tell_all(self.terminal, problem)
        elif self.diagnostics == "sarif":
            self.failure = problem
        elif self.diagnostics:
            from stackup.cli.views.forms import failure_line

            self.terminal.say(failure_line(problem, self.diagnostics))
        else:
            self.terminal.say(f"{self.terminal.paint_err('error', BOLD + RED)}: {problem.message}")
            if problem.hint:
                self.terminal.say(f"{self.terminal.paint_err('hint', BOLD + CYAN)}: {problem.hint}")

    def close(self) -> None:
        """What is told as one document is told now."""
        if self.diagnostics == "sarif":
            from stackup.cli.views.forms import sarif
            from stackup.project.explain import ALL

            self.terminal.say(sarif(self.problems, ALL, self.failure))


def unvalued(argv: list[str]) -> list[str]:
    """For the history, and for whoever waits: `-e PASSWORD=x` is told as `-e PASSWORD`."""
    return [_unvalued(before, word) for before, word in zip(["", *argv], argv, strict=False)]


def _unvalued(before: str, word: str) -> str:
    if word.startswith("--env="):
        return "--env=" + word[6:].partition("=")[0]
    return word.partition("=")[0] if before in ("-e", "--env") or word.startswith("-e") else word


def _choice(text: str, choices: tuple[str, ...], option: str, otherwise: str = "auto") -> str:
    if text and text not in choices:
        raise UsageError(f'"{text}" is not a value of {option}', subject=option, hint=f"choose {', '.join(choices)}")
    return text or otherwise


def _directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise UsageError("the current folder has been removed", hint="change to a folder that exists") from None


def _read_stdin() -> bytes:
    return sys.stdin.buffer.read()
