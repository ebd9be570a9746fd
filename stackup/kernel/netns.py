"""Network namespaces as pinned files: make one, remove one, act inside one, open a socket in one.

A namespace belongs to a thread, so everything here enters, does one thing and comes back before it returns; no other
thread of the process notices. Nothing here decides who gets a namespace or what is in it. Also loaded by monitors:
imports nothing that costs start-up time.
"""

from __future__ import annotations

import errno
import os
import socket

from stackup.errors import HostError, KernelError
from stackup.kernel import calls
from stackup.kernel.abi import CLONE_NEWNET, MNT_DETACH, MS_BIND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_OWN = "/proc/thread-self/ns/net"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


class Inside:
    """`with Inside(ns_fd):` runs its body with the calling thread in that namespace, and always comes back.

    Not being able to come back would leave a thread in a foreign namespace, so that failure is not swallowed.
    """

    __slots__ = ("_back_fd", "_ns_fd")

    def __init__(self, ns_fd: int) -> None:
        self._ns_fd = ns_fd
        self._back_fd = -1

    def __enter__(self) -> None:
        self._back_fd = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            calls.setns(self._ns_fd, CLONE_NEWNET)
        except KernelError:
            os.close(self._back_fd)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            calls.setns(self._back_fd, CLONE_NEWNET)
        finally:
            os.close(self._back_fd)


def own() -> int:
    """A descriptor of the calling thread's namespace; the caller closes it."""
    return os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)


def is_pinned(pin_file: str) -> bool:
    """Whether the file is a namespace, and not the empty file that a crash or a reboot leaves behind."""
    try:
        return os.stat(pin_file).st_dev == os.stat(_OWN).st_dev
    except FileNotFoundError:
        return False


def open_pin(pin_file: str) -> int:
    """A descriptor of a pinned namespace; the caller closes it."""
    if not is_pinned(pin_file):
        raise HostError(
            f'"{pin_file}" is not a pinned network namespace',
            subject=pin_file,
            hint="run `stackup up` again: it makes what is missing",
            code="no-namespace",
        )
    return os.open(pin_file, os.O_RDONLY | os.O_CLOEXEC)


def create(pin_file: str) -> bool:
    """Pins a new namespace with its loopback up; false when the file holds one already.

    The bind mount is seen by whoever shares the caller's mount namespace or its peer group; unlinking the file drops
    the mounts of all others too (Linux 3.18).
    """
    if is_pinned(pin_file):
        return False
    back_fd = own()
    try:
        calls.unshare(CLONE_NEWNET)
        try:
            loopback_up()
            pin(_OWN, pin_file)
        finally:
            calls.setns(back_fd, CLONE_NEWNET)
    finally:
        os.close(back_fd)
    return True


def pin(namespace: str, pin_file: str) -> None:
    """Keep a namespace of /proc/PID/ns, of whichever kind, when nobody is in it any more."""
    os.makedirs(os.path.dirname(pin_file), mode=0o700, exist_ok=True)
    os.close(os.open(pin_file, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    calls.mount(namespace, pin_file, "", MS_BIND)


def remove(pin_file: str) -> None:
    """Drops the pin; succeeds when it is gone. The kernel ends the namespace with its last process and socket."""
    try:
        while is_pinned(pin_file):
            calls.umount2(pin_file, MNT_DETACH)
        os.unlink(pin_file)
    except FileNotFoundError:
        return
    except KernelError as error:
        if error.errno != errno.ENOENT:
            raise


def socket_in(ns_fd: int, family: int, kind: int, proto: int = 0) -> socket.socket:
    """A socket that lives in that namespace, whatever the calling thread does next."""
    with Inside(ns_fd):
        return socket.socket(family, kind | socket.SOCK_CLOEXEC, proto)


def loopback_up() -> None:
    """Brings `lo` up in the calling thread's namespace. netdevice(7): one ioctl, no netlink needed."""
    import fcntl  # a monitor never comes here
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def read_sysctl(name: str) -> str:
    """`net.ipv4.ip_forward` as `net/ipv4/ip_forward`, of the calling thread's namespace: proc asks who opens it."""
    try:
        with open(f"/proc/sys/{name}", encoding="ascii") as file:
            return file.read().strip()
    except OSError as error:
        raise KernelError(error.errno or 0, "read", f"/proc/sys/{name}") from error


def write_sysctl(name: str, value: str) -> None:
    try:
        fd = os.open(f"/proc/sys/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        hint = "is /proc/sys mounted read-only here?" if error.errno == errno.EROFS else ""
        raise KernelError(error.errno or 0, f"write {value}", f"/proc/sys/{name}", hint=hint) from error


def ease_sysctls(settings: tuple[tuple[str, str], ...]) -> None:
    """Writes settings that a kernel may lack (no IPv6, an older release) and passes over what does not exist."""
    for name, value in settings:
        try:
            write_sysctl(name, value)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
