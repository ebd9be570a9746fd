"""Signatures of the commands that look at containers."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Format, Index, Json, NoColor, NoLogPrefix, NoTrunc, Quiet, Service, Services


def ps(
    services: Services = None,
    *,
    all: Annotated[bool, typer.Option("--all", "-a", help="Show all stopped containers too")] = False,  # noqa: A002
    quiet: Quiet = False,
    format: Format = None,  # noqa: A002
    json: Json = False,
    filter: Annotated[list[str] | None, typer.Option(metavar="status=STATE", help="Filter by state")] = None,  # noqa: A002
    status: Annotated[list[str] | None, typer.Option(metavar="STATE", help="Filter by state")] = None,
    list_services: Annotated[bool, typer.Option("--services", help="Display services")] = False,
    orphans: Annotated[bool, typer.Option("--orphans/--no-orphans", help="Include what the file does not know")] = True,
    drift: Annotated[
        bool, typer.Option("--drift", help="Also how each stands to the file: current, drifted, stale, degraded")
    ] = False,
    no_trunc: NoTrunc = False,
) -> None: ...


def logs(
    services: Services = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow log output")] = False,
    tail: Annotated[str | None, typer.Option("--tail", "-n", metavar="N", help="Only the last lines, or all")] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="Show timestamps")] = False,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="A moment (2026-01-02T13:23:37Z) or an age (42m)")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="A moment or an age")] = None,
    index: Index = None,
    no_color: NoColor = False,
    no_log_prefix: NoLogPrefix = False,
    raw: Annotated[bool, typer.Option("--raw", help="Control characters act on the terminal as they are")] = False,
) -> None: ...


def ls(
    *,
    all: Annotated[bool, typer.Option("--all", "-a", help="Show stopped stacks too")] = False,  # noqa: A002
    quiet: Quiet = False,
    format: Format = None,  # noqa: A002
    filter: Annotated[list[str] | None, typer.Option(metavar="name=NAME", help="Filter by name")] = None,  # noqa: A002
    json: Json = False,
) -> None: ...


def images(
    services: Services = None,
    *,
    quiet: Quiet = False,
    format: Format = None,  # noqa: A002
    json: Json = False,
) -> None: ...


def port(
    service: Service,
    private_port: Annotated[int, typer.Argument(metavar="PRIVATE_PORT", show_default=False)],
    *,
    protocol: Annotated[str, typer.Option(help="tcp or udp")] = "tcp",
    index: Index = None,
) -> None: ...


def stats(
    services: Services = None,
    *,
    all: Annotated[bool, typer.Option("--all", "-a", help="Also containers that do not run")] = False,  # noqa: A002
    format: Format = None,  # noqa: A002
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Only the first result")] = False,
    no_trunc: NoTrunc = False,
    pressure: Annotated[bool, typer.Option("--pressure", help="Also how long processes waited (PSI)")] = False,
    json: Json = False,
) -> None: ...


def top(services: Services = None, *, json: Json = False) -> None: ...


def volumes(*, quiet: Quiet = False, format: Format = None, json: Json = False) -> None: ...  # noqa: A002


def events(
    services: Services = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Output events as a stream of json objects")] = False,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begin with a moment (2026-01-02T13:23:37Z) or an age (42m)")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="End at a moment or an age")] = None,
) -> None: ...
