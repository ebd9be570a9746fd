"""One image in full, in docker's words: `image inspect` and `image history`."""

from __future__ import annotations

import json

from stackup.cli.views import templates
from stackup.cli.views.images import human, short
from stackup.cli.views.stored import familiar
from stackup.cli.views.tables import ellipsis, go_json, table
from stackup.cli.views.times import ago, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.terminal import Terminal

CONFIG = {
    "Hostname": "", "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": False, "AttachStderr": False,
    "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": None, "Cmd": None, "Image": "", "Volumes": None,
    "WorkingDir": "", "Entrypoint": None, "OnBuild": None, "Labels": None,
}  # fmt: skip
"""What docker shows of every configuration, whether the image has it or not."""
STEP_HEADS = {
    "Comment": "COMMENT", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY", "CreatedSince": "CREATED",
    "ID": "IMAGE", "Size": "SIZE",
}  # fmt: skip
MISSING = "<missing>"
CREATED_BY_WIDTH = 45


def docker_image(record: dict[str, Any]) -> dict[str, Any]:
    """docker's JSON of an image."""
    config = record["config"]
    steps = config.get("history") or [{}]
    above, *below = record["lower_dirs"] or [""]
    drive = {"LowerDir": ":".join(below), "UpperDir": above}
    return {
        "Id": record["id"],
        "RepoTags": [familiar(name) for name in record["tags"] if "@" not in name],
        "RepoDigests": [familiar(name) for name in record["tags"] if "@" in name],
        "Parent": "",
        "Comment": steps[-1].get("comment", ""),
        "Created": config.get("created") or moment(record["created"]),
        "DockerVersion": config.get("docker_version", ""),
        "Author": config.get("author", ""),
        "Config": {**CONFIG, **(config.get("config") or {})},
        "Architecture": config.get("architecture", ""),
        **({"Variant": config["variant"]} if config.get("variant") else {}),
        "Os": config.get("os", ""),
        "Size": record["size"],
        "GraphDriver": {"Data": {key: value for key, value in drive.items() if value}, "Name": "overlay"},
        "RootFS": {"Type": "layers", **({"Layers": record["layers"]} if record["layers"] else {})},
        "Metadata": {"LastTagTime": moment(record["tagged"])},
    }


def moment(at: float) -> str:
    """RFC 3339; Go's zero time where there is none."""
    return stamp(int(at * 10**9)) if at else "0001-01-01T00:00:00Z"


def show_objects(terminal: Terminal, found: list[dict[str, Any]], form: str) -> None:
    """All in one list, indented as docker does it, or each in a template."""
    if form and form != "json":
        for one in found:
            terminal.print(templates.filled(form, one, one))
        return
    if form:
        terminal.print(go_json(found))
        return
    terminal.print(json.dumps(found, indent=4, ensure_ascii=False))


def steps(rows: list[dict[str, Any]], now: float, *, whole: bool, people: bool) -> list[dict[str, str]]:
    """docker's fields of a history. `people`: sizes and times for people, else bytes and dates."""
    return [
        {
            "Comment": row["comment"],
            "CreatedAt": rfc3339(row["created"]),
            "CreatedBy": _line(row["created_by"], whole=whole),
            "CreatedSince": ago(row["created"], now) if people else rfc3339(row["created"]),
            "ID": (row["id"] if whole else short(row["id"])) if row["id"] else MISSING,
            "Size": human(row["size"]) if people else str(row["size"]),
        }
        for row in rows
    ]


def rfc3339(at: float) -> str:
    return moment(at)[:19] + "Z"


def _line(text: str, *, whole: bool) -> str:
    text = text.replace("\t", " ")
    return text if whole else ellipsis(text, CREATED_BY_WIDTH)


def show_steps(terminal: Terminal, rows: list[dict[str, str]], form: str) -> None:
    keys = ("ID", "CreatedSince", "CreatedBy", "Size", "Comment")
    if form == "json":
        for row in rows:
            terminal.print(go_json(row))
    elif templates.is_template(form):
        templates.show(terminal, form, rows, STEP_HEADS)
    else:
        table(terminal, [STEP_HEADS[key] for key in keys], [[row[key] for key in keys] for row in rows])
