"""The mounts of a RUN: binds of stages and contexts, caches, tmpfs, secrets, agents; and what builds are given.

Nothing of a mount is a part of the layer. Secrets are files of the run folder until they are on the container's tmpfs.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from stackup.errors import HostError, StackupError, UsageError
from stackup.images.build.mounts import Mount as RunMount
from stackup.images.build.solve import Bound, Order
from stackup.images.copying import End, copy
from stackup.kernel import files
from stackup.kernel.resolve import open_beneath
from stackup.layout import Layout
from stackup.runtime.rootfs import HostFile, Layers
from stackup.runtime.spec import Mount, Ulimit
from stackup.runtime.trees import layers_tree

AGENT = "/run/buildkit/ssh_agent.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a build is given beside its files: none of it is a part of any key."""

    secrets: Mapping[str, bytes] = field(default_factory=dict)
    ssh: Mapping[str, str] = field(default_factory=dict)
    """Names to sockets of agents."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    network: str = "default"
    extra_hosts: Mapping[str, list[str]] = field(default_factory=dict)
    shm_size: int = 64 << 20
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    privileged: bool = False
    insecure: bool = False
    """The entitlement security.insecure."""
    host_network: bool = False
    """The entitlement network.host."""
    memory: int = 0


class BuildMounts:
    """Those of one RUN, by where they go."""

    def __init__(self, layout: Layout, around: Surroundings, order: Order, live: str, closing: ExitStack) -> None:
        self._layout = layout
        self._around = around
        self._order = order
        self._live = live
        self._closing = closing
        self.env: dict[str, str] = {}
        self.mounts: dict[str, Mount] = {}
        self.images: dict[str, tuple[str, ...]] = {}
        self.nested: dict[str, Layers] = {}
        self.files: dict[str, HostFile] = {}
        for bound in order.mounts:
            self._mount(bound)

    def _mount(self, bound: Bound) -> None:
        match bound.mount.kind:
            case "bind":
                self._bind(bound)
            case "cache":
                inside = "" if bound.lowers else bound.mount.source.strip("/")
                made = _mount("bind", self._cache(bound), read_only=bound.mount.read_only, subpath=inside)
                self.mounts[bound.mount.target] = made
            case "tmpfs":
                self.mounts[bound.mount.target] = _mount("tmpfs", "", size=bound.mount.size)
            case "secret":
                self._secret(bound.mount)
            case "ssh":
                self._agent(bound.mount)

    def _bind(self, bound: Bound) -> None:
        """Writes to one that may be written go to a folder that is thrown away."""
        if not bound.lowers:
            raise UsageError("nothing can be mounted from an empty stage", subject=bound.mount.target)
        key = f"{len(self.images)}"
        if bound.mount.read_only:
            self.images[key] = bound.lowers
            self.mounts[bound.mount.target] = _mount("image", key, subpath=bound.path)
            return
        if bound.path:
            self.mounts[bound.mount.target] = _mount("bind", self._copied(bound, key))
            return
        upper, work = (os.path.join(self._order.scratch, f"rw{key}-{len(self.nested)}-{part}") for part in "uw")
        for folder in (upper, work):
            os.mkdir(folder, 0o755)
        self.nested[bound.mount.target] = Layers(bound.lowers, upper, work)

    def _copied(self, bound: Bound, key: str) -> str:
        """A part of a stage that may be written: an overlay has no parts, so it is a copy that is thrown away."""
        folder = os.path.join(self._order.scratch, f"rw{key}-{len(self.mounts)}")
        os.mkdir(folder, 0o755)
        _copy_of(bound, bound.path, folder, follow=True)
        (name,) = os.listdir(folder)
        return os.path.join(folder, name)

    def _cache(self, bound: Bound) -> str:
        """A folder by its id, locked as its sharing says for as long as the step runs."""
        mount = bound.mount
        top = os.path.join(self._layout.state, "build", "caches")
        files.make_dir(top)
        name = sha256(mount.id.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        for number in range(1000):
            home = os.path.join(top, name if not number else f"{name}-{number}")
            files.make_dir(home)
            lock = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._closing.callback(os.close, lock)
            wish = fcntl.LOCK_SH if mount.sharing == "shared" else fcntl.LOCK_EX
            try:
                fcntl.flock(lock, wish | (fcntl.LOCK_NB if mount.sharing == "private" else 0))
            except BlockingIOError:
                continue
            os.utime(home)  # so that a prune knows when it was used
            return _cache_data(home, bound)
        raise HostError("too many builds use this cache", subject=mount.id)

    def _secret(self, mount: RunMount) -> None:
        value = self._around.secrets.get(mount.id)
        if value is None:
            if mount.required:
                hint = "name it in `build.secrets` of the service, and in `secrets` of the stack"
                raise UsageError(f'the build has no secret "{mount.id}"', subject=mount.id, hint=hint)
            return
        if mount.env:
            self.env[mount.env] = value.decode(errors="surrogateescape")
        if mount.target:
            mode = 0o400 if mount.mode is None else mount.mode
            self.files[mount.target] = self.file(value, mount.uid or 0, mount.gid or 0, mode)

    def file(self, value: bytes, uid: int, gid: int, mode: int) -> HostFile:
        return HostFile(self.written(value, 0o600), uid, gid, mode)

    def _agent(self, mount: RunMount) -> None:
        socket = self._around.ssh.get(mount.id)
        if socket is None:
            if mount.required:
                hint = "name it in `build.ssh`, or with --ssh"
                raise UsageError(f'the build has no agent "{mount.id}"', subject=mount.id, hint=hint)
            return
        target = mount.target or AGENT
        self.mounts[target] = _mount("bind", socket)
        self.env.setdefault("SSH_AUTH_SOCK", target)

    def written(self, data: bytes, mode: int) -> str:
        path = os.path.join(self._live, os.urandom(6).hex())
        files.write_bytes(path, data, mode=mode, durable=False)
        return path

    def is_folder(self, target: str) -> bool:
        if target in self.nested:
            return True
        mount = self.mounts.get(target)
        if mount is None:
            return False
        if mount["type"] == "image":
            return self._is_folder_inside(self.images[mount["source"]], mount["subpath"])
        return mount["type"] == "tmpfs" or os.path.isdir(mount["source"])

    def _is_folder_inside(self, lowers: tuple[str, ...], path: str) -> bool:
        root = layers_tree(list(lowers))
        try:
            os.close(open_beneath(root, path, os.O_PATH | os.O_DIRECTORY))
        except StackupError:
            return False
        finally:
            os.close(root)
        return True


def _cache_data(home: str, bound: Bound) -> str:
    """A cache that is new begins with the files of `from`, if there is one."""
    data, mount = os.path.join(home, "data"), bound.mount
    if not os.path.isdir(data):
        made = f"{data}.{os.urandom(4).hex()}"
        os.mkdir(made, 0o755)
        try:
            os.chown(made, mount.uid or 0, mount.gid or 0)
            os.chmod(made, 0o755 if mount.mode is None else mount.mode)
            if bound.lowers:
                _copy_of(bound, f"{bound.path}/.", made)
            os.rename(made, data)
        except BaseException as problem:
            shutil.rmtree(made)
            if not isinstance(problem, OSError) or not os.path.isdir(data):
                raise  # else somebody was quicker, and has put something in already
    return data


def _copy_of(bound: Bound, path: str, folder: str, *, follow: bool = False) -> None:
    with ExitStack() as closing:
        tree, folder_fd = layers_tree(list(bound.lowers)), os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for fd in (tree, folder_fd):
            closing.callback(os.close, fd)
        shown = f"from={bound.mount.origin},source=/{bound.path}"
        copy(End(tree, path, shown), End(folder_fd, "/", bound.mount.target), None, follow=follow)


def _mount(kind: Any, source: str, *, read_only: bool = False, subpath: str = "", size: int = 0) -> Mount:
    return {
        "type": kind, "source": source, "read_only": read_only, "create": False, "nocopy": True, "subpath": subpath,
        "propagation": "", "recursive": "", "size": size, "mode": 0o1777,
    }  # fmt: skip
