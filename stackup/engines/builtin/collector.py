"""Where a container's output is carried on to: journald or a syslog, as its record and this machine have it.

Decided when the container starts, so that its monitor asks nobody for a name and needs no library.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any, cast

from stackup.engines.builtin.records import Record
from stackup.engines.desire import log_options
from stackup.errors import HostError
from stackup.runtime.description import Collector
from stackup.runtime.spec import ContainerSpec

JOURNAL = "/run/systemd/journal/socket"
SYSLOGS = ("/dev/log", "/var/run/syslog", "/var/run/log")
_DAEMON = log_options.FACILITIES.index("daemon")
_TAG = "{{.ID}}"
_REMEDY = "start it, or set another `logging.driver`"


def collector(claim: Record) -> Collector | None:
    """None for drivers that keep files and no more. Raises HostError when nobody listens here."""
    driver, options = _spec(claim)["log"]["driver"], _spec(claim)["log"]["options"]
    if driver == "journald":
        return _journald(claim, options)
    return _syslog(claim, options) if driver == "syslog" else None


def _journald(claim: Record, options: Mapping[str, str]) -> Collector:
    _require_socket(claim, JOURNAL, "journald")
    words = _words(claim)
    tag = log_options.filled(options.get("tag") or _TAG, words)
    fields = {
        **dict(_extra(claim, options)),
        "CONTAINER_ID": words["ID"],
        "CONTAINER_ID_FULL": words["FullID"],
        "CONTAINER_NAME": words["Name"],
        "IMAGE_NAME": words["ImageName"],
        "CONTAINER_TAG": tag,
        "SYSLOG_IDENTIFIER": tag,
    }
    made = _made(f"journald at {JOURNAL}", "unixgram", JOURNAL, "journal", tag)
    return {**made, "fields": fields}


def _syslog(claim: Record, options: Mapping[str, str]) -> Collector:
    text = options.get("syslog-address") or ""
    kind, address = log_options.address(text) if text else ("unixgram", _local(claim))
    if isinstance(address, str):
        _require_socket(claim, address, "syslog")
    form = options.get("syslog-format") or ""
    tag = log_options.filled(options.get("tag") or _TAG, _words(claim))
    where = address if isinstance(address, str) else _resolved(claim, *address)
    made = _made(f"syslog at {text or address}", kind, where, form or "rfc3164", tag)
    made["host"] = socket.gethostname() if form else ""
    made["facility"] = log_options.facility(options.get("syslog-facility") or str(_DAEMON))
    return made


def _made(name: str, kind: str, address: str | list[str | int], form: str, tag: str) -> Collector:
    made = {"name": name, "kind": kind, "address": address, "format": form, "facility": _DAEMON, "tag": tag}
    return cast(Collector, {**made, "host": "", "fields": {}})


def _local(claim: Record) -> str:
    for path in SYSLOGS:
        if os.path.exists(path):
            return path
    raise HostError(
        f'"{_spec(claim)["name"]}" is to log to syslog, and none listens on this machine ({SYSLOGS[0]})',
        subject=_spec(claim)["name"],
        hint="start one, or set `syslog-address` to one elsewhere, or another `logging.driver`",
    )


def _require_socket(claim: Record, path: str, what: str) -> None:
    if not os.path.exists(path):
        name = _spec(claim)["name"]
        raise HostError(f'"{name}" is to log to {what}, and nobody listens at {path}', subject=name, hint=_REMEDY)


def _resolved(claim: Record, host: str, port: int) -> list[str | int]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as problem:
        name = _spec(claim)["name"]
        raise HostError(
            f'"{name}" is to log to syslog at {host}: {(problem.strerror or str(problem)).lower()}',
            subject=name,
            hint="`syslog-address` takes a number too, such as udp://192.0.2.1:514",
        ) from problem
    return [str(found[0][4][0]), port]


def _spec(claim: Record) -> ContainerSpec:
    return cast(ContainerSpec, claim["spec"])


def _words(claim: Record) -> dict[str, str]:
    spec = _spec(claim)
    digest = spec["image"].removeprefix("sha256:")
    return {
        "ID": claim["instance"][:12],
        "FullID": claim["instance"],
        "Name": spec["name"],
        "ImageName": spec["image_name"],
        "ImageID": digest[:12],
        "ImageFullID": digest,
        "Command": " ".join(claim["given"]["process"]["argv"]),
        "DaemonName": "stackup",
    }


def _extra(claim: Record, options: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Labels and variables that the file names, as fields: letters, digits and `_`, and no `_` at the front."""
    labels = {**(claim["given"]["image"].get("Labels") or {}), **_spec(claim)["labels"]}
    for kind, values in (("labels", labels), ("env", claim["given"]["process"]["env"])):
        for name, value in _chosen(values, options.get(kind) or "", options.get(f"{kind}-regex") or ""):
            field = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name.upper())
            if field.lstrip("_"):
                yield field.lstrip("_"), value


def _chosen(values: Mapping[str, Any], names: str, pattern: str) -> Iterator[tuple[str, str]]:
    listed = set(filter(None, names.split(",")))
    matches = log_options.pattern(pattern) if pattern else None
    for name, value in values.items():
        if name in listed or (matches and matches.search(name)):
            yield name, str(value)
