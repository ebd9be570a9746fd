"""Linux system calls that Python 3.11 does not wrap, one short function each, under their kernel names.

No policy, no defaults, no retries, no logging. A failure is a KernelError that names the call and its subject.
"""

from __future__ import annotations

import ctypes
import os
import struct
from errno import ENODEV, ENOSPC

from stackup.errors import KernelError, Unsupported
from stackup.kernel.abi import PR_SET_SECCOMP, CapData, CapHeader, CloneArgs, FilterProgram, MountAttr, OpenHow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_fork_libc = ctypes.PyDLL(None, use_errno=True)
"""Keeps the interpreter lock over the call: only the thread that holds it exists in a cloned child."""
ctypes.pythonapi.PyOS_BeforeFork.restype = None
ctypes.pythonapi.PyOS_AfterFork_Child.restype = None
ctypes.pythonapi.PyOS_AfterFork_Parent.restype = None

_int, _long, _uint, _ulong = ctypes.c_int, ctypes.c_long, ctypes.c_uint, ctypes.c_ulong
_str, _ptr, _size = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t

# Numbers above 423 are the same on every architecture; pivot_root is older and is not in glibc.
_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_NUMBERS = {
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "clone3": 435,
    "fspick": 433, "openat2": 437, "mount_setattr": 442,
    "bpf": _BPF.get(os.uname().machine, -1), "pivot_root": _PIVOT_ROOT.get(os.uname().machine, -1),
}  # fmt: skip
_TYPES = {
    "mount": (_str, _str, _str, _ulong, _ptr),
    "umount2": (_str, _int),
    "unshare": (_int,),
    "setns": (_int, _int),
    "prctl": (_int, _ulong, _ulong, _ulong, _ulong),
    "capset": (ctypes.POINTER(CapHeader), ctypes.POINTER(CapData)),
    "capget": (ctypes.POINTER(CapHeader), ctypes.POINTER(CapData)),
    "open_tree": (_int, _str, _uint),
    "move_mount": (_int, _str, _int, _str, _uint),
    "fsopen": (_str, _uint),
    "fsconfig": (_int, _uint, _str, _ptr, _int),
    "fsmount": (_int, _uint, _uint),
    "fspick": (_int, _str, _uint),
    "clone3": (ctypes.POINTER(CloneArgs), _size),
    "openat2": (_int, _str, ctypes.POINTER(OpenHow), _size),
    "syncfs": (_int,),
    "mount_setattr": (_int, _str, _uint, ctypes.POINTER(MountAttr), _size),
    "pivot_root": (_str, _str),
    "bpf": (_int, _ptr, _uint),
    "inotify_init1": (_int,),
    "inotify_add_watch": (_int, _str, _uint),
    "inotify_rm_watch": (_int, _int),
}


_ready: dict[str, tuple[Any, tuple[int, ...]]] = {}
"""Functions with their types fixed, made at first use: converting by hand at every call would double its cost."""


def _function(name: str) -> tuple[Any, tuple[int, ...]]:
    number = _NUMBERS.get(name)
    if number is not None and number < 0:
        raise Unsupported(f'"{name}" has no known number on this architecture', subject=os.uname().machine)
    first = () if number is None else (number,)
    function = _libc["syscall" if first else name]
    function.restype = _long if first else _int
    function.argtypes = (*[_long for _ in first], *_TYPES[name])
    _ready[name] = function, first
    return _ready[name]


_MODULE = "load it: modprobe {}"
_NAMESPACES = "a limit of namespaces is reached: raise user.max_*_namespaces with sysctl; `stackup doctor` says which"
_REMEDIES = {
    ("fsopen", ENODEV): _MODULE, ("mount", ENODEV): _MODULE,
    ("clone3", ENOSPC): _NAMESPACES, ("unshare", ENOSPC): _NAMESPACES,
}  # fmt: skip
"""Where the number alone would mislead: there is no device, and no disk is full."""


def _call(name: str, *values: Any, subject: str = "", kind: str = "") -> int:
    """`kind`: of file system."""
    function, first = _ready.get(name) or _function(name)
    result: int = function(*first, *values)
    if result < 0:
        raise _refused(ctypes.get_errno(), name, subject, kind)
    return result


def _refused(errno: int, name: str, subject: str = "", kind: str = "") -> KernelError:
    return KernelError(errno, name, subject, hint=_REMEDIES.get((name, errno), "").format(kind))


def mount(source: str, target: str, fstype: str, flags: int, options: str = "") -> None:
    """mount(2). `options` must fit one page."""
    data = ctypes.c_char_p(options.encode()) if options else None  # kept until the call is over
    _call(
        "mount", os.fsencode(source), os.fsencode(target), fstype.encode(), flags,
        ctypes.cast(data, _ptr).value if data else None, subject=target, kind=fstype,
    )  # fmt: skip


def umount2(target: str, flags: int) -> None:
    _call("umount2", os.fsencode(target), flags, subject=target)


def pivot_root(new_root: str, put_old: str) -> None:
    _call("pivot_root", os.fsencode(new_root), os.fsencode(put_old), subject=new_root)


def unshare(flags: int) -> None:
    """unshare(2); of the calling thread, where the namespace is a thread's (net, mount with CLONE_FS, uts, ipc)."""
    _call("unshare", flags)


def setns(fd: int, nstype: int) -> None:
    _call("setns", fd, nstype)


def prctl(option: int, arg2: int = 0, arg3: int = 0, arg4: int = 0, arg5: int = 0) -> int:
    return _call("prctl", option, arg2, arg3, arg4, arg5)


def openat2(dir_fd: int, path: str, flags: int, resolve: int, mode: int = 0) -> int:
    """openat2(2), Linux 5.6: opens `path` under the RESOLVE_* rules; the caller owns the descriptor."""
    how = OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    return _call("openat2", dir_fd, os.fsencode(path), ctypes.pointer(how), ctypes.sizeof(how), subject=path)


def open_tree(dir_fd: int, path: str, flags: int) -> int:
    return _call("open_tree", dir_fd, os.fsencode(path), flags, subject=path)


def move_mount(from_fd: int, from_path: str, to_fd: int, to_path: str, flags: int) -> None:
    _call("move_mount", from_fd, os.fsencode(from_path), to_fd, os.fsencode(to_path), flags, subject=to_path)


def fsopen(fstype: str, flags: int) -> int:
    return _call("fsopen", fstype.encode(), flags, subject=fstype, kind=fstype)


def fsconfig(fd: int, command: int, key: str | None, value: str | None, aux: int = 0) -> None:
    text = ctypes.c_char_p(value.encode()) if value is not None else None
    _call("fsconfig", fd, command, key.encode() if key else None, ctypes.cast(text, _ptr).value if text else None, aux,
          subject=f"{key}={value}" if key else "")  # fmt: skip


def fsmount(fd: int, flags: int, attributes: int) -> int:
    return _call("fsmount", fd, flags, attributes)


def fspick(dir_fd: int, path: str, flags: int) -> int:
    """A file system that is mounted, to be reconfigured: `path` is the root of its mount. Linux 5.2."""
    return _call("fspick", dir_fd, os.fsencode(path), flags, subject=path)


def mount_setattr(dir_fd: int, path: str, flags: int, attr: MountAttr) -> None:
    _call("mount_setattr", dir_fd, os.fsencode(path), flags, ctypes.pointer(attr), ctypes.sizeof(attr), subject=path)


def syncfs(fd: int) -> None:
    """syncfs(2): everything written to the file system that holds `fd` is on its disk."""
    _call("syncfs", fd)


def inotify_init1(flags: int) -> int:
    """inotify_init1(2); the flags are open(2)'s O_CLOEXEC and O_NONBLOCK."""
    return _call("inotify_init1", flags)


def inotify_add_watch(fd: int, path: str, mask: int) -> int:
    """inotify_add_watch(2): the watch's number, which events of `path` carry."""
    return _call("inotify_add_watch", fd, os.fsencode(path), mask, subject=path)


def inotify_rm_watch(fd: int, number: int) -> None:
    _call("inotify_rm_watch", fd, number)


def capget() -> tuple[int, int, int]:
    """Effective, permitted and inheritable sets of the calling thread as 64-bit masks."""
    header, data = CapHeader(0x20080522, 0), (CapData * 2)()
    _call("capget", ctypes.pointer(header), ctypes.cast(data, ctypes.POINTER(CapData)))
    low, high = data
    return (
        low.effective | high.effective << 32,
        low.permitted | high.permitted << 32,
        low.inheritable | high.inheritable << 32,
    )


def setfsuid(uid: int, gid: int) -> None:
    """setfsuid(2), setfsgid(2): whose the files are that the calling thread makes. They never fail: one asks."""
    for name, value in (("setfsgid", gid), ("setfsuid", uid)):
        _libc[name](_uint(value))
        if _libc[name](_uint(value)) & 0xFFFFFFFF != value:
            raise KernelError(1, name, str(value))  # EPERM


def capset(effective: int, permitted: int, inheritable: int) -> None:
    header, data = CapHeader(0x20080522, 0), (CapData * 2)()
    for half, shift in zip(data, (0, 32), strict=True):
        half.effective = effective >> shift & 0xFFFFFFFF
        half.permitted = permitted >> shift & 0xFFFFFFFF
        half.inheritable = inheritable >> shift & 0xFFFFFFFF
    _call("capset", ctypes.pointer(header), ctypes.cast(data, ctypes.POINTER(CapData)))


def load_filter(code: bytes) -> None:
    """seccomp(2): the calling thread, and all that it makes from here on, under a `struct sock_filter[]`."""
    buffer = ctypes.create_string_buffer(code, len(code))
    program = FilterProgram(len(code) // 8, ctypes.addressof(buffer))
    _call("prctl", PR_SET_SECCOMP, 2, ctypes.addressof(program), 0, 0)  # 2: SECCOMP_MODE_FILTER


def bpf(command: int, attributes: bytes) -> int:
    """bpf(2) with a `union bpf_attr` as far as the command reads it."""
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    return _call("bpf", command, ctypes.addressof(buffer), len(attributes))


def bpf_load(kind: int, code: bytes) -> int:
    """BPF_PROG_LOAD of a `struct bpf_insn[]`; the caller owns the descriptor."""
    buffer, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"")
    pointers = ctypes.addressof(buffer), ctypes.addressof(licence)
    return bpf(5, struct.pack("=IIQQIIQII", kind, len(code) // 8, *pointers, 0, 0, 0, 0, 0))


def clone3(flags: int, *, cgroup_fd: int = -1) -> tuple[int, int]:
    """fork with namespaces: (pid, pidfd) in the parent, (0, -1) in the child. clone3(2), Linux 5.3.

    Only a single-threaded program may call it. Python's own fork hooks run, so the child is a sound interpreter.
    """
    pidfd = ctypes.c_int(-1)
    arguments = CloneArgs(flags=flags | 0x1000, pidfd=ctypes.addressof(pidfd), exit_signal=17)  # CLONE_PIDFD, SIGCHLD
    if cgroup_fd >= 0:
        arguments.flags |= 0x200000000  # CLONE_INTO_CGROUP
        arguments.cgroup = cgroup_fd
    ctypes.pythonapi.PyOS_BeforeFork()
    _fork_libc.syscall.restype = _long
    pid = _fork_libc.syscall(_long(435), ctypes.pointer(arguments), _size(ctypes.sizeof(arguments)))
    errno = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0, -1
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise _refused(errno, "clone3")
    return int(pid), pidfd.value
