"""Signatures of `stackup volume ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Json

Name = Annotated[str, typer.Argument(metavar="VOLUME", show_default=False)]
Names = Annotated[list[str], typer.Argument(metavar="VOLUME", show_default=False)]
Filter = Annotated[list[str] | None, typer.Option("--filter", help="dangling, driver, label, label! or name")]


def volume_create(
    name: Annotated[str | None, typer.Argument(metavar="VOLUME", show_default=False)] = None,
    *,
    driver: Annotated[str | None, typer.Option("--driver", "-d", help="local, or one that a package brings")] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Set a label")] = None,
    opt: Annotated[list[str] | None, typer.Option("--opt", "-o", metavar="KEY=VALUE", help="Driver option")] = None,
) -> None: ...


def volume_ls(
    *,
    filter: Annotated[  # noqa: A002
        list[str] | None, typer.Option("--filter", "-f", help="dangling, driver, label, label! or name")
    ] = None,
    format: Annotated[str | None, typer.Option(help="table, json or a template")] = None,  # noqa: A002
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only display volume names")] = False,
    json: Json = False,
) -> None: ...


def volume_inspect(volumes: Names) -> None: ...


def volume_rm(
    volumes: Names, *, force: Annotated[bool, typer.Option("--force", "-f", help="No error if it is gone")] = False
) -> None: ...


def volume_prune(
    *,
    all: Annotated[bool, typer.Option("--all", "-a", help="Also those that have a name")] = False,  # noqa: A002
    filter: Filter = None,  # noqa: A002
    force: Annotated[bool, typer.Option("--force", "-f", help="Do not ask to confirm")] = False,
) -> None: ...


def volume_du(
    volumes: Annotated[list[str] | None, typer.Argument(metavar="VOLUME", show_default=False)] = None,
    *,
    json: Json = False,
) -> None: ...


def volume_export(
    volume: Name,
    *,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file")] = None,
) -> None: ...


def volume_import(
    volume: Name,
    source: Annotated[str | None, typer.Argument(metavar="FILE|-", show_default=False)] = None,
) -> None: ...
