"""A service's mounts and files in normal form, keyed by their target, with the volumes that only it has."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackup.engines.desire.limits import Where
from stackup.values import parse_size

if TYPE_CHECKING:
    from stackup.runtime.spec import File, Mount
    from stackup.stackfile.model import Grant, Service
    from stackup.stackfile.model import Mount as FileMount


@dataclass(slots=True)
class Mounts:
    """`anonymous` are the targets that get a volume of the container's own."""

    mounts: dict[str, Mount] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    where: Where = field(default_factory=dict)
    anonymous: list[str] = field(default_factory=list)


def mounts(service: Service, image_volumes: tuple[str, ...]) -> Mounts:
    """`image_volumes` are targets for which the image wants a volume; the file's own mount on them wins."""
    found = Mounts()
    for number, mount in enumerate(service.volumes):
        target = posixpath.normpath(mount.target)
        found.mounts[target] = _mount(mount)
        found.where[("mounts", target)] = ("volumes", number)
        if mount.type == "volume" and not mount.source:
            found.anonymous.append(target)
    for number, text in enumerate(service.tmpfs):
        target, _, options = text.partition(":")
        found.mounts[posixpath.normpath(target)] = _tmpfs(options)
        found.where[("mounts", posixpath.normpath(target))] = ("tmpfs", number)
    for target in image_volumes:
        if target not in found.mounts:
            found.mounts[target] = _empty("volume")
            found.anonymous.append(target)
    for kind, grants in (("secret", service.secrets), ("config", service.configs)):
        for number, grant in enumerate(grants):
            target = _target(kind, grant)
            found.files[target] = _file(kind, grant)
            found.where[("files", target)] = (f"{kind}s", number)
    return found


def _empty(kind: str) -> Mount:
    return {
        "type": kind,  # type: ignore[typeddict-item]
        "source": "",
        "read_only": False,
        "create": False,
        "nocopy": False,
        "subpath": "",
        "propagation": "",
        "recursive": "",
        "size": 0,
        "mode": 0,
    }


def _mount(mount: FileMount) -> Mount:
    form = _empty(mount.type)
    form["source"] = mount.source or ""
    form["read_only"] = mount.read_only
    if mount.type == "bind":
        form["create"] = mount.bind.create_host_path if mount.bind else True
        form["propagation"] = (mount.bind.propagation or "") if mount.bind else ""
        form["recursive"] = (mount.bind.recursive or "") if mount.bind else ""
    if mount.volume:
        form["nocopy"], form["subpath"] = mount.volume.nocopy, mount.volume.subpath or ""
    if mount.image:
        form["subpath"] = mount.image.subpath or ""
    if mount.tmpfs:
        form["size"], form["mode"] = mount.tmpfs.size or 0, mount.tmpfs.mode or 0
    return form


def _tmpfs(options: str) -> Mount:
    """`size=64m,mode=1770,ro` of the short form; other words are the defaults already (noexec and the like)."""
    form = _empty("tmpfs")
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name == "size":
            form["size"] = parse_size(value)
        elif name == "mode":
            form["mode"] = int(value, 8)
        elif name == "ro":
            form["read_only"] = True
    return form


def _target(kind: str, grant: Grant) -> str:
    """Secrets lie beneath /run/secrets, configs at the root, unless an absolute target is given."""
    target = grant.target or grant.source
    base = "/run/secrets" if kind == "secret" else "/"
    return posixpath.normpath(posixpath.join(base, target))


def _file(kind: str, grant: Grant) -> File:
    return {
        "kind": kind,  # type: ignore[typeddict-item]
        "name": grant.source,
        "uid": int(grant.uid or 0),
        "gid": int(grant.gid or 0),
        "mode": grant.mode if grant.mode is not None else 0o444,
    }


def anonymous_name(service: str, index: int, target: str) -> str:
    """The same for every run, so that the data is found again when the container is made anew."""
    return f"{service}-{index}-{hashlib.sha256(target.encode()).hexdigest()[:8]}"
