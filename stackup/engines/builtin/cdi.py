"""Devices by name: the Container Device Interface. Vendors' files say what a container gets with a device.

Law: what a file asks for and is not done is said; a device that no file names is an error that says where was looked.
Files are JSON or YAML in /etc/cdi and /var/run/cdi, later folders win. Hooks are programs of the vendor's that would
run as root on the host in the middle of a set-up; they are not run. https://github.com/cncf-tags/container-device-interface
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stackup.errors import HostError, StackupError
from stackup.kernel import files
from stackup.runtime.devices import Device, device

if TYPE_CHECKING:
    from stackup.runtime.spec import DeviceRequest, Mount

FOLDERS = ("/etc/cdi", "/var/run/cdi")
_LARGEST = 8 << 20
_GPU_KINDS = ("nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu")
_VENDORS = {"nvidia": "nvidia.com", "amd": "amd.com", "intel": "intel.com"}
_ALL = "all"
_READ_ONLY = "ro"


@dataclass(slots=True)
class Edits:
    """What a container gets with its devices."""

    env: dict[str, str] = field(default_factory=dict)
    devices: list[Device] = field(default_factory=list)
    mounts: dict[str, Mount] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)


def is_name(text: str) -> bool:
    """`vendor.com/class=name`."""
    kind, mark, name = text.partition("=")
    return bool(mark and name) and not text.startswith("/") and kind.count("/") == 1


class Registry:
    """What the files of this machine know."""

    def __init__(self, folders: Sequence[str] = FOLDERS) -> None:
        self._folders = folders
        self._kinds: dict[str, dict[str, Any]] = {}
        self._common: dict[str, Any] = {}
        for folder in folders:
            for name in sorted(files.list_dir(folder)):
                if name.endswith((".json", ".yaml", ".yml")):
                    self._read(os.path.join(folder, name))

    def _read(self, path: str) -> None:
        said = _parsed(path)
        kind, listed = said.get("kind"), said.get("devices")
        if not isinstance(kind, str) or not isinstance(listed, list):
            raise HostError(f'"{path}" is no CDI specification', subject=path, hint="it has to have a kind and devices")
        known = self._kinds.setdefault(kind, {})
        for item in listed:
            known[str(item["name"])] = (item.get("containerEdits") or {}, said.get("containerEdits") or {}, path)

    def edits(self, names: Iterable[str], requests: Iterable[DeviceRequest]) -> Edits:
        found, seen = Edits(), set()
        wanted = [*names, *(name for request in requests for name in self._chosen(request))]
        for name in dict.fromkeys(wanted):
            own, common, path = self._find(name)
            try:
                if path not in seen:
                    _apply(common, found)
                _apply(own, found)
            except (KeyError, TypeError, ValueError, AttributeError) as problem:
                text = f'"{path}" says of "{name}" what cannot be understood'
                raise HostError(text, subject=path, hint="its vendor's tool writes it anew") from problem
            seen.add(path)
        return found

    def _find(self, name: str) -> tuple[Any, Any, str]:
        kind, _, device_name = name.partition("=")
        known = self._kinds.get(kind, {})
        if device_name not in known:
            have = f'"{kind}" has {", ".join(sorted(known))}' if known else f'no file speaks of "{kind}"'
            raise HostError(f'no CDI device "{name}" on this machine', subject=name, hint=f"{have}; {self._looked()}")
        found: tuple[Any, Any, str] = known[device_name]
        return found

    def _looked(self) -> str:
        return f"specifications are looked for in {', '.join(self._folders)}"

    def _chosen(self, request: DeviceRequest) -> list[str]:
        """Qualified names for a request: its ids, or so many of its kind."""
        if request["driver"] == "cdi":
            return request["ids"]
        kind = self._kind(request)
        if request["ids"]:
            return [name if is_name(name) else f"{kind}={name}" for name in request["ids"]]
        names = sorted((name for name in self._kinds.get(kind, {}) if name != _ALL), key=_in_order)
        if request["count"] < 0 and _ALL in self._kinds.get(kind, {}):
            return [f"{kind}={_ALL}"]
        unique = names[: request["count"]] if request["count"] >= 0 else names
        if not unique or len(unique) < request["count"]:
            text = f'{"no" if not names else f"only {len(names)}"} "{kind}" on this machine'
            raise HostError(text, subject=kind, hint=self._looked())
        return [f"{kind}={name}" for name in unique]

    def _kind(self, request: DeviceRequest) -> str:
        vendor = _VENDORS.get(request["driver"], request["driver"])
        classes = request["capabilities"] or ["gpu"]
        candidates = [f"{vendor}/{one}" for one in classes] if vendor else []
        if not vendor:
            candidates = [kind for kind in (*_GPU_KINDS, *sorted(self._kinds)) if kind.partition("/")[2] in classes]
        present = [kind for kind in candidates if kind in self._kinds]
        return (present or candidates or [classes[0]])[0]


def _in_order(name: str) -> tuple[bool, int, str]:
    return (not name.isdigit(), int(name) if name.isdigit() and len(name) < 9 else 0, name)


def _parsed(path: str) -> Mapping[str, Any]:
    """YAML, of which JSON is a part."""
    from stackup.diagnostics import Diagnostics
    from stackup.stackfile.document import plain
    from stackup.stackfile.parse import parse  # ruamel: for those only who ask for such a device

    data = files.read_bytes(path) or b""
    problems = Diagnostics()
    documents = parse(data, path, problems) if len(data) <= _LARGEST else ()
    if len(documents) != 1 or problems.failed:
        hint = "correct it, or have its vendor's tool write it anew"
        raise HostError(f'"{path}" cannot be read as a CDI specification', subject=path, hint=hint)
    said = plain(documents[0].root)
    assert isinstance(said, dict), "a document is a mapping"
    return said


def _apply(said: Mapping[str, Any], found: Edits) -> None:
    for text in said.get("env") or []:
        name, _, value = str(text).partition("=")
        found.env[name] = value
    for node in said.get("deviceNodes") or []:
        found.devices.append(_node(node))
    for mount in said.get("mounts") or []:
        found.mounts[str(mount["containerPath"])] = _mount(mount)
    found.groups += [str(group) for group in said.get("additionalGids") or [] if group]
    found.undone += [f'the hook "{hook["path"]}" is not run' for hook in said.get("hooks") or []]
    found.undone += [f'"{key}" is not understood' for key in sorted(set(said) - _UNDERSTOOD)]


_UNDERSTOOD = {"env", "deviceNodes", "mounts", "additionalGids", "hooks"}


def _node(said: Mapping[str, Any]) -> Device:
    """The host's node, changed as the file says."""
    target = str(said["path"])
    found = device(str(said.get("hostPath") or target), target)
    for key, name in (("major", "major"), ("minor", "minor"), ("uid", "uid"), ("gid", "gid"), ("fileMode", "mode")):
        if said.get(key) is not None:
            found[name] = int(said[key])  # type: ignore[literal-required]
    found["permissions"] = str(said.get("permissions") or "rwm")
    return found


def _mount(said: Mapping[str, Any]) -> Mount:
    options = said.get("options") or []
    return {
        "type": "bind", "source": str(said["hostPath"]), "read_only": _READ_ONLY in options, "create": False,
        "nocopy": False, "subpath": "", "propagation": "", "recursive": "", "size": 0, "mode": 0,
    }  # fmt: skip


def registry(folders: Sequence[str] = FOLDERS) -> Registry:
    """Raises HostError naming the file that cannot be read."""
    try:
        return Registry(folders)
    except StackupError:
        raise
    except (KeyError, TypeError, AttributeError) as problem:
        raise HostError(f"a CDI specification cannot be understood: {problem}", subject="cdi") from problem
