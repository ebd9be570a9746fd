"""What a plan gives away of the machine: mounts of its own folders, its namespaces, powers that undo the walls.

Somebody else's stack file asks for them as lightly as for a port, so `plan` and `up` tell them once, with the line.
Read from the plan and from where links lead; decides nothing. Only what the plan makes anew is told: what is there was
told when it was made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stackup.buildcache import LOCAL
from stackup.reconcile.diff import origin_of
from stackup.reconcile.plan import Action, Change, Plan
from stackup.reconcile.resource import Desired
from stackup.runtime.volumes.options import binds
from stackup.values import FieldPath

CAPABILITIES = frozenset(
    (
        *("ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYS_BOOT", "SYS_TIME", "SYSLOG", "NET_ADMIN"),
        *("DAC_READ_SEARCH", "BPF", "PERFMON", "MAC_ADMIN", "MAC_OVERRIDE"),
    )
)
"""Those with which a program can leave its container, or change the machine."""
WHOLE = ("/dev", "/proc", "/sys", "/boot", "/etc", "/usr", "/bin", "/lib", "/var/lib", "/run", "/root", "/home")
"""Folders that are given away as soon as they, or what holds them, are mounted."""
BELOW = ("/boot", "/proc", "/etc/ssh", "/etc/shadow", "/etc/sudoers", "/etc/sudoers.d", "/etc/cron.d", "/etc/systemd")
"""Places that are given away with anything in them."""
SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock")
UNCONFINED = ("seccomp=unconfined", "seccomp:unconfined", "apparmor=unconfined", "apparmor:unconfined")
HOST_WORDS = {
    "pid": "sees and signals all processes of this machine",
    "ipc": "shares memory with this machine's programs",
    "uts": "can rename this machine",
    "network_mode": "is on this machine's own network",
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where this machine keeps what a stack should not get: our own state, the caller's home, the stack's folder."""

    own: tuple[str, ...]
    home: str
    project: str


@dataclass(frozen=True, slots=True)
class Risk:
    """`subject` asks for something; `place` is `file:line`, empty when no line is known."""

    subject: str
    text: str
    place: str


def risks(plan: Plan, places: Places) -> list[Risk]:
    """In the order of the plan; replicas of one service say it once."""
    found: dict[Risk, None] = {}
    for change in plan.changes:
        if change.desired is not None and change.action in (Action.CREATE, Action.REPLACE):
            found |= dict.fromkeys(_of(change.desired, places))
    return list(found)


def _of(desired: Desired, places: Places) -> Iterator[Risk]:
    asked = ASKED.get(desired.address.kind)
    for text, path in asked(desired.spec, places) if asked else ():
        span = origin_of(desired.origins, path)
        yield Risk(desired.address.name, text, span.place if span else "")


Asked = Iterator[tuple[str, FieldPath]]


def _container(spec: Mapping[str, Any], places: Places) -> Asked:
    for target, mount in spec["mounts"].items():
        if mount["type"] == "bind" and (what := given_away(mount["source"], places)):
            yield f"mounts {what}{', read-only' if mount['read_only'] else ''}", ("mounts", target)
    if spec["privileged"]:
        yield "is privileged: nothing holds its programs back", ("privileged",)
    for key, words in HOST_WORDS.items():
        if spec[key] == "host":
            yield words, (key,)
    for name in spec["cap_add"]:
        short = name.upper().removeprefix("CAP_")
        if short in CAPABILITIES:
            yield f"has the capability {short}", ("cap_add",)
    for option in spec["security_opt"]:
        if option in UNCONFINED:
            yield f"runs with {option}", ("security_opt",)
        elif option.startswith("seccomp={"):
            yield "brings its own filter of system calls", ("security_opt",)
    for target, device in spec.get("devices", {}).items():
        yield f"has the device {device['source']}", ("devices", target)
    for rule in spec.get("device_rules", ()):
        yield f"may make nodes for devices: {rule}", ("device_rules",)


def _volume(spec: Mapping[str, Any], places: Places) -> Asked:
    """A volume can be a bind mount under another name, or a whole disk."""
    options = spec["driver_opts"]
    source, device = binds(options), options.get("device", "")
    if source and (what := given_away(source, places)):
        yield f"is {what}", ("driver_opts",)
    elif not source and device.startswith("/dev/"):
        yield f"is the device {device}", ("driver_opts",)


def _image(spec: Mapping[str, Any], places: Places) -> Asked:
    """A build writes where its stack file says."""
    for cache in spec.get("build", {}).get("cache_to", ()):
        if cache["kind"] == LOCAL and (what := given_away(cache["place"], places)):
            yield f"writes the cache of its build into {what}", ("build", "cache_to")


ASKED = {"container": _container, "image": _image, "volume": _volume}


def given_away(source: str, places: Places) -> str:
    """What a bind mount gives away, in words; empty for what is the stack's own affair. Links are followed."""
    path = _real(source)
    told = path if path == source else f"{source}, which is {path}"
    if path == "/":
        return "the whole of this machine" + (f" ({told})" if path != source else "")
    if os.path.basename(path) in SOCKETS:
        return f"{told}, which commands a container engine"
    if any(_within(path, own) or _within(own, path) for own in map(_real, places.own)):
        return f"{told}, where stackup keeps its own state"
    if any(_within(folder, path) for folder in WHOLE) or any(_within(path, folder) for folder in BELOW):
        return told
    home = _real(places.home) if places.home else ""
    if home not in ("", "/") and (_within(home, path) or _is_hidden(path, home, places.project)):
        return f"{told}, of the home folder"
    return ""


def _real(path: str) -> str:
    """Where links lead; where they may not be followed, the path itself."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return os.path.normpath(path)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _is_hidden(path: str, home: str, project: str) -> bool:
    """`~/.ssh` and its like, unless the stack itself lives there."""
    return path.startswith(f"{home}/.") and not _within(path, _real(project))


def outside(plan: Plan, directory: str, project: str) -> list[str]:
    """Files that had a part in the plan and lie outside of the stack's folder, or lead out of it. `directory` is where
    the names of sources start.
    """
    names = {source for change in plan.changes for source in _sources(change)}
    return [told for name in sorted(names) if (told := _outside(os.path.join(directory, name), name, project))]


def _sources(change: Change) -> Iterable[str]:
    if change.desired is None:
        return ()
    sources = {span.source for span in change.desired.origins.values()}
    kind, _, path = str(change.desired.spec.get("source", "")).partition(":")
    return {*sources, path} if kind == "file" else sources


def _outside(path: str, name: str, project: str) -> str:
    real = _real(path)
    if name.startswith("<") or _within(real, _real(project)):
        return ""
    is_link = _within(os.path.normpath(path), os.path.normpath(project))
    return f"{name}, which is {real}" if is_link else name
