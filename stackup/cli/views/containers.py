"""Containers as docker compose shows them: the table of `ps`, and its JSON. Hot."""

from __future__ import annotations

from stackup.cli.views import templates
from stackup.cli.views.tables import ellipsis, go_json, own_json, table
from stackup.cli.views.times import age, ago, created_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from stackup.cli.terminal import Terminal
    from stackup.engines.engine import Container, PublishedPort

HEADS = ("NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS")
COMMAND_WIDTH = 20
MOUNT_WIDTH = 15
FIELDS = (
    "Command", "CreatedAt", "ExitCode", "Health", "ID", "Image", "Labels", "LocalVolumes", "Mounts", "Name", "Names",
    "Networks", "Ports", "Project", "Publishers", "RunningFor", "Service", "Size", "State", "Status",
)  # fmt: skip
FIELD_HEADS = {
    "ID": "CONTAINER ID",
    "RunningFor": "CREATED",
    "CreatedAt": "CREATED AT",
    "LocalVolumes": "LOCAL VOLUMES",
}
"""Heads of columns that are not just their field's name."""


def status(row: Container, now: float) -> str:
    """docker's words: `Up 5 minutes (healthy)`, `Exited (0) 2 hours ago`."""
    match row["state"]:
        case "running" | "paused":
            extra = _extra(row)
            return f"Up {age(now - row['started_at'])}" + (f" ({extra})" if extra else "")
        case "restarting":
            return f"Restarting ({row['exit_code']}) {ago(row['finished_at'], now)}"
        case "exited":
            return f"Exited ({row['exit_code']}) {ago(row['finished_at'], now)}"
        case "created":
            return "Created"
    return "Dead"


def _extra(row: Container) -> str:
    if row["state"] == "paused":
        return "Paused"
    return "health: starting" if row["health"] == "starting" else row["health"]


def addresses(port: PublishedPort) -> list[str]:
    """The host's addresses that a port is published on, as docker lists them."""
    return [port["host_ip"]] if port["host_ip"] else ["0.0.0.0", "::"]


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def ports(row: Container) -> str:
    """`0.0.0.0:8080->80/tcp, [::]:8080->80/tcp`; runs of ports are drawn together."""
    found = []
    for first, last in _runs(row["ports"]):
        host, inside = _span(first["host_port"], last["host_port"]), _span(first["target"], last["target"])
        found += [f"{bracketed(ip)}:{host}->{inside}/{first['protocol']}" for ip in addresses(first)]
    return ", ".join(found)


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _runs(found: list[PublishedPort]) -> list[tuple[PublishedPort, PublishedPort]]:
    ordered = sorted(found, key=lambda p: (p["host_ip"], p["protocol"], p["target"], p["host_port"]))
    runs: list[tuple[PublishedPort, PublishedPort]] = []
    for port in ordered:
        if runs and _follows(runs[-1][1], port):
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return runs


def _follows(before: PublishedPort, port: PublishedPort) -> bool:
    same = before["host_ip"] == port["host_ip"] and before["protocol"] == port["protocol"]
    return same and port["target"] == before["target"] + 1 and port["host_port"] == before["host_port"] + 1


def quoted(command: str, *, whole: bool) -> str:
    """As Go's strconv.Quote, shortened to 20 letters."""
    short = command if whole else ellipsis(command, COMMAND_WIDTH)
    return '"' + short.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def show_table(
    terminal: Terminal,
    rows: Iterable[Container],
    now: float,
    *,
    whole: bool = False,
    standing: Mapping[str, str] | None = None,
) -> None:
    """`standing`: how each address stands to the file, for a further column."""
    heads = HEADS if standing is None else (*HEADS[:-1], "STATE VS FILE", HEADS[-1])
    lines = []
    for row in rows:
        cells = [
            row["name"],
            row["image"],
            quoted(row["command"], whole=whole),
            row["service"],
            ago(row["created_at"], now),
            status(row, now) + (f" ({row['oom_reason']})" if row["state"] != "running" and row["oom_reason"] else ""),
            ports(row),
        ]
        if standing is not None:
            cells.insert(-1, standing.get(row["address"], "orphaned"))
        lines.append(cells)
    table(terminal, heads, lines)


def compose_row(row: Container, now: float, *, whole: bool = False) -> dict[str, Any]:
    """docker compose v2's fields and forms."""
    return {
        "Command": quoted(row["command"], whole=whole),
        "CreatedAt": created_at(row["created_at"]),
        "ExitCode": row["exit_code"],
        "Health": row["health"],
        "ID": row["instance"],
        "Image": row["image"],
        "Labels": ",".join(f"{key}={value}" for key, value in row["labels"].items()),
        "LocalVolumes": str(sum(not name.startswith("/") for name in row["mounts"])),
        "Mounts": ",".join(name if whole else ellipsis(name, MOUNT_WIDTH) for name in row["mounts"]),
        "Name": row["name"],
        "Names": row["name"],
        "Networks": ",".join(row["networks"]),
        "Ports": ports(row),
        "Project": row["stack"],
        "Publishers": [
            {
                "URL": ip,
                "TargetPort": port["target"],
                "PublishedPort": port["host_port"],
                "Protocol": port["protocol"],
            }
            for port in row["ports"]
            for ip in addresses(port)
        ],
        "RunningFor": ago(row["created_at"], now),
        "Service": row["service"],
        "Size": "0B",
        "State": row["state"],
        "Status": status(row, now),
    }


def show_json(terminal: Terminal, rows: Iterable[Container], now: float, *, whole: bool = False) -> None:
    """One line a container, as v2 writes it; its keys are sorted but for those inside a publisher."""
    for row in rows:
        fields = compose_row(row, now, whole=whole)
        publishers = fields.pop("Publishers")
        inner = ",".join(_publisher(item) for item in publishers)
        text = go_json({**fields, "Publishers": 0})
        terminal.print(text.replace('"Publishers":0', f'"Publishers":[{inner}]'))


def _publisher(item: dict[str, Any]) -> str:
    """A Go struct: fields in their own order."""
    return (
        f'{{"URL":{go_json(item["URL"])},"TargetPort":{item["TargetPort"]},'
        f'"PublishedPort":{item["PublishedPort"]},"Protocol":{go_json(item["Protocol"])}}}'
    )


def show_template(terminal: Terminal, form: str, rows: Iterable[Container], now: float, *, whole: bool = False) -> None:
    """`{{.Name}} {{.State}}`, with `table` before it under heads."""
    heads = {key: FIELD_HEADS.get(key, key.upper()) for key in FIELDS}
    templates.show(terminal, form, [compose_row(row, now, whole=whole) for row in rows], heads)


def show_own(terminal: Terminal, rows: Iterable[Container], standing: Mapping[str, str] | None) -> None:
    found = [
        {**row, "state_vs_file": standing.get(row["address"], "orphaned")} if standing is not None else dict(row)
        for row in rows
    ]
    terminal.print(own_json("containers", found))
