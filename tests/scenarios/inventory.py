"""Everything that stackup could leave on a host, as sorted lines by topic, so that before and after can be compared."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

KEPT = ("images", "cache", "locks", "events", "key")
"""Below the state root, these are meant to outlive a stack: images, what saves parsing, the locks' empty files, what
happened, and the key of the host's own secrets."""
OWN = ("", "stacks", "host.lock")
"""Below each root, what says nothing about any stack: the root itself, the empty folder of stacks, an empty lock."""
SYSCTLS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/conf/all/route_localnet")


def inventory(folders: list[str], roots: tuple[str, ...]) -> dict[str, list[str]]:
    return {
        "links": _links(),
        "routes": _ip("route", "show", "table", "all"),
        "rules": _ip("rule"),
        "nftables": _nftables(),
        "sysctls": [f"{name} {Path('/proc/sys', name).read_text().strip()}" for name in SYSCTLS],
        "mounts": _mounts(),
        "cgroups": _cgroups(),
        "processes": _processes(),
        "files": [line for folder in folders for line in _files(folder, roots)],
    }


def difference(before: dict[str, list[str]], after: dict[str, list[str]]) -> str:
    """What came and went, by topic; empty when nothing did."""
    lines = []
    for topic, was in before.items():
        now = after[topic]
        lines += [f"{topic}: + {line}" for line in now if line not in was]
        lines += [f"{topic}: - {line}" for line in was if line not in now]
    return "\n".join(lines)


def _links() -> list[str]:
    done = subprocess.run(["ip", "-j", "address"], check=True, capture_output=True, text=True)
    return [
        f"{link['ifname']} {link['operstate']} {[address['local'] for address in link['addr_info']]}"
        for link in json.loads(done.stdout or "[]")
    ]


def _ip(*words: str) -> list[str]:
    return subprocess.run(["ip", *words], check=False, capture_output=True, text=True).stdout.splitlines()


def _nftables() -> list[str]:
    return subprocess.run(["nft", "list", "ruleset"], check=False, capture_output=True, text=True).stdout.splitlines()


def _mounts() -> list[str]:
    """Where, from what, which options; not the numbers, which depend on what was mounted in between."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        rest = fields[fields.index("-") + 1 :]
        found.append(f"{fields[4]} {fields[3]} {fields[5]} {rest[0]} {rest[1]}")
    return sorted(found)


def _cgroups() -> list[str]:
    return sorted(path for path, _, _ in os.walk("/sys/fs/cgroup"))


def _processes() -> list[str]:
    """Without this one, which is process 1 and its children for the moment; what ended and was not reaped counts not."""
    found = []
    for name in os.listdir("/proc"):
        try:
            status = Path("/proc", name, "status").read_text() if name.isdigit() and name != "1" else ""
            arguments = Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if status and "\nState:\tZ" not in status:
            found.append(f"{status.splitlines()[0].split()[1]} {arguments.strip()}")
    return sorted(found)


def _files(folder: str, roots: tuple[str, ...]) -> list[str]:
    """Names, owners, modes, and contents of regular files."""
    kept = {os.path.join(root, name) for root in roots for name in KEPT}
    own = {os.path.join(root, name).rstrip("/") for root in roots for name in OWN}
    found = []
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if os.path.join(path, name) not in kept]
        for full in (os.path.join(path, name) for name in [*folders, *files]):
            if full in own or full in kept:
                continue
            entry = os.lstat(full)
            found.append(f"{full} {entry.st_uid}:{entry.st_gid} {entry.st_mode:o} {_digest(full)}")
    return sorted(found)


def _digest(path: str) -> str:
    if os.path.islink(path):
        return os.readlink(path)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if os.path.isfile(path) else ""
