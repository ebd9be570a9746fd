"""Signatures of the commands that take a container's files out, or put some in."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Index, Service


def commit(
    service: Service,
    reference: Annotated[str | None, typer.Argument(metavar="REPOSITORY[:TAG]", show_default=False)] = None,
    *,
    author: Annotated[str | None, typer.Option("--author", "-a", help="Author (e.g. John Smith <john@x.org>)")] = None,
    change: Annotated[list[str] | None, typer.Option("--change", "-c", help="Apply a line of a Dockerfile")] = None,
    index: Index = None,
    message: Annotated[str | None, typer.Option("--message", "-m", help="Commit message")] = None,
    pause: Annotated[bool, typer.Option("--pause/--no-pause", "-p", help="Freeze the container meanwhile")] = True,
) -> None: ...


def export(
    service: Service,
    *,
    index: Index = None,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file")] = None,
) -> None: ...


def cp(
    source: Annotated[str, typer.Argument(metavar="SERVICE:SRC_PATH|SRC_PATH|-", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="DEST_PATH|-|SERVICE:DEST_PATH", show_default=False)],
    *,
    all: Annotated[bool, typer.Option("--all", help="Also containers made by run")] = False,  # noqa: A002
    archive: Annotated[bool, typer.Option("--archive", "-a", help="Keep owners and groups")] = False,
    follow_link: Annotated[bool, typer.Option("--follow-link", "-L", help="Follow links in SRC_PATH")] = False,
    index: Index = None,
) -> None: ...
