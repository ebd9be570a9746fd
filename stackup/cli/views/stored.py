"""The images of the store, as docker lists them: one line a name, and `<none>` for what has none. Hot."""

from __future__ import annotations

from stackup.cli.views import templates
from stackup.cli.views.images import human, short
from stackup.cli.views.tables import counted, go_json, table
from stackup.cli.views.times import ago, created_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from stackup.cli.terminal import Terminal

NONE = "<none>"
HEADS = {
    "Containers": "CONTAINERS", "CreatedAt": "CREATED AT", "CreatedSince": "CREATED", "Digest": "DIGEST",
    "ID": "IMAGE ID", "Repository": "REPOSITORY", "SharedSize": "SHARED SIZE", "Size": "SIZE", "Tag": "TAG",
    "UniqueSize": "UNIQUE SIZE", "VirtualSize": "VIRTUAL SIZE",
}  # fmt: skip
"""docker's fields, and their heads."""


def familiar(reference: str) -> str:
    """`docker.io/library/app:1` as `app:1`."""
    plain = reference.removeprefix("docker.io/")
    return plain.removeprefix("library/") if plain != reference else reference


def names(references: list[str], *, digests: bool) -> Iterator[tuple[str, str, str]]:
    """(repository, tag, digest) of each line; without `digests` a digest shows only where there is no tag."""
    plain = [familiar(reference) for reference in references]
    seen = {name.partition("@")[0]: name.partition("@")[2] for name in plain if "@" in name}
    tagged = [name.rpartition(":") for name in plain if "@" not in name]
    for repository, _, tag in tagged:
        yield repository, tag, seen.get(repository, NONE)
    left = sorted(set(seen) - {repository for repository, _, _ in tagged})
    for repository in left:
        yield repository, NONE, seen[repository] if digests else NONE
    if not references:
        yield NONE, NONE, NONE


def docker_rows(rows: list[dict[str, Any]], now: float, *, whole: bool, digests: bool = True) -> list[dict[str, str]]:
    return [
        {
            "Containers": "N/A",
            "CreatedAt": created_at(row["created"]),
            "CreatedSince": ago(row["created"], now),
            "Digest": digest,
            "ID": row["id"] if whole else short(row["id"]),
            "Repository": repository,
            "SharedSize": "N/A",
            "Size": human(row["size"]),
            "Tag": tag,
            "UniqueSize": "N/A",
            "VirtualSize": human(row["size"]),
        }
        for row in rows
        for repository, tag, digest in names(row["tags"], digests=digests)
    ]


def show_table(terminal: Terminal, rows: list[dict[str, str]], *, digests: bool) -> None:
    keys = ["Repository", "Tag", *(["Digest"] if digests else []), "ID", "CreatedSince", "Size"]
    table(terminal, [HEADS[key] for key in keys], [[row[key] for key in keys] for row in rows])


def show_json(terminal: Terminal, rows: list[dict[str, str]]) -> None:
    for row in rows:
        terminal.print(go_json(row))


def show_template(terminal: Terminal, form: str, rows: list[dict[str, str]]) -> None:
    templates.show(terminal, form, rows, HEADS)


def show_costs(terminal: Terminal, rows: list[dict[str, Any]], total: dict[str, Any]) -> None:
    """What each image takes alone and with others, and the sum, which counts every layer once."""
    cells = [
        (repository, tag, short(row["id"]), human(row["size"]), human(row["shared"]), human(row["unique"]))
        for row in rows
        for repository, tag, _ in list(names(row["tags"], digests=False))[:1]
    ]
    table(terminal, ("REPOSITORY", "TAG", "IMAGE ID", "SIZE", "SHARED SIZE", "UNIQUE SIZE"), cells)
    unused = f", of which {human(total['unused'])} belong to no image" if total["unused"] else ""
    terminal.say(
        f"{counted(len(rows), 'image')}, {counted(total['layers'], 'layer')}, {human(total['size'])} on disk{unused}"
    )
    words = {"step": "steps that no image has", "cache": "caches of RUN", "source": "contexts from elsewhere"}
    kept = [f"{words[kind]} {human(size)}" for kind, size in total["builds"].items() if size]
    if kept:
        terminal.say(f"builds keep: {', '.join(kept)}; see `stackup builder prune`")
