"""A service's mounts and files in normal form, keyed by their target, with the volumes that only it has."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackup.engines.desire.limits import Where
from stackup.engines.desire.tmpfs import short_tmpfs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackup.runtime.spec import File, Mount
    from stackup.stackfile.model import Grant, Service
    from stackup.stackfile.model import Mount as FileMount

TYPES = ("bind", "volume", "tmpfs", "image")
"""Those that there are on Linux; others are named by the stack file's own checks."""
EXTENSION = "x-stackup"
OWNERS = ("keep", "host", "map")
"""What `x-stackup: {uid: ...}` of a bind mount may say; see `runtime.idmaps`."""


@dataclass(slots=True)
class Mounts:
    """`anonymous` are the targets that get a volume of the container's own, with the volume's labels."""

    mounts: dict[str, Mount] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    where: Where = field(default_factory=dict)
    anonymous: dict[str, dict[str, str]] = field(default_factory=dict)


def mounts(service: Service, image_volumes: tuple[str, ...], images: Mapping[str, str]) -> Mounts:
    """`image_volumes` are targets for which the image wants a volume; the file's own mount on them wins. `images` are
    the ids of images that are mounted, by what the file calls them.
    """
    found = Mounts()
    for number, mount in enumerate(service.volumes):
        if mount.type not in TYPES:
            continue
        target = posixpath.normpath(mount.target)
        found.mounts[target] = _mount(mount, images)
        found.where[("mounts", target)] = ("volumes", number)
        if mount.type == "volume" and not mount.source:
            found.anonymous[target] = dict(mount.volume.labels) if mount.volume else {}
    for number, text in enumerate(service.tmpfs):
        target, _, options = text.partition(":")
        found.mounts[posixpath.normpath(target)] = {**empty("tmpfs"), **short_tmpfs(options)}  # type: ignore[typeddict-item]
        found.where[("mounts", posixpath.normpath(target))] = ("tmpfs", number)
    for target in image_volumes:
        if target not in found.mounts:
            found.mounts[target] = empty("volume")
            found.anonymous[target] = {}
    for kind, grants in (("secret", service.secrets), ("config", service.configs)):
        for number, grant in enumerate(grants):
            target = _target(kind, grant)
            found.files[target] = _file(kind, grant)
            found.where[("files", target)] = (f"{kind}s", number)
    return found


def empty(kind: str) -> Mount:
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


def _mount(mount: FileMount, images: Mapping[str, str]) -> Mount:
    form = empty(mount.type)
    form["source"] = mount.source or ""
    form["read_only"] = mount.read_only
    if mount.type == "bind":
        form["create"] = mount.bind.create_host_path if mount.bind else True
        form["propagation"] = (mount.bind.propagation or "") if mount.bind else ""
        form["recursive"] = (mount.bind.recursive or "") if mount.bind else ""
        if (owners := owners_of(mount)) != OWNERS[0]:
            form["owners"] = str(owners)
    if mount.volume:
        form["nocopy"], form["subpath"] = mount.volume.nocopy, mount.volume.subpath or ""
    if mount.type == "image":
        form["source"] = images.get(form["source"], form["source"])
        form["subpath"] = (mount.image.subpath or "") if mount.image else ""
    if mount.tmpfs:
        form["size"], form["mode"] = mount.tmpfs.size or 0, mount.tmpfs.mode or 0
    return form


def owners_of(mount: FileMount) -> object:
    """Whatever the file says; `checks` has seen to it that it is one of OWNERS."""
    said = mount.extensions.get(EXTENSION)
    return said.get("uid", OWNERS[0]) if isinstance(said, dict) else OWNERS[0]


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
