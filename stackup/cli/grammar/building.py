"""Signatures of the commands that build."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Locked, Services


def build(
    services: Services = None,
    *,
    build_arg: Annotated[
        list[str] | None, typer.Option("--build-arg", metavar="NAME=VALUE", help="Set build-time variables")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Check the Dockerfiles, build nothing")] = False,
    builder: Annotated[str | None, typer.Option("--builder", help="Accepted: there is one builder")] = None,
    locked: Locked = False,
    memory: Annotated[str | None, typer.Option("--memory", "-m", help="Memory that a step may use")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build every step again")] = False,
    print_: Annotated[bool, typer.Option("--print", help="Print what would be built, as bake file")] = False,
    provenance: Annotated[str | None, typer.Option("--provenance", help="Accepted: no attestation is made")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Look for newer base images")] = False,
    push: Annotated[bool, typer.Option("--push", help="Push the images")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the image ids only")] = False,
    sbom: Annotated[str | None, typer.Option("--sbom", help="Accepted: no attestation is made")] = None,
    ssh: Annotated[list[str] | None, typer.Option("--ssh", help="Agents for RUN --mount=type=ssh")] = None,
    with_dependencies: Annotated[
        bool, typer.Option("--with-dependencies", help="Also build what these services depend on")
    ] = False,
) -> None: ...


def builder_prune(
    *,
    all: Annotated[  # noqa: A002
        bool, typer.Option("--all", "-a", help="Also caches of RUN, and contexts that were fetched")
    ] = False,
    filter: Annotated[  # noqa: A002
        list[str] | None, typer.Option("--filter", metavar="FILTER", help="until=24h: not used since")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Do not ask to confirm")] = False,
    keep_storage: Annotated[
        str | None,
        typer.Option("--keep-storage", "--reserved-space", metavar="SIZE", help="What may stay, the last used first"),
    ] = None,
) -> None: ...


def watch(
    services: Services = None,
    *,
    no_up: Annotated[bool, typer.Option("--no-up", help="Do not build and start services before")] = False,
    prune: Annotated[
        bool, typer.Option("--prune/--no-prune", help="Remove the image that a rebuild has replaced")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", help="Hide the output of builds")] = False,
) -> None: ...
