"""`stackup up`. Hot while there is nothing to do: then nothing dear is imported."""

from __future__ import annotations

from stackup.cli.exits import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.cli.options import Options

BENDING = (
    "services",
    "scale",
    "ports",
    "force_recreate",
    "always_recreate_deps",
    "renew_anon_volumes",
    "no_deps",
    "no_start",
    "remove_orphans",
    "build",
    "pull",
    "locked",
)
"""With any of these, what is wanted is not just what the file says."""


def run(call: Call, options: Options) -> int:
    detached = options.flag("detach") or options.flag("wait")
    if detached and not any(options.values[name] for name in BENDING) and not call.dry_run:
        session = call.session()
        if not call.switched_on("COMPOSE_REMOVE_ORPHANS"):
            from stackup.project.steady import steady

            found = steady(session)
            if found is not None:
                return _nothing_to_do(call, found.name, session.host.direct.containers(found.name))
    from stackup.cli.bringing_up import bring_up  # the long way: planning and applying

    return bring_up(call, options)


def _nothing_to_do(call: Call, stack: str, rows: list) -> int:  # type: ignore[type-arg]
    from stackup.cli.views.urls import show

    if call.progress not in ("quiet", "json"):
        for row in rows:
            if row["state"] == "running":
                call.terminal.say(f" Container {row['name']}  Running")
        call.terminal.say("Nothing to do: everything is as the file says.")
        show(call.terminal, rows)
    return Exit.DONE
