"""Signatures of `stackup image ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Format, Json, Quiet


def image_import(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A folder, a tar file, or - for standard input")],
    reference: Annotated[str, typer.Argument(metavar="NAME[:TAG]", show_default=False)],
    *,
    change: Annotated[
        list[str] | None,
        typer.Option("--change", "-c", help="A line of a Dockerfile: CMD, ENV, ENTRYPOINT, WORKDIR, USER, EXPOSE, ..."),
    ] = None,
    json: Json = False,
) -> None: ...


def image_ls(*, quiet: Quiet = False, format: Format = None, json: Json = False) -> None: ...  # noqa: A002


def image_inspect(references: Annotated[list[str], typer.Argument(metavar="IMAGE", show_default=False)]) -> None: ...


def image_rm(
    references: Annotated[list[str], typer.Argument(metavar="IMAGE", show_default=False)],
    *,
    force: Annotated[bool, typer.Option("--force", "-f", help="Also an image that has several names")] = False,
) -> None: ...


def image_prune(
    *,
    all: Annotated[bool, typer.Option("--all", "-a", help="All that no container was made of")] = False,  # noqa: A002
    force: Annotated[bool, typer.Option("--force", "-f", help="Do not ask to confirm")] = False,
) -> None: ...


def image_parse(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A Dockerfile, or - for standard input")],
    *,
    format: Annotated[str, typer.Option(help="json")] = "json",  # noqa: A002
) -> None: ...
