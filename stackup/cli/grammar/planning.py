"""Signatures of the commands that look at what would be and what was."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import (
    ForceRecreate,
    Json,
    Locked,
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
    locked: Locked = False,
    moved: Annotated[bool, typer.Option("--moved", help="Ask registries too which locked tags have moved")] = False,
    force_recreate: ForceRecreate = False,
    no_recreate: NoRecreate = False,
    no_deps: NoDeps = False,
    remove_orphans: RemoveOrphans = False,
    scale: Scale = None,
    json: Json = False,
) -> None: ...


def lock(
    services: Services = None,
    *,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", "-u", help="Lock to what names mean now, of some services or of all")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail unless every image is locked")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing of what changes")] = False,
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
    explain: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Say where a variable has its value from, as `vars` does")
    ] = None,
    models: Annotated[bool, typer.Option("--models", help="Print the model names")] = False,
    variables: Annotated[
        bool, typer.Option("--variables", help="Print the files' variables and their defaults")
    ] = False,
    environment: Annotated[
        bool, typer.Option("--environment", help="Print the environment used for interpolation")
    ] = False,
    no_interpolate: Annotated[
        bool, typer.Option("--no-interpolate", help="Leave variables as they are written")
    ] = False,
    no_normalize: Annotated[
        bool, typer.Option("--no-normalize", help="Add no default names, networks and dependencies")
    ] = False,
    no_path_resolution: Annotated[
        bool, typer.Option("--no-path-resolution", help="Leave paths as they are written")
    ] = False,
    no_consistency: Annotated[bool, typer.Option("--no-consistency", help="Do not check the stack as a whole")] = False,
    no_env_resolution: Annotated[
        bool, typer.Option("--no-env-resolution", help="Name env files instead of reading them")
    ] = False,
    resolve_image_digests: Annotated[
        bool, typer.Option("--resolve-image-digests", help="Pin image tags to digests")
    ] = False,
    lock_image_digests: Annotated[
        bool, typer.Option("--lock-image-digests", help="Print an override file with image digests")
    ] = False,
    portable: Annotated[
        bool, typer.Option("--portable", help="Relative paths and names of variables instead of their values")
    ] = False,
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
