"""The command line as typer knows it: the one definition, from which the hot table is made.

Loaded only for what the table cannot do: help and mistakes. Every function of the grammar is a signature; what
runs is the body that `dispatch` finds. A command is built when it is asked for, so `--help` builds none.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stackup.cli.verbs import ALIASES, GROUPS, VERBS, function_of, grammar_of
from stackup.errors import UsageError

Dispatch = Callable[[dict[str, object], str, dict[str, object]], int]
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
PASSES_REST = ("exec", "run")
PROBLEM: type[Exception] = typer.BadParameter.__mro__[2]
"""click's ClickException; newer releases of typer carry click within themselves, older ones import it."""


def global_flags(
    *,
    file: Annotated[list[str] | None, typer.Option("--file", "-f", help="Stack files; - for standard input")] = None,
    project_name: Annotated[str | None, typer.Option("--project-name", "-p", help="Name of the stack")] = None,
    profile: Annotated[list[str] | None, typer.Option(help="Enable a profile")] = None,
    env_file: Annotated[list[str] | None, typer.Option(help="Environment files instead of .env")] = None,
    project_directory: Annotated[str | None, typer.Option(help="Folder that paths are relative to")] = None,
    parallel: Annotated[int | None, typer.Option(help="Upper bound of parallel work, -1 for none")] = None,
    progress: Annotated[str | None, typer.Option(help="auto, tty, plain, json or quiet")] = None,
    ansi: Annotated[str | None, typer.Option(help="never, always or auto")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no registry: what is here must do")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings about the files are errors")] = False,
    diagnostics: Annotated[
        str | None, typer.Option(metavar="FORM", help="Problems of the files as json, github or sarif")
    ] = None,
    compatibility: Annotated[bool, typer.Option("--compatibility", hidden=True)] = False,
    all_resources: Annotated[bool, typer.Option("--all-resources", help="Also what no service uses")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", hidden=True)] = False,
    version: Annotated[bool, typer.Option("--version", "-v", help="Show the version")] = False,
) -> None:
    """Compose stacks on a bare Linux machine: no daemon, no runc, no iptables."""


class Line:
    """One parse of one command line: where its global flags are kept until its command is known."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._flags: dict[str, object] = {}

    def keep(self, **flags: object) -> None:
        self._flags = _plain(flags)

    def run(self, verb: str, values: dict[str, object]) -> None:
        raise typer.Exit(self._dispatch(self._flags, verb, _plain(values)))


def _plain(values: dict[str, object]) -> dict[str, object]:
    """typer gives None or a tuple for many, the table a list."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


class Verbs(TyperGroup):
    """The commands of the table; each is built when it is named."""

    prefix = ""
    line: Line | None = None

    def list_commands(self, ctx: Any) -> list[str]:
        names = (verb.removeprefix(self.prefix).split(" ")[0] for verb in VERBS if verb.startswith(self.prefix))
        return sorted(set(names))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name = ALIASES.get(self.prefix + cmd_name, self.prefix + cmd_name)
        if name in VERBS:
            return command(name, self.line)
        return _group(f"{name} ", self.line) if name in GROUPS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """`config ls` is a command beside `config`, which takes services."""
        longer = " ".join(args[:2])
        if not self.prefix and args[0] in VERBS and longer in VERBS and longer != args[0]:
            return longer, command(longer, self.line), args[2:]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, VERBS.get(self.prefix + name) or GROUPS.get(name, "")) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def signature_of(verb: str) -> Any:
    """The command's function in the grammar."""
    return getattr(importlib.import_module(f"stackup.cli.grammar.{grammar_of(verb)}"), function_of(verb))


def command(verb: str, line: Line | None = None) -> Any:
    """One command, built from its function in the grammar."""
    signature = signature_of(verb)

    @functools.wraps(signature)
    def body(**values: object) -> None:
        if line is not None:
            line.run(verb, values)

    app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=SETTINGS)
    app.command(verb.rpartition(" ")[2], help=f"{VERBS[verb]}.")(body)
    built = typer.main.get_command(app)
    built.allow_interspersed_args = verb not in PASSES_REST
    return built


def _group(prefix: str, line: Line | None) -> Any:
    kind = type("Verbs", (Verbs,), {"prefix": prefix, "line": line})
    summary = GROUPS[prefix.rstrip()]
    app = typer.Typer(cls=kind, help=summary, rich_markup_mode=None, context_settings=SETTINGS)
    app.callback()(lambda: None)
    return typer.main.get_group(app)


def root(line: Line | None = None) -> Any:
    """The whole command line."""
    kind = type("Verbs", (Verbs,), {"line": line})
    app = typer.Typer(cls=kind, add_completion=False, rich_markup_mode=None, context_settings=SETTINGS)

    @functools.wraps(global_flags)
    def flags(**values: object) -> None:
        if line is not None:
            line.keep(**values)

    app.callback()(flags)
    return typer.main.get_command(app)


def global_parameters() -> list[Any]:
    return list(root().params)


def run(argv: list[str], dispatch: Dispatch) -> int:
    """Parse with typer and dispatch. A mistake comes out as a UsageError of ours."""
    try:
        code = root(Line(dispatch)).main(argv or ["--help"], prog_name="stackup", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.Abort:
        raise KeyboardInterrupt from None
    except PROBLEM as problem:
        raise _ours(problem) from None


def _ours(problem: Any) -> UsageError:
    text = str(problem.format_message()).rstrip(".")
    about = problem.ctx.command_path if getattr(problem, "ctx", None) else "stackup"
    return UsageError(text[:1].lower() + text[1:], hint=f"see `{about} --help`")
