"""Signature of the command for the boot and the end of a machine."""

from __future__ import annotations

from typing import Annotated

import typer


def resume(
    *,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop what runs, in order; for a machine that goes down and comes back")
    ] = False,
    unit: Annotated[bool, typer.Option("--unit", help="Print a unit that lets systemd do both")] = False,
    user: Annotated[bool, typer.Option("--user", help="With --unit: a unit of the user's own manager")] = False,
) -> None: ...
