"""Signatures of the commands that run something in a container, or wait for it."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import (
    Build,
    Command,
    Index,
    Locked,
    NoDeps,
    Pull,
    QuietPull,
    RemoveOrphans,
    Service,
    SomeServices,
)

Env = Annotated[list[str] | None, typer.Option("--env", "-e", metavar="KEY=VAL", help="Set environment variables")]
User = Annotated[str | None, typer.Option("--user", "-u", help="Run as this user: name or uid, :group or :gid")]
Workdir = Annotated[str | None, typer.Option("--workdir", "-w", help="Working folder inside the container")]
NoTty = Annotated[bool, typer.Option("--no-tty", "-T", help="No terminal; it is the default in a pipe")]
Interactive = Annotated[bool, typer.Option("--interactive/--no-interactive", "-i", help="Keep standard input open")]


def exec(  # noqa: A001
    service: Service,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", show_default=False)],
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background")] = False,
    env: Env = None,
    user: User = None,
    workdir: Workdir = None,
    index: Index = None,
    no_tty: NoTty = False,
    tty: Annotated[bool, typer.Option("--tty", "-t", help="Accepted: a terminal is the default on a terminal")] = False,
    interactive: Interactive = True,
    privileged: Annotated[bool, typer.Option("--privileged", help="With all capabilities")] = False,
) -> None: ...


def run(
    service: Service,
    command: Command = None,
    *,
    rm: Annotated[bool, typer.Option("--rm", help="Remove the container when it ends")] = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background and print its name")] = False,
    env: Env = None,
    env_from_file: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Variables from a file")] = None,
    user: User = None,
    workdir: Workdir = None,
    entrypoint: Annotated[str | None, typer.Option(help="Override the entrypoint of the image")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the container")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", "-l", metavar="KEY=VAL", help="Add a label")] = None,
    volume: Annotated[list[str] | None, typer.Option("--volume", "-v", help="Mount a volume")] = None,
    publish: Annotated[list[str] | None, typer.Option("--publish", "-p", help="Publish a port")] = None,
    service_ports: Annotated[
        bool, typer.Option("--service-ports", "-P", help="Publish the service's ports as the file says")
    ] = False,
    use_aliases: Annotated[bool, typer.Option("--use-aliases", help="Use the service's names on its networks")] = False,
    no_deps: NoDeps = False,
    no_tty: NoTty = False,
    tty: Annotated[bool, typer.Option("--tty", "-t", help="Accepted: a terminal is the default on a terminal")] = False,
    interactive: Interactive = True,
    cap_add: Annotated[list[str] | None, typer.Option(metavar="CAP", help="Add a capability")] = None,
    cap_drop: Annotated[list[str] | None, typer.Option(metavar="CAP", help="Drop a capability")] = None,
    build: Build = False,
    locked: Locked = False,
    pull: Pull = None,
    quiet_pull: QuietPull = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing of one's own")] = False,
    remove_orphans: RemoveOrphans = False,
) -> None: ...


def attach(
    service: Service,
    *,
    index: Index = None,
    no_stdin: Annotated[bool, typer.Option("--no-stdin", help="Do not attach standard input")] = False,
    detach_keys: Annotated[
        str | None, typer.Option(metavar="KEYS", help="Keys that leave a terminal, such as ctrl-p,ctrl-q")
    ] = None,
    sig_proxy: Annotated[
        bool, typer.Option("--sig-proxy/--no-sig-proxy", help="Pass signals on to the container's program")
    ] = True,
) -> None: ...


def wait(
    services: SomeServices,
    *,
    down_project: Annotated[
        bool, typer.Option("--down-project", help="Take the stack down when one has ended")
    ] = False,
) -> None: ...
