"""Arguments and options that several commands share, so that they are spelled and explained once."""

from __future__ import annotations

from typing import Annotated

import typer

Services = Annotated[list[str] | None, typer.Argument(metavar="SERVICE", show_default=False)]
SomeServices = Annotated[list[str], typer.Argument(metavar="SERVICE", show_default=False)]
Service = Annotated[str, typer.Argument(metavar="SERVICE", show_default=False)]
Command = Annotated[list[str] | None, typer.Argument(metavar="COMMAND", show_default=False)]
Timeout = Annotated[int | None, typer.Option("--timeout", "-t", help="Seconds until a stop becomes a kill")]
NoDeps = Annotated[bool, typer.Option("--no-deps", help="Leave the services that these need alone")]
RemoveOrphans = Annotated[bool, typer.Option("--remove-orphans", help="Remove containers the file does not know")]
Scale = Annotated[list[str] | None, typer.Option(metavar="SERVICE=NUM", help="Other numbers of replicas")]
Format = Annotated[str | None, typer.Option(help="table or json")]
Json = Annotated[bool, typer.Option("--json", help="stackup's own JSON, with `schema: 1`")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only display IDs")]
Index = Annotated[int | None, typer.Option(help="Which of several replicas")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help='Assume "yes" as answer to all prompts')]
Build = Annotated[bool, typer.Option("--build", help="Build images before starting containers")]
NoBuild = Annotated[bool, typer.Option("--no-build", help="Do not build an image, also when it is missing")]
Locked = Annotated[bool, typer.Option("--locked", help="Fail unless stackup.lock holds every image")]
Pull = Annotated[str | None, typer.Option(metavar="POLICY", help="always, missing, never or build")]
QuietPull = Annotated[bool, typer.Option("--quiet-pull", help="Pull without progress")]
ForceRecreate = Annotated[bool, typer.Option("--force-recreate", help="Recreate containers though nothing changed")]
NoRecreate = Annotated[bool, typer.Option("--no-recreate", help="Keep containers that exist as they are")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for services to be running or healthy; implies -d")]
WaitTimeout = Annotated[int | None, typer.Option(help="Seconds to wait for that at most")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Produce monochrome output")]
NoLogPrefix = Annotated[bool, typer.Option("--no-log-prefix", help="Do not print the prefix in logs")]
NoTrunc = Annotated[bool, typer.Option("--no-trunc", help="Do not truncate output")]
