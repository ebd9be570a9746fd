"""What every use case needs, passed by value: where the stack is, on which host, and whom to tell.

Hot: plain classes, nothing dear. A use case prints nothing, asks nothing of the environment, and hands back a Report or
rows. `cli` makes the one Session of a command; tests make theirs on the memory engine.
"""

from __future__ import annotations

from stackup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, BinaryIO

    from stackup.engines.engine import Host
    from stackup.events import Event, Sink
    from stackup.layout import Layout
    from stackup.reconcile.apply import Interrupt
    from stackup.reconcile.plan import Plan


class Where:
    """How the user named the stack: the flags and the environment, unread."""

    __slots__ = (
        "directory",
        "env_files",
        "environ",
        "files",
        "profiles",
        "project_directory",
        "stack_name",
        "stdin",
    )

    def __init__(self, directory: str, environ: Mapping[str, str], **flags: Any) -> None:
        self.directory = directory
        self.environ = environ
        self.files: tuple[str, ...] = tuple(flags.get("files", ()))
        self.env_files: tuple[str, ...] = tuple(flags.get("env_files", ()))
        self.profiles: tuple[str, ...] = tuple(flags.get("profiles", ()))
        self.stack_name: str = flags.get("stack_name", "")
        self.project_directory: str = flags.get("project_directory", "")
        self.stdin: Callable[[], bytes] | None = flags.get("stdin")

    @property
    def named(self) -> str:
        """The stack's name where the user gave one that no file can overrule, else empty."""
        return self.stack_name or self.environ.get("COMPOSE_PROJECT_NAME", "")


def _agree(_: Plan) -> bool:
    return True


def _disagree(_: str) -> bool:
    return False


def _ignore(_: Event) -> None:
    return None


class Session:
    """`confirm` sees each plan before its first step and may refuse it; `agree` answers what is asked before any plan;
    `warn` takes a diagnostic as a row.

    `parallel`: how many steps may be under way at once, 0 for any number. `strict`: warnings of the files are errors.
    `locked`: so is an image that `stackup.lock` does not hold.
    `directory`: the stack's, once it is resolved. `input` is standard input for commands that may read a build context
    there, and `received` what came of it.
    """

    __slots__ = (
        "agree",
        "command",
        "confirm",
        "directory",
        "dry_run",
        "host",
        "input",
        "interrupt",
        "layout",
        "locked",
        "parallel",
        "received",
        "sink",
        "strict",
        "warn",
        "where",
    )

    def __init__(self, layout: Layout, where: Where, host: Host, **rest: Any) -> None:
        self.layout = layout
        self.where = where
        self.host = host
        self.directory = ""
        self.command: str = rest.get("command", "stackup")
        self.dry_run: bool = rest.get("dry_run", False)
        self.strict: bool = rest.get("strict", False)
        self.locked: bool = rest.get("locked", False)
        self.parallel: int = rest.get("parallel", 0)
        self.sink: Sink = rest.get("sink", _ignore)
        self.confirm: Callable[[Plan], bool] = rest.get("confirm", _agree)
        self.agree: Callable[[str], bool] = rest.get("agree", _disagree)
        self.warn: Callable[[dict[str, Any]], None] = rest.get("warn", lambda row: None)
        self.interrupt: Interrupt | None = rest.get("interrupt")
        self.input: Callable[[], BinaryIO | None] = rest.get("input", lambda: None)
        self.received: str | None = None

    def notice(self, text: str, *, level: str = "warning", address: str = "") -> None:
        """A word to the user that is not about a step."""
        import time

        from stackup.events import Notice  # pays for dataclasses, on the rare paths that say something

        self.sink(Notice(time.time(), level, text, address))


def no_such_service(name: str, known: tuple[str, ...]) -> UsageError:
    """The words that docker compose uses, with what was probably meant."""
    from difflib import get_close_matches  # only on the way to an error

    near = get_close_matches(name, known, 1)
    if near:
        hint = f'did you mean "{near[0]}"?'
    else:
        hint = f"the services are: {', '.join(known)}" if known else "the stack has no services"
    return UsageError(f"no such service: {name}", subject=name, hint=hint)
