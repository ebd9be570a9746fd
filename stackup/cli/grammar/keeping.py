"""Signatures of `stackup secret ...`, and of what `stackup config` has of the same."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Format, Json, Quiet

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
Names = Annotated[list[str], typer.Argument(metavar="NAME", show_default=False)]
Filter = Annotated[list[str] | None, typer.Option("--filter", "-f", help="id, label or name")]
Template = Annotated[str | None, typer.Option("--format", "-f", help="A template of docker's")]


def secret_create(
    name: Name,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="Standard input, when there is none or -")] = None,
    *,
    label: Annotated[list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="Set a label")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Give other bytes to one that is there")] = False,
) -> None: ...


def secret_ls(
    *,
    filter: Filter = None,  # noqa: A002
    format: Format = None,  # noqa: A002
    quiet: Quiet = False,
    json: Json = False,
) -> None: ...


def secret_inspect(names: Names, *, format: Template = None) -> None: ...  # noqa: A002


def secret_rm(names: Names) -> None: ...


config_create, config_ls, config_inspect, config_rm = secret_create, secret_ls, secret_inspect, secret_rm
