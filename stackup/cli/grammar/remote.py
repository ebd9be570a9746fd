"""Signatures of the commands that speak with registries."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Locked, Services, Yes

IncludeDeps = Annotated[bool, typer.Option("--include-deps", help="Also what the services need")]
Silent = Annotated[bool, typer.Option("--quiet", "-q", help="Without progress")]
Reference = Annotated[str, typer.Argument(metavar="IMAGE", show_default=False)]
Registry = Annotated[str | None, typer.Argument(metavar="REGISTRY", show_default=False)]


def pull(
    services: Services = None,
    *,
    policy: Annotated[str | None, typer.Option(metavar="POLICY", help="missing or always")] = None,
    include_deps: IncludeDeps = False,
    ignore_buildable: Annotated[bool, typer.Option("--ignore-buildable", help="Not what can be built")] = False,
    ignore_pull_failures: Annotated[
        bool, typer.Option("--ignore-pull-failures", help="Pull what can be pulled, and call that a success")
    ] = False,
    locked: Locked = False,
    quiet: Silent = False,
) -> None: ...


def push(
    services: Services = None,
    *,
    include_deps: IncludeDeps = False,
    ignore_push_failures: Annotated[
        bool, typer.Option("--ignore-push-failures", help="Push what can be pushed, and call that a success")
    ] = False,
    quiet: Silent = False,
) -> None: ...


def login(
    registry: Registry = None,
    *,
    username: Annotated[str | None, typer.Option("--username", "-u", help="Username")] = None,
    password: Annotated[str | None, typer.Option("--password", "-p", help="Password; others can see it")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Take the password from standard input")
    ] = False,
) -> None: ...


def logout(registry: Registry = None) -> None: ...


def image_pull(
    reference: Reference,
    *,
    platform: Annotated[str | None, typer.Option(metavar="OS/ARCH", help="Another platform's image")] = None,
    quiet: Silent = False,
) -> None: ...


def image_push(reference: Reference, *, quiet: Silent = False) -> None: ...


def publish(
    reference: Annotated[str, typer.Argument(metavar="REPOSITORY[:TAG]", show_default=False)],
    *,
    with_env: Annotated[bool, typer.Option("--with-env", help="Also values of environments and env files")] = False,
    resolve_image_digests: Annotated[
        bool, typer.Option("--resolve-image-digests", help="Name images by digest")
    ] = False,
    yes: Yes = False,
) -> None: ...
