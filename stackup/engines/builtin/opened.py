"""A container's files from outside: its root as it sees it, and what it has changed on top of its image.

One that runs has its root in /proc. For one that does not, overlay and volumes are mounted as they would be for it, in
a mount namespace that only a thread of ours ever enters: the descriptors reach what the namespace holds, and when they
are closed the kernel takes it apart, also after a kill.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

from stackup.engines.builtin.idclaims import KEY
from stackup.engines.builtin.records import Record, Shelf
from stackup.engines.engine import Root
from stackup.errors import HostError, KernelError
from stackup.images.store import Store
from stackup.kernel import calls, cgroupfs
from stackup.kernel.abi import CLONE_NEWNS
from stackup.kernel.files import Lock, host_error
from stackup.kernel.resolve import open_beneath
from stackup.layout import Layout
from stackup.runtime import mounting
from stackup.runtime import record as records
from stackup.runtime.identity import identify
from stackup.runtime.rootfs import Layers, RootPlan, operations
from stackup.values import Address

if TYPE_CHECKING:
    from stackup.runtime.description import Operation, Process, Status
    from stackup.runtime.spec import ContainerSpec, Mount

_FREEZE_S = 10.0
_DATABASE_LIMIT = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_WAYS = (
    ("cgroup.freeze", "1", "0", "cgroup.events", "frozen 1"),
    ("freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN"),
)
"""A file, what freezes and what thaws, and where the kernel says that it has."""


@contextmanager
def root(layout: Layout, stack: str, directory: str) -> Iterator[Root]:
    """Of one that does not run: with the disk's users, and with the stack's lock, so that nobody starts it now."""
    folder = layout.address_dir(stack, "container", directory)
    with ExitStack() as held:
        fd = _root_in_proc(records.observe_status(folder))
        if fd < 0:
            purpose = "copying a container's files"
            held.enter_context(Lock(layout.lock_file(stack), purpose, waiting=lambda _holder: None))
            fd = _root_in_proc(records.observe_status(folder))
        base = _claim(folder)["given"].get(KEY, 0) if fd >= 0 else 0
        fds = [fd] if fd >= 0 else _assembled(_operations(layout, stack, folder), os.path.join(folder, "merged"))
        for one in fds:
            held.callback(os.close, one)
        held.enter_context(_making_as(base))
        yield Root(fds[0], base)


@contextmanager
def _making_as(owner: int) -> Iterator[None]:
    """Files that this thread makes are `owner`'s: the layers of a container with users of its own take no others. What
    setfsuid(2) takes away of our powers comes back.
    """
    if not owner:
        yield
        return
    effective, permitted, inheritable = calls.capget()
    calls.setfsuid(owner, owner)
    calls.capset(effective, permitted, inheritable)
    try:
        yield
    finally:
        calls.setfsuid(0, 0)


def owner(root: Root, process: Process) -> tuple[int, int]:
    """Who the program of a container is: uid and gid, by its own database of users, as at its start."""
    found = identify(process["user"], process["groups"], _database(root.fd, "passwd"), _database(root.fd, "group"))
    return root.base + found.uid, root.base + found.gid


def _database(root_fd: int, name: str) -> str:
    """A container's file: no link leads out of its root, and neither a pipe nor a monster holds us up."""
    try:
        fd = open_beneath(root_fd, f"/etc/{name}", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except KernelError:
        return ""
    with os.fdopen(fd, "rb", buffering=0) as file:
        sound = stat.S_ISREG(os.fstat(fd).st_mode)
        return (file.read(_DATABASE_LIMIT) or b"").decode("utf-8", "surrogateescape") if sound else ""


@contextmanager
def changes(layout: Layout, stack: str, directory: str, *, pause: bool) -> Iterator[int]:
    folder = layout.address_dir(stack, "container", directory)
    claim = _claim(folder)
    status = records.observe_status(folder)
    runs = status is not None and status["state"] == "running"
    with frozen(claim["given"].get("cgroups", []) if pause and runs else []):
        try:
            fd = os.open(os.path.join(folder, "upper"), _FOLDER)
        except OSError as error:
            raise host_error(error, "cannot open", folder) from error
        try:
            yield fd
        finally:
            os.close(fd)


@contextmanager
def frozen(groups: list[str]) -> Iterator[None]:
    """Nothing in the control groups runs meanwhile; one that was frozen before stays so."""
    found = [(group, *way) for way in _WAYS for group in groups if os.path.exists(os.path.join(group, way[0]))][:1]
    if not found or (cgroupfs.read([found[0][0]], found[0][1]) or "").strip() == found[0][2]:
        yield
        return
    group, name, freeze, thaw, told, expected = found[0]
    cgroupfs.write([group], name, freeze)
    try:
        end = time.monotonic() + _FREEZE_S
        while expected not in (cgroupfs.read([group], told) or "") and time.monotonic() < end:
            time.sleep(0.002)
        yield
    finally:
        cgroupfs.write([group], name, thaw)


def _root_in_proc(status: Status | None) -> int:
    """-1 unless it runs. Its start time is looked at after the descriptor is held: the pid may be another's by then."""
    if status is None or status["state"] != "running" or status["init"] is None:
        return -1
    try:
        fd = os.open(f"/proc/{status['init']['pid']}/root", _FOLDER)
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise host_error(error, "cannot open the root of", str(status["init"]["pid"])) from error
    if records.alive(status["init"]):
        return fd
    os.close(fd)
    return -1


def _claim(folder: str) -> Record:
    claim = records.read(folder)
    if claim is None or claim["phase"] != "ready":
        raise HostError("the container is not whole", subject=folder, hint="run `stackup up` again")
    return cast(Record, claim)


def _operations(layout: Layout, stack: str, folder: str) -> list[Operation]:
    """Those of the container's own that make its overlay and mount what it keeps elsewhere."""
    claim = _claim(folder)
    spec, given = cast("ContainerSpec", claim["spec"]), claim["given"]
    mounts = {target: _mount(layout, stack, mount) for target, mount in spec["mounts"].items()}
    plan = RootPlan(
        layers=Layers(tuple(given["lowers"]), os.path.join(folder, "upper"), os.path.join(folder, "work")),
        merged=os.path.join(folder, "merged"),
        nested={target: Layers((source,)) for source, target in given["binds"]},
        mounts=mounts,
        images={m["source"]: _image(layout, m["source"]) for m in mounts.values() if m["type"] == "image"},
    )
    return [step for step in operations(plan) if _wanted(step, mounts)]


def _wanted(step: Operation, mounts: dict[str, Mount]) -> bool:
    if step["op"] in ("private", "overlay"):
        return True
    return step["op"] in ("source", "image", "mount") and step["target"] in mounts


def _mount(layout: Layout, stack: str, mount: Mount) -> Mount:
    """Made ready by a start only: nothing is created and no volume is filled here; files are whose they are on the
    disk, since a command with threads makes no user namespace.
    """
    quiet: Any = {**mount, "create": False, "nocopy": True, "owners": ""}
    if mount["type"] == "volume":
        volume = Shelf(layout, stack, "volume").need(Address("volume", mount["source"]))
        quiet["source"] = str(volume["given"]["data"])
    return cast("Mount", quiet)


def _image(layout: Layout, reference: str) -> tuple[str, ...]:
    store = Store(layout.images_dir)
    found = store.resolve(reference)
    if found is None:
        raise HostError(f'there is no image "{reference}" to mount', subject=reference, hint="see: stackup image ls")
    return store.layers(found)


def _assembled(steps: list[Operation], merged: str) -> list[int]:
    """The root, and what keeps its mount namespace: mounts and namespace belong to the thread, and outlive it so."""
    fds: list[int] = []
    failed: list[BaseException] = []

    def body() -> None:
        try:
            calls.unshare(CLONE_NEWNS)
            state = mounting.State()
            for step in sorted(steps, key=lambda step: step["op"] != "private"):
                mounting.perform(step, state)
            os.close(state.root_fd)
            fds.append(os.open(merged, _FOLDER))
            fds.append(os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC))
        except BaseException as error:  # raised in the caller's thread
            failed.append(error)

    thread = Thread(target=body)
    thread.start()
    thread.join()
    if failed:
        for fd in fds:
            os.close(fd)
        raise _explained(failed[0], merged)
    return fds


def _explained(error: BaseException, merged: str) -> BaseException:
    if isinstance(error, KernelError):
        return HostError(f"cannot put the container's files together: {error.message}", subject=error.subject)
    if isinstance(error, OSError):
        return host_error(error, "cannot put together", merged)
    return error
