"""Signatures of `stackup image ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from stackup.cli.grammar.words import Json, NoTrunc, Quiet

References = Annotated[list[str], typer.Argument(metavar="IMAGE", show_default=False)]
Template = Annotated[str | None, typer.Option(help="table, json, or a template such as {{.ID}}")]
Filter = Annotated[
    list[str] | None,
    typer.Option("--filter", "-f", metavar="FILTER", help="dangling, label, before, since, until or reference"),
]


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


def image_ls(
    repository: Annotated[str | None, typer.Argument(metavar="REPOSITORY[:TAG]", show_default=False)] = None,
    *,
    all: Annotated[bool, typer.Option("--all", "-a", help="Accepted: all images are shown")] = False,  # noqa: A002
    digests: Annotated[bool, typer.Option("--digests", help="Show digests")] = False,
    filter: Filter = None,  # noqa: A002
    format: Template = None,  # noqa: A002
    no_trunc: NoTrunc = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None: ...


def image_inspect(
    references: References,
    *,
    format: Annotated[str | None, typer.Option("--format", "-f", help="json, or a template")] = None,  # noqa: A002
    json: Json = False,
) -> None: ...


def image_history(
    reference: Annotated[str, typer.Argument(metavar="IMAGE", show_default=False)],
    *,
    format: Template = None,  # noqa: A002
    human: Annotated[
        bool, typer.Option("--human/--no-human", "-H", help="Sizes and dates for people; --no-human for programs")
    ] = True,
    no_trunc: NoTrunc = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None: ...


def image_tag(
    source: Annotated[str, typer.Argument(metavar="SOURCE_IMAGE", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="TARGET_IMAGE[:TAG]", show_default=False)],
) -> None: ...


def image_rm(
    references: References,
    *,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Also an id that has several names; forget the name of one in use")
    ] = False,
    no_prune: Annotated[bool, typer.Option("--no-prune", help="Accepted: images have no parents here")] = False,
) -> None: ...


def image_prune(
    *,
    all: Annotated[bool, typer.Option("--all", "-a", help="All that no container was made of")] = False,  # noqa: A002
    filter: Annotated[  # noqa: A002
        list[str] | None, typer.Option("--filter", metavar="FILTER", help="until=24h, label=key=value, label!=key")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Do not ask to confirm")] = False,
) -> None: ...


def image_save(
    references: References,
    *,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file")] = None,
) -> None: ...


def image_load(
    *,
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="FILE", help="Read from a file")] = None,  # noqa: A002
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only display IDs")] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Let a name move that names another image here")] = False,
) -> None: ...


def image_fsck(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read every layer and compare its digest")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Remove what is not sound")] = False,
    json: Json = False,
) -> None: ...


def image_du(*, json: Json = False) -> None: ...


def image_parse(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A Dockerfile, or - for standard input")],
    *,
    format: Annotated[str, typer.Option(help="json")] = "json",  # noqa: A002
) -> None: ...
