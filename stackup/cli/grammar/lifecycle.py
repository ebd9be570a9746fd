"""Signatures of the commands that change a stack. They have no bodies: see `app`."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import (
    Build,
    ForceRecreate,
    Locked,
    NoBuild,
    NoColor,
    NoDeps,
    NoLogPrefix,
    NoRecreate,
    Pull,
    QuietPull,
    RemoveOrphans,
    Scale,
    Services,
    Timeout,
    Wait,
    WaitTimeout,
    Yes,
)


def up(
    services: Services = None,
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run containers in the background")] = False,
    build: Build = False,
    no_build: NoBuild = False,
    locked: Locked = False,
    pull: Pull = None,
    quiet_pull: QuietPull = False,
    force_recreate: ForceRecreate = False,
    no_recreate: NoRecreate = False,
    always_recreate_deps: Annotated[
        bool, typer.Option("--always-recreate-deps", help="Recreate the containers that these need as well")
    ] = False,
    renew_anon_volumes: Annotated[
        bool, typer.Option("--renew-anon-volumes", "-V", help="Begin with empty anonymous volumes")
    ] = False,
    no_deps: NoDeps = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Create, but do not start")] = False,
    remove_orphans: RemoveOrphans = False,
    scale: Scale = None,
    ports: Annotated[
        str | None, typer.Option(metavar="CHOICE", help="auto: publish on free ports of the host; file: as it says")
    ] = None,
    wait: Wait = False,
    wait_timeout: WaitTimeout = None,
    timeout: Timeout = None,
    abort_on_container_exit: Annotated[
        bool, typer.Option("--abort-on-container-exit", help="Stop everything when any container has ended")
    ] = False,
    abort_on_container_failure: Annotated[
        bool, typer.Option("--abort-on-container-failure", help="Stop everything when any container has failed")
    ] = False,
    exit_code_from: Annotated[
        str | None,
        typer.Option(metavar="SERVICE", help="End with the exit code of this service; implies stopping everything"),
    ] = None,
    attach: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE", help="Show the output of these services only")
    ] = None,
    no_attach: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE", help="Do not show the output of these services")
    ] = None,
    attach_dependencies: Annotated[
        bool, typer.Option("--attach-dependencies", help="Also show the output of what the named services need")
    ] = False,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="Show timestamps")] = False,
    no_color: NoColor = False,
    no_log_prefix: NoLogPrefix = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Bring what changes into the containers, as develop.watch says")
    ] = False,
    menu: Annotated[bool, typer.Option("--menu/--no-menu", help="Accepted: there is no menu")] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask before the stack gets anything beyond its containers")
    ] = False,
    yes: Yes = False,
) -> None: ...


def down(
    services: Services = None,
    *,
    volumes: Annotated[
        bool, typer.Option("--volumes", "-v", help="Remove the volumes of the stack too, with their data")
    ] = False,
    rmi: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Remove images used by services: local or all")
    ] = None,
    remove_orphans: RemoveOrphans = False,
    timeout: Timeout = None,
    yes: Yes = False,
) -> None: ...


def create(
    services: Services = None,
    *,
    build: Build = False,
    no_build: NoBuild = False,
    locked: Locked = False,
    pull: Pull = None,
    quiet_pull: QuietPull = False,
    force_recreate: ForceRecreate = False,
    no_recreate: NoRecreate = False,
    remove_orphans: RemoveOrphans = False,
    scale: Scale = None,
    yes: Yes = False,
) -> None: ...


def start(services: Services = None, *, wait: Wait = False, wait_timeout: WaitTimeout = None) -> None: ...


def stop(services: Services = None, *, timeout: Timeout = None) -> None: ...


def restart(services: Services = None, *, timeout: Timeout = None, no_deps: NoDeps = False) -> None: ...


def scale(
    counts: Annotated[list[str], typer.Argument(metavar="SERVICE=NUM", show_default=False)],
    *,
    no_deps: NoDeps = False,
) -> None: ...


def rm(
    services: Services = None,
    *,
    force: Annotated[bool, typer.Option("--force", "-f", help="Do not ask to confirm")] = False,
    stop: Annotated[bool, typer.Option("--stop", "-s", help="Stop the containers first, if required")] = False,
    volumes: Annotated[bool, typer.Option("--volumes", "-v", help="Remove their anonymous volumes too")] = False,
) -> None: ...


def pause(services: Services = None) -> None: ...


def unpause(services: Services = None) -> None: ...


def kill(
    services: Services = None,
    *,
    signal: Annotated[str, typer.Option("--signal", "-s", help="Signal to send")] = "SIGKILL",
    remove_orphans: RemoveOrphans = False,
) -> None: ...
