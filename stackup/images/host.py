"""`image: host`: this machine's own /usr as a read-only lower, below a small made-up root with a chosen part of /etc.

Nothing is copied from /usr. The made-up layer is an ordinary layer of the store, made once and made anew when the
machine changes. It gives the overlay a root whose `usr/*` are redirects (overlayfs.rst, "redirect_dir") into the lower
that is /usr itself, and hides that lower's own top: one overlay, one upper, nothing else of the machine in sight.
"""

from __future__ import annotations

import io
import os
from hashlib import sha256

from stackup.errors import StackupError, Unsupported
from stackup.images import hostroot
from stackup.images.archive import END, header
from stackup.images.importer import PATH
from stackup.images.manifest import ImageConfig
from stackup.images.refusal import disk
from stackup.images.rootfs import Rootfs
from stackup.images.store import HOST_NOTE, Store
from stackup.images.tar import Limits
from stackup.images.unpack import unpack
from stackup.values import Data

CONFIG = ImageConfig(env=(PATH,), cmd=("sh",))
_REDIRECT = "trusted.overlay.redirect"


def rootfs(store: Store, *, machine: str = "/") -> Rootfs:
    """The root of a container of `image: host`. `machine` is where this machine's tree is (tests have their own)."""
    hostroot.check_merged(machine)
    stamp = hostroot.fingerprint(machine)
    note = _note(store)
    if note.get("stamp") != stamp or not store.has_layer(str(note["layer"])):
        layer, redirected = make_layer(store, machine)
        note = {"stamp": stamp, "layer": layer, "redirected": redirected}
        store.write_note(HOST_NOTE, note)
    usr = os.path.join(machine, "usr")
    layer_dir = store.layer_dir(str(note["layer"]))
    if note["redirected"]:
        return Rootfs((layer_dir, usr), CONFIG, str(note["layer"]))
    return Rootfs((layer_dir,), CONFIG, str(note["layer"]), binds=((usr, "/usr"),))


def _note(store: Store) -> Data:
    """What is said there can be found out again: one that is damaged says nothing."""
    try:
        return store.read_note(HOST_NOTE) or {}
    except StackupError:
        return {}


def make_layer(store: Store, machine: str) -> tuple[str, bool]:
    """Writes the made-up layer; its id, and whether /usr can be a lower: that takes trusted attributes."""
    with store.draft() as draft:
        redirected = _takes_redirects(draft.fs_fd)
        entries = [*hostroot.skeleton(machine, over_usr=redirected), *hostroot.etc(machine)]
        archive = b"".join(header(entry) + data + bytes(-len(data) % 512) for entry, data in entries) + END
        layer = f"sha256:{sha256(archive).hexdigest()}"
        if store.has_layer(layer):
            return layer, redirected
        done = unpack(io.BytesIO(archive), draft.fs_fd, limits=Limits(), privileged=os.geteuid() == 0)
        if redirected:
            _redirect(draft.fs_fd, machine)
        draft.commit(layer, size=done.size)
    return layer, redirected


def _takes_redirects(fs_fd: int) -> bool:
    """Not for users, and not on an overlay (a job in a container): there the attribute is refused or swallowed."""
    try:
        os.setxattr(fs_fd, _REDIRECT, b"/x")
        kept = _REDIRECT in os.listxattr(fs_fd)
        os.removexattr(fs_fd, _REDIRECT)
    except OSError:
        return False
    return kept


def _redirect(fs_fd: int, machine: str) -> None:
    """`usr/bin` of this layer is `/bin` of the lower below it. The digest covers it: the names are in the archive."""
    for name in hostroot.usr_directories(machine):
        with disk(name):
            fd = os.open(f"usr/{name}", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fs_fd)
            try:
                os.setxattr(fd, _REDIRECT, os.fsencode(f"/{name}"))
            finally:
                os.close(fd)


def describe_host(*, machine: str = "/") -> list[str]:
    """What `doctor` says about `image: host` here; empty when all of it works."""
    findings = []
    try:
        hostroot.check_merged(machine)
    except Unsupported as error:
        return [f"image: host does not work: {error.message}"]
    for missing in hostroot.missing_programs(machine):
        findings.append(f'image: host has no "{missing}"')
    for mount in hostroot.mounts_below_usr(machine):
        findings.append(f'image: host does not show "{mount}", a file system of its own')
    return findings
