"""What the made-up root of `image: host` contains, as tar entries: directories, links, the allowed part of /etc.

Reads the machine, writes nothing. A secret does not get in by way of the allow-list: only files that everybody may read
are taken, nothing below a `private` directory, and no file that holds a private key.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from hashlib import sha256

from stackup.errors import Unsupported
from stackup.images.tar import Entry
from stackup.images.unpack import OPAQUE, WHITEOUT

_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DIRECTORIES = {
    "": 0o755, "boot": 0o755, "dev": 0o755, "etc": 0o755, "home": 0o755, "media": 0o755, "mnt": 0o755, "opt": 0o755,
    "proc": 0o555, "root": 0o700, "run": 0o755, "run/lock": 0o1777, "srv": 0o755, "sys": 0o555, "tmp": 0o1777,
    "usr": 0o755, "var": 0o755, "var/cache": 0o755, "var/lib": 0o755, "var/local": 0o755, "var/log": 0o755,
    "var/mail": 0o755, "var/opt": 0o755, "var/spool": 0o755, "var/tmp": 0o1777,
}  # fmt: skip
_LINKS = {"var/run": "/run", "var/lock": "/run/lock", "etc/mtab": "/proc/self/mounts"}
_USERS = (
    ("root", 0, "/root", "/bin/sh"), ("daemon", 1, "/usr/sbin", ""), ("bin", 2, "/bin", ""), ("sys", 3, "/dev", ""),
    ("sync", 4, "/bin", ""), ("games", 5, "/usr/games", ""), ("man", 6, "/var/cache/man", ""),
    ("mail", 8, "/var/mail", ""), ("www-data", 33, "/var/www", ""), ("nobody", 65534, "/nonexistent", ""),
)  # fmt: skip
_GROUPS = (
    ("root", 0), ("daemon", 1), ("bin", 2), ("sys", 3), ("adm", 4), ("tty", 5), ("disk", 6), ("lp", 7), ("mail", 8),
    ("kmem", 15), ("dialout", 20), ("www-data", 33), ("shadow", 42), ("utmp", 43), ("video", 44), ("audio", 29),
    ("staff", 50), ("games", 60), ("users", 100), ("nogroup", 65534),
)  # fmt: skip
_MADE_UP = {
    "etc/passwd": "".join(
        f"{name}:x:{uid}:{uid}:{name}:{home}:{shell or '/usr/sbin/nologin'}\n" for name, uid, home, shell in _USERS
    ),
    "etc/group": "".join(f"{name}:x:{gid}:\n" for name, gid in _GROUPS),
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    "etc/hostname": "",
    "etc/resolv.conf": "",
}
ETC_ALLOWED = (
    "alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version",
    "fedora-release", "fonts", "gai.conf", "groff", "host.conf", "inputrc", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "login.defs", "magic", "magic.mime", "maven/m2.conf",
    "mime.types", "mke2fs.conf", "nsswitch.conf", "os-release", "perl", "pki/ca-trust/extracted", "pki/tls/cert.pem",
    "pki/tls/certs", "pki/tls/openssl.cnf", "postgresql-common", "profile", "protocols", "redhat-release", "rpc",
    "services", "shells", "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "system-release", "terminfo", "timezone",
    "xattr.conf", "xml",
)  # fmt: skip
"""Places in /etc that programs in /usr need. Not here: what may hold a password, such as pip.conf, npmrc, apt."""
_FAMILIES = ("java-", "python3")
"""The same for what has its version in its name: `python3.11`, `java-17-openjdk`."""
_NEVER = ("private", "password", "passwd", "shadow", "secret")
_FILE_MAX = 4 << 20
_PROGRAMS = ("sh", "ls", "env")

Member = tuple[Entry, bytes]


def check_merged(machine: str) -> None:
    """Raises Unsupported unless /bin and /lib are links into /usr: else /usr alone is no system."""
    for name in ("bin", "lib"):
        link = _readlink(os.path.join(machine, name))
        if link.strip("/") != f"usr/{name}":
            raise Unsupported(
                f'"/{name}" of this machine is not a link to "/usr/{name}"', subject=f"/{name}",
                hint='image: host needs a merged /usr (Debian: the package "usrmerge"); use an image instead',
            )  # fmt: skip


def fingerprint(machine: str) -> str:
    """Changes whenever the made-up layer would: names, sizes and times of all that it is made from."""
    digest = sha256(repr((_DIRECTORIES, _LINKS, _MADE_UP, ETC_ALLOWED)).encode())
    digest.update(repr([_readlink(os.path.join(machine, name)) for name in _MERGED]).encode())
    digest.update(repr([(e.name, e.is_dir(follow_symlinks=False)) for e in _usr(machine)]).encode())
    for path, info in _allowed(machine):
        stamp = (path, info.st_mode, info.st_size, info.st_mtime_ns, info.st_ino)
        digest.update(repr(stamp).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def skeleton(machine: str, *, over_usr: bool) -> Iterator[Member]:
    """Everything but /etc. `over_usr`: for an overlay whose next lower is /usr, whose own top is hidden."""
    for path, mode in _DIRECTORIES.items():
        yield Entry(path, "directory", mode), b""
    links = {name: link.lstrip("/") for name in _MERGED if (link := _readlink(os.path.join(machine, name)))}
    for path, link in (links | _LINKS).items():
        yield Entry(path, "symlink", 0o777, link=link), b""
    for path, text in _MADE_UP.items():
        yield _file(path, text.encode())
    if not over_usr:
        return
    for item in _usr(machine):
        if item.is_dir(follow_symlinks=False):
            yield Entry(f"usr/{item.name}", "directory", 0o755), b""
        elif item.is_symlink():
            yield Entry(f"usr/{item.name}", "symlink", 0o777, link=os.readlink(item.path)), b""
        if item.name in _DIRECTORIES:
            yield _file(f"{item.name}/{OPAQUE}", b"")
        elif item.name not in links:
            yield _file(f"{WHITEOUT}{item.name}", b"")


def etc(machine: str) -> Iterator[Member]:
    """The allowed part of /etc: links as they are, files whose content everybody may read."""
    made = {"etc"}
    for path, info in _allowed(machine):
        for parent in _parents(path):
            if parent not in made:
                made.add(parent)
                yield Entry(parent, "directory", 0o755), b""
        if stat.S_ISDIR(info.st_mode):
            if path not in made:
                made.add(path)
                yield Entry(path, "directory", 0o755), b""
        elif stat.S_ISLNK(info.st_mode):
            yield Entry(path, "symlink", 0o777, link=_readlink(os.path.join(machine, path))), b""
        elif (content := _content(os.path.join(machine, path))) is not None:
            yield _file(path, content, stat.S_IMODE(info.st_mode) & 0o755)


def usr_directories(machine: str) -> list[str]:
    """The directories directly below /usr, sorted."""
    return [item.name for item in _usr(machine) if item.is_dir(follow_symlinks=False)]


def missing_programs(machine: str) -> list[str]:
    """What a container can hardly do without and this machine does not have."""
    return [name for name in _PROGRAMS if not os.path.lexists(os.path.join(machine, "usr/bin", name))]


def mounts_below_usr(machine: str) -> list[str]:
    """Mounts inside /usr, which overlayfs does not show (a lower is one file system)."""
    top = os.path.join(os.path.realpath(machine), "usr") + "/"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = [line.split(" ", 5)[4] for line in file]
    return sorted(point for point in points if point.startswith(top))


def _usr(machine: str) -> list[os.DirEntry[str]]:
    with os.scandir(os.path.join(machine, "usr")) as found:
        return sorted(found, key=lambda item: item.name)


def _allowed(machine: str) -> Iterator[tuple[str, os.stat_result]]:
    """(path such as `etc/services`, lstat) of everything allowed, parents first, sorted."""
    top = os.path.join(machine, "etc")
    names = {*ETC_ALLOWED, *(name for name in os.listdir(top) if _is_family(name))}
    for name in sorted(names):
        yield from _tree(machine, f"etc/{name}")


def _is_family(name: str) -> bool:
    return name.startswith(_FAMILIES)


def _tree(machine: str, path: str) -> Iterator[tuple[str, os.stat_result]]:
    if any(word in os.path.basename(path) for word in _NEVER):
        return
    try:
        info = os.lstat(os.path.join(machine, path))
        names = sorted(os.listdir(os.path.join(machine, path))) if stat.S_ISDIR(info.st_mode) else []
    except OSError:
        return  # not on this machine, or not for us
    readable = stat.S_ISLNK(info.st_mode) or bool(info.st_mode & stat.S_IROTH)
    if not readable or not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode) or stat.S_ISLNK(info.st_mode)):
        return
    yield path, info
    for name in names:
        yield from _tree(machine, f"{path}/{name}")


def _content(path: str) -> bytes | None:
    """None for what is too large for a configuration file, gone, or a private key."""
    try:
        with open(path, "rb") as file:
            content = file.read(_FILE_MAX + 1)
    except OSError:
        return None
    return None if len(content) > _FILE_MAX or b"PRIVATE KEY-----" in content else content


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _file(path: str, content: bytes, mode: int = 0o644) -> Member:
    return Entry(path, "file", mode, size=len(content)), content


def _readlink(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
