"""Signatures of `stackup network ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Json, NoTrunc, Quiet

Name = Annotated[str, typer.Argument(metavar="NETWORK", show_default=False)]
Names = Annotated[list[str], typer.Argument(metavar="NETWORK", show_default=False)]
Container = Annotated[str, typer.Argument(metavar="CONTAINER", show_default=False)]
Force = Annotated[bool, typer.Option("--force", "-f", help="Do not ask to confirm")]
Filter = Annotated[
    list[str] | None,
    typer.Option("--filter", "-f", metavar="FILTER", help="dangling, driver, id, label, name, scope or type"),
]
Shape = Annotated[str | None, typer.Option("--format", metavar="FORM", help="table, json or a template")]


def network_create(
    name: Name,
    *,
    attachable: Annotated[bool, typer.Option("--attachable", help="Changes nothing: every network is")] = False,
    aux_address: Annotated[list[str] | None, typer.Option(metavar="NAME=ADDRESS", help="Keep an address free")] = None,
    config_from: Annotated[str | None, typer.Option(metavar="NETWORK", help="Of swarms: refused")] = None,
    config_only: Annotated[bool, typer.Option("--config-only", help="Of swarms: refused")] = False,
    driver: Annotated[str | None, typer.Option("--driver", "-d", help="bridge, macvlan or ipvlan")] = None,
    gateway: Annotated[list[str] | None, typer.Option(help="Address of the gateway")] = None,
    ingress: Annotated[bool, typer.Option("--ingress", help="Of swarms: refused")] = False,
    internal: Annotated[bool, typer.Option("--internal", help="No way out of this network")] = False,
    ip_range: Annotated[list[str] | None, typer.Option(help="Part of the subnet that addresses are taken from")] = None,
    ipam_driver: Annotated[str | None, typer.Option(help="default, and no other")] = None,
    ipam_opt: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Changes nothing")] = None,
    ipv4: Annotated[bool, typer.Option("--ipv4/--no-ipv4", help="IPv4 addresses")] = True,
    ipv6: Annotated[bool, typer.Option("--ipv6", help="IPv6 addresses")] = False,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Set a label")] = None,
    opt: Annotated[list[str] | None, typer.Option("--opt", "-o", metavar="KEY=VALUE", help="Driver option")] = None,
    scope: Annotated[str | None, typer.Option(help="local, and no other")] = None,
    subnet: Annotated[list[str] | None, typer.Option(help="Range of the network, in CIDR form")] = None,
) -> None: ...


def network_ls(
    *,
    filter: Filter = None,  # noqa: A002
    format: Shape = None,  # noqa: A002
    no_trunc: NoTrunc = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None: ...


def network_inspect(
    networks: Names,
    *,
    format: Annotated[str | None, typer.Option("--format", "-f", metavar="FORM", help="json or a template")] = None,  # noqa: A002
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Changes nothing: all is shown")] = False,
) -> None: ...


def network_rm(
    networks: Names, *, force: Annotated[bool, typer.Option("--force", "-f", help="No error if it is gone")] = False
) -> None: ...


def network_prune(
    *,
    filter: Annotated[  # noqa: A002
        list[str] | None, typer.Option("--filter", metavar="FILTER", help="until=24h, label=key=value, label!=key")
    ] = None,
    force: Force = False,
) -> None: ...


def network_connect(
    network: Name,
    container: Container,
    *,
    alias: Annotated[list[str] | None, typer.Option(help="Another name of the container there")] = None,
    driver_opt: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Option of this place")] = None,
    gw_priority: Annotated[int | None, typer.Option(help="The highest is the gateway network")] = None,
    ip: Annotated[str | None, typer.Option(help="IPv4 address")] = None,
    ip6: Annotated[str | None, typer.Option(help="IPv6 address")] = None,
    link: Annotated[
        list[str] | None, typer.Option(metavar="CONTAINER[:ALIAS]", help="What this container calls another one")
    ] = None,
    link_local_ip: Annotated[list[str] | None, typer.Option(help="Further link-local address")] = None,
) -> None: ...


def network_disconnect(
    network: Name,
    container: Container,
    *,
    force: Annotated[bool, typer.Option("--force", "-f", help="No error if it is not connected")] = False,
) -> None: ...
