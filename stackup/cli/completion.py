"""What the shell may offer: service names of the stack that the line so far speaks of. Silent when there is none."""

from __future__ import annotations

import os

import typer

from stackup.cli.call import Call
from stackup.cli.options import Options
from stackup.errors import StackupError
from stackup.project.resolve import identify


def services(ctx: typer.Context, incomplete: str) -> list[str]:
    """Called by typer at the press of a tab."""
    call = Call([], os.environ)
    try:
        call.heed(Options(ctx.find_root().params), "")
        found = identify(call.session())
    except StackupError:
        return []
    return [name for name in (*found.services, *found.disabled) if name.startswith(incomplete)]
