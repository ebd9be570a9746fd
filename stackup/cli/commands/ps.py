"""`stackup ps`. Hot."""

from __future__ import annotations

import time

from stackup.cli.exits import Exit
from stackup.cli.settings import form
from stackup.cli.views import containers as view
from stackup.errors import UsageError
from stackup.project.ps import ps, standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.engines.engine import Container

STATES = ("created", "running", "paused", "restarting", "exited", "dead")


def run(call: Call, options: Options) -> int:
    session = call.session()
    rows = ps(
        session,
        options.texts("services"),
        everything=options.flag("all"),
        states=_states(options),
        orphans=options.flag("orphans"),
    )
    stand = standing(session) if options.flag("drift") else None
    now, whole = time.time(), options.flag("no_trunc")
    if options.flag("quiet"):
        _each(call, [row["instance"] for row in rows])
    elif options.flag("list_services"):
        _each(call, sorted({row["service"] for row in rows}))
    elif options.flag("json"):
        view.show_own(call.terminal, rows, stand)
    elif options.text("format") == "json":
        view.show_json(call.terminal, rows, now, whole=whole)
    elif "{{" in options.text("format"):
        view.show_template(call.terminal, options.text("format"), rows, now, whole=whole)
    else:
        form(options.text("format"), "table", "json")
        view.show_table(call.terminal, rows, now, whole=whole, standing=stand)
        _warn(call, rows)
    return Exit.DONE


def _warn(call: Call, rows: list[Container]) -> None:
    """What its monitor has to say of one that runs, such as output that is lost."""
    for row in rows:
        if row["warning"] and row["state"] == "running":
            call.say_warning(f"{row['name']}: {row['warning']}")


def _each(call: Call, words: list[str]) -> None:
    for word in words:
        call.terminal.print(word)


def _states(options: Options) -> tuple[str, ...]:
    states = list(options.texts("status"))
    for word in options.texts("filter"):
        key, _, value = word.partition("=")
        if key != "status":
            raise UsageError(f'"{word}" is not a filter', subject=word, hint="write status=running")
        states.append(value)
    for state in states:
        if state not in STATES:
            raise UsageError(f'"{state}" is not a state', subject=state, hint=f"choose {', '.join(STATES)}")
    return tuple(states)
