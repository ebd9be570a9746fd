"""Signatures of the commands that carry a stack to another machine."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Build, NoBuild, Wait, Yes


def bundle(
    *,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file; - for standard output")
    ] = None,
    build: Build = False,
    no_build: NoBuild = False,
    with_secrets: Annotated[bool, typer.Option("--with-secrets", help="Also the files of secrets")] = False,
    with_mounts: Annotated[
        bool, typer.Option("--with-mounts", help="Also files and folders that services mount from the host")
    ] = False,
) -> None: ...


def unbundle(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `bundle` wrote, or - for standard input")],
    *,
    directory: Annotated[
        str | None, typer.Option("--directory", "-C", metavar="FOLDER", help="Where to put it; else named as the stack")
    ] = None,
    up: Annotated[bool, typer.Option("--up", help="Bring the stack up as well, in the background")] = False,
    wait: Wait = False,
    yes: Yes = False,
) -> None: ...
