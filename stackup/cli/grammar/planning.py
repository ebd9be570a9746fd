"""Signatures of the commands that look at what would be and what was."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import (
    ForceRecreate,
    Json,
    NoDeps,
    NoRecreate,
    RemoveOrphans,
    Scale,
    Services,
    Yes,
)


def plan(
    services: Services = None,
    *,
    out: Annotated[str | None, typer.Option("--out", "-o", metavar="FILE", help="Write the plan, for `apply`")] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 0: nothing to do, 1: error, 2: changes")
    ] = False,
    steps: Annotated[bool, typer.Option("--steps", help="Show the single steps and their order")] = False,
    force_recreate: ForceRecreate = False,
    no_recreate: NoRecreate = False,
    no_deps: NoDeps = False,
    remove_orphans: RemoveOrphans = False,
    scale: Scale = None,
    json: Json = False,
) -> None: ...


def apply(
    plan: Annotated[str, typer.Argument(metavar="FILE", help="What `plan -o` wrote", show_default=False)],
    *,
    yes: Yes = False,
) -> None: ...


def why(
    subject: Annotated[str, typer.Argument(metavar="NAME", help="A service, or an address such as network/default")],
    *,
    json: Json = False,
) -> None: ...


def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="As in error[SU014]; none for all codes", show_default=False)
    ] = None,
) -> None: ...


def config(
    names: Services = None,
    *,
    format: Annotated[str | None, typer.Option(help="yaml or json")] = None,  # noqa: A002
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only validate, print nothing")] = False,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Save to file")] = None,
    services: Annotated[bool, typer.Option("--services", help="Print the service names")] = False,
    volumes: Annotated[bool, typer.Option("--volumes", help="Print the volume names")] = False,
    networks: Annotated[bool, typer.Option("--networks", help="Print the network names")] = False,
    images: Annotated[bool, typer.Option("--images", help="Print the image names")] = False,
    profiles: Annotated[bool, typer.Option("--profiles", help="Print the profile names")] = False,
    variables: Annotated[bool, typer.Option("--variables", help="Print the variables that the files ask for")] = False,
    explain: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Say where a variable has its value from, as `vars` does")
    ] = None,
    hash: Annotated[  # noqa: A002
        str | None, typer.Option(metavar="SERVICE", help="Print a hash of each service, * for all")
    ] = None,
) -> None: ...


def vars(  # noqa: A001
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Only these variables", show_default=False)
    ] = None,
    *,
    json: Json = False,
) -> None: ...


def doctor(*, json: Json = False) -> None: ...


def version(
    *,
    format: Annotated[str | None, typer.Option("--format", "-f", help="pretty or json")] = None,  # noqa: A002
    short: Annotated[bool, typer.Option("--short", help="Only the number")] = False,
) -> None: ...


def completion(shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish")]) -> None: ...
