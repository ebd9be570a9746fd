"""`secret` and `config` with `create`, `ls`, `inspect` and `rm`: docker's words for both, one body for both."""

from __future__ import annotations

import json
import sys

from stackup.cli.exits import Exit
from stackup.cli.removing import remove_each
from stackup.cli.settings import form, keyed
from stackup.cli.views import templates
from stackup.cli.views.tables import go_json, own_json, table
from stackup.cli.views.times import ago, stamp
from stackup.errors import StackupError
from stackup.project import vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from stackup.cli.call import Call
    from stackup.cli.options import Options
    from stackup.engines.engine import Stored

HEADS = {
    "ID": "ID",
    "Name": "NAME",
    "Driver": "DRIVER",
    "CreatedAt": "CREATED",
    "UpdatedAt": "UPDATED",
    "Labels": "LABELS",
}
OWN: tuple[Literal["id", "name", "labels", "created_at", "updated_at"], ...] = (
    "id",
    "name",
    "labels",
    "created_at",
    "updated_at",
)


def create(call: Call, options: Options, kind: str) -> int:
    """Prints its id."""
    data = _given(options.text("file") or "-")
    labels = keyed(options.texts("label"), "--label")
    row = vault.create(call.session(), kind, options.text("name"), data, labels=labels, replace=options.flag("replace"))
    call.terminal.print(row["id"])
    return Exit.DONE


def _given(name: str) -> bytes:
    from stackup.engines.builtin.contents import read_file
    from stackup.engines.engine import LARGEST

    return sys.stdin.buffer.read(LARGEST + 1) if name == "-" else read_file(name)


def ls(call: Call, options: Options, kind: str, now: float) -> int:
    rows = vault.listed(call.session(), kind, options.texts("filter"))
    text, terminal = options.text("format"), call.terminal
    told = [_row(row, now) for row in rows]
    if options.flag("quiet"):
        for row in rows:
            terminal.print(row["id"])
    elif options.flag("json"):
        terminal.print(own_json(f"{kind}s", [{key: row[key] for key in OWN} for row in rows]))
    elif templates.is_template(text):
        templates.show(terminal, text, told, HEADS)
    elif form(text, "table", "json") == "json":
        for one in told:
            terminal.print(go_json(one))
    else:
        shown = [key for key in HEADS if key != "Labels" and (key != "Driver" or kind == "secret")]
        table(terminal, [HEADS[key] for key in shown], [[one[key] for key in shown] for one in told])
    return Exit.DONE


def _row(row: Stored, now: float) -> dict[str, str]:
    return {
        "CreatedAt": ago(row["created_at"], now),
        "Driver": "",
        "ID": row["id"],
        "Labels": ",".join(f"{key}={value}" for key, value in row["labels"].items()),
        "Name": row["name"],
        "UpdatedAt": ago(row["updated_at"], now),
    }


def inspect(call: Call, options: Options, kind: str) -> int:
    """What is there is shown, also when something else is not."""
    session, problem = call.session(), None
    told = []
    for name in options.texts("names"):
        try:
            row = vault.need(session, kind, name)
            told.append(_whole(row, vault.content(session, kind, row) if kind == "config" else None))
        except StackupError as error:
            problem = problem or error
    text = options.text("format")
    if templates.is_template(text):
        templates.show(call.terminal, text, told, told[0] if told else {})
    else:
        call.terminal.print(json.dumps(told, indent=4, ensure_ascii=False))
    if problem:
        raise problem
    return Exit.DONE


def _whole(row: Stored, data: bytes | None) -> dict[str, Any]:
    """docker shows what is in a config, and never what is in a secret."""
    from base64 import b64encode

    spec: dict[str, Any] = {"Name": row["name"], "Labels": row["labels"]}
    if data is not None:
        spec["Data"] = b64encode(data).decode()
    created, updated = (stamp(int(at * 10**9)) for at in (row["created_at"], row["updated_at"]))
    return {"ID": row["id"], "CreatedAt": created, "UpdatedAt": updated, "Spec": spec}


def rm(call: Call, options: Options, kind: str) -> int:
    """The name of each that is gone."""
    session = call.session()
    return remove_each(call, options.texts("names"), lambda name: [vault.remove(session, kind, name)])
