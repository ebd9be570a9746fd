"""Containers as users see them: the record joined with the status that the kernel confirms. Hot: plain dicts only."""

from __future__ import annotations

from stackup.engines.engine import ONE_OFF
from stackup.kernel import cgroupfs, files
from stackup.runtime import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from stackup.engines.engine import Container
    from stackup.layout import Layout

_STATES = {"created": "created", "running": "running", "restarting": "restarting", "exited": "exited", "failed": "dead"}

LIMIT_PLACES = "limit_places"
"""In `given`: where the file says how much there is, by field of `Limits`."""


def transient(claim: Mapping[str, Any]) -> bool:
    """Whether `run` made it; from the claim on, before anything else of it is there."""
    return bool(claim["spec"].get("labels", {}).get(ONE_OFF) == "True")


def rows(layout: Layout, stack: str) -> list[Container]:
    """All containers of a stack, by service and index, one-offs last."""
    note = files.read_json(layout.stack_file(stack))
    origin = _origin(note) if isinstance(note, dict) else {}
    found = list(_rows(layout, stack))
    for one in found:
        one["labels"] |= origin
    found.sort(key=lambda row: (row["transient"], row["service"], row["index"], row["name"]))
    return found


def _rows(layout: Layout, stack: str) -> Iterator[Container]:
    for directory, claim in record.walk(layout.kind_dir(stack, "container")):
        yield row(claim, record.observe_status(layout.address_dir(stack, "container", directory)))


def row(claim: Mapping[str, Any], status: Mapping[str, Any] | None) -> Container:
    """One container. A status of an earlier instance says nothing about this one."""
    if status is not None and status["instance"] != claim["instance"]:
        status = None
    spec, given = claim["spec"], claim["given"]
    lives = status is not None and status["state"] in ("running", "restarting")
    known: Mapping[str, Any] = status or {}
    health = known.get("health") or {}
    probes = health.get("log") or ()
    name, _, index = claim["address"].partition("/")[2].rpartition("#")
    return {
        "stack": claim["stack"],
        "service": spec["service"],
        "index": int(index) if name else 1,
        "name": spec["name"],
        "address": claim["address"],
        "instance": claim["instance"],
        "image": spec["image_name"],
        "image_id": spec["image"],
        "root": given.get("root", spec["image"]),
        "command": " ".join(f"'{word}'" if " " in word else word for word in given.get("argv", ())),
        "state": _state(claim, known),  # type: ignore[typeddict-item]
        "health": health.get("status", "") if lives else "",
        "exit_code": known.get("exit_code", 0) if not lives else 0,
        "error": known.get("error", ""),
        "warning": known.get("warning", ""),
        "oom": known.get("oom", False),
        "oom_reason": out_of_memory(claim) if known.get("oom") else "",
        "restarts": known.get("restarts", 0),
        "pid": (known.get("init") or {}).get("pid", 0) if lives else 0,
        "created_at": claim["created_at"],
        "started_at": known.get("started_at", 0.0),
        "finished_at": known.get("finished_at", 0.0),
        "ports": [_port(port) for port in given.get("ports", ())] if lives else [],
        "networks": {name: next(filter(None, pair), "") for name, pair in given.get("addresses", {}).items()},
        "mounts": [_mount(target, mount, given) for target, mount in spec["mounts"].items()],
        "labels": _labels(claim),
        "keeps": [mount["source"] for mount in spec["mounts"].values() if mount["type"] == "image"],
        "transient": transient(claim),
        "stopped": bool(known.get("stopped")) and not known.get("parked"),
        "probe": probes[-1]["output"] if probes else "",
        "tty": spec["tty"],
    }


def out_of_memory(claim: Mapping[str, Any]) -> str:
    """Which limit that was, in the file's words and with its line."""
    from stackup.values import format_size  # dataclasses: only for who ran out

    limit, place = claim["spec"]["limits"]["memory"], claim["given"].get(LIMIT_PLACES, {}).get("memory", "")
    if limit <= 0:
        return "out of memory: the machine has no more"
    return ", ".join(filter(None, (f"out of memory: its limit is {format_size(limit)}", place)))


def _state(claim: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Whether it is paused only the kernel says."""
    state = _STATES.get(known.get("state", "created"), "created")
    return "paused" if state == "running" and cgroupfs.frozen(claim["given"].get("cgroups", [])) else state


def _port(port: Mapping[str, Any]) -> Any:
    return {key: port[key] for key in ("host_ip", "target", "protocol")} | {"host_port": port["port"]}


def _mount(target: str, mount: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """A volume by its name on the host, a bind by its folder."""
    source: str = mount["source"]
    match mount["type"]:
        case "volume":
            name: str = given.get("volumes", {}).get(source, source)
            return name
        case "bind":
            return source
    return target


def _origin(note: Mapping[str, Any]) -> dict[str, str]:
    """Which files the stack is from, as labels that editors and dashboards read."""
    return {
        "com.docker.compose.project.config_files": ",".join(note.get("files", ())),
        "com.docker.compose.project.working_dir": str(note.get("directory", "")),
    }


def _labels(claim: Mapping[str, Any]) -> dict[str, str]:
    """The user's, and those that tools for docker compose look for."""
    spec = claim["spec"]
    needs = (f"{name}:{need['condition']}:{str(need['restart']).lower()}" for name, need in spec["depends_on"].items())
    ours = {
        "com.docker.compose.depends_on": ",".join(needs),
        "com.docker.compose.image": spec["image"],
        "com.docker.compose.project": claim["stack"],
        "com.docker.compose.service": spec["service"],
        "com.docker.compose.container-number": claim["address"].rpartition("#")[2] or "1",
        "com.docker.compose.oneoff": "True" if transient(claim) else "False",
    }
    return {**spec["labels"], **ours}


def claim_of(layout: Layout, name: str) -> Mapping[str, Any] | None:
    """The record of a container of any stack by its own name; None when there is none."""
    for stack in stacks(layout):
        for _, claim in record.walk(layout.kind_dir(stack, "container")):
            if claim["phase"] == "ready" and claim["spec"]["name"] == name:
                return claim
    return None


def stacks(layout: Layout) -> list[str]:
    """Every stack that has a container, a network or a volume."""
    return [name for name in files.list_dir(layout.stacks_dir) if any(_kinds(layout, name))]


def _kinds(layout: Layout, stack: str) -> Iterator[bool]:
    for kind in ("container", "network", "volume"):
        yield any(True for _ in record.walk(layout.kind_dir(stack, kind)))
