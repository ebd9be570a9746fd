"""What a container may use: its control groups, its limits written and read back as the kernel has them. Hot.

Law: a limit is what the kernel says it is. `read` gives the fields of the normal form from the kernel's files, and
`apply` gives what did not stick. Groups lie at `stackup/<stack>/<container>` beneath the highest directory of each
hierarchy that we may write, never beneath the caller's own group, which may end with the caller's session.
"""

from __future__ import annotations

import os

from stackup.errors import HostError, KernelError, Unsupported
from stackup.kernel import cgroupfs, proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from stackup.runtime.spec import Limits

HOME = "stackup"
CONTROLLERS = ("memory", "cpu", "cpuset", "pids")
_V1 = (*CONTROLLERS, "devices", "freezer")
_PERIOD = 100_000
_MAX_V1 = 1 << 62  # v1 spells "unlimited" as the highest multiple of the page size
_DEFAULT_SHARES, _DEFAULT_WEIGHT = 1024, 100
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Cgroups:
    """Where this host's groups are. `homes` are directories that hold ours, by controller; on v2 one, named ``.

    On the hybrid of both, limits are v1's and the empty v2 hierarchy is joined as well: its `cgroup.kill` and
    `cgroup.freeze` need no controller.
    """

    __slots__ = ("_whole", "homes", "version")

    def __init__(self, version: int, homes: Mapping[str, str]) -> None:
        self.version, self.homes = version, dict(homes)
        self._whole: set[str] = set()

    @classmethod
    def detect(cls, mounts: Iterable[proc.Mount], own: Mapping[str, str]) -> Cgroups:
        """`own` is /proc/self/cgroup: for a user without root, the delegated groups lie on the way to it."""
        unified, controllers = "", {}
        for mount in mounts:
            if mount.fstype == "cgroup2":
                unified = mount.place
            elif mount.fstype == "cgroup":
                names = [name for name in mount.super_options if name in _V1]
                controllers.update(dict.fromkeys(names, mount.place))
        given = (cgroupfs.read([unified], "cgroup.controllers") or "").split() if unified else []
        if "memory" in given or "pids" in given or (unified and not controllers):
            return cls(2, {"": _writable(unified, own.get("", "/"))})
        if not controllers:
            raise Unsupported("this machine has no control groups mounted", hint="mount cgroup2 at /sys/fs/cgroup")
        if unified:
            controllers.pop("freezer", None)
            controllers[""] = unified
        return cls(1, {name: _writable(place, _own_path(own, name)) for name, place in controllers.items()})

    def directories(self, stack: str, container: str) -> list[str]:
        """Without making them. Controllers that share a hierarchy (`cpu,cpuacct`) share a directory."""
        inner = os.path.join(HOME, stack, container)
        return list(dict.fromkeys(os.path.join(home, inner) for home in self.homes.values()))

    def inside(self, stack: str, container: str) -> dict[str, str]:
        """Name beneath the container's /sys/fs/cgroup to its directory: what `RootPlan.cgroups` takes."""
        inner = os.path.join(HOME, stack, container)
        if self.version == 2:
            return {"": os.path.join(self.homes[""], inner)}
        return {name or "unified": os.path.join(home, inner) for name, home in self.homes.items()}

    def create(
        self,
        stack: str,
        container: str,
        limits: Limits | None = None,
        devices: Sequence[str] = (),
        *,
        strict: bool = False,
    ) -> list[str]:
        """Made, and limited before anybody is inside. Raises HostError when the kernel refuses a limit.

        `strict`: the rules for devices say more than which nodes there are, so it will not do without them.
        """
        for home in dict.fromkeys(self.homes.values()):
            top = os.path.join(home, HOME)
            self._make_stack(home, top, os.path.join(top, stack))
            cgroupfs.make(os.path.join(top, stack, container))
        found = self.directories(stack, container)
        if devices:
            _allow(found, devices, strict=strict)
        if limits is not None:
            for field, problem in _write_all(found, limits).items():
                hint = f"change the limit, or give this machine what it lacks ({problem.subject})"
                wanted = limits[field]  # type: ignore[literal-required]
                raise HostError(f'the kernel refuses "{field}: {wanted}"', subject=field, hint=hint) from problem
        return found

    def _make_stack(self, home: str, top: str, group: str) -> None:
        """What a container's group lies in. Once for all of a command: what is in it keeps it from being pruned."""
        if group in self._whole:
            return
        for parent, folder in ((home, top), (top, group)):
            if self.version == 2:
                _hand_down(parent)
            cgroupfs.make(folder)
        if self.version == 2:
            _hand_down(group)
        self._whole.add(group)

    def remove_stack(self, stack: str) -> None:
        """The stack's own groups, once its containers' are gone."""
        for home in dict.fromkeys(self.homes.values()):
            for folder in cgroupfs.below(os.path.join(home, HOME, stack)):
                cgroupfs.prune(folder)
            cgroupfs.prune(os.path.join(home, HOME))


def detect() -> Cgroups:
    return Cgroups.detect(proc.mounts(), proc.cgroups())


def _own_path(own: Mapping[str, str], controller: str) -> str:
    for names, path in own.items():
        if controller in names.split(","):
            return path
    return "/"


def _writable(place: str, own: str) -> str:
    """The highest group on the way from the mount to our own that we may make groups in."""
    folder = place
    for name in ("", *own.strip("/").split("/")):
        folder = os.path.join(folder, name) if name else folder
        if os.access(folder, os.W_OK) and os.access(os.path.join(folder, "cgroup.procs"), os.W_OK):
            return folder
    return place


def _hand_down(folder: str) -> None:
    """v2: a group has the controllers that its parent hands down. What the machine does not have is left out."""
    given = set((cgroupfs.read([folder], "cgroup.controllers") or "").split())
    handed = set((cgroupfs.read([folder], "cgroup.subtree_control") or "").split())
    for name in sorted((given & {*CONTROLLERS, "io"}) - handed):
        try:
            cgroupfs.write([folder], "cgroup.subtree_control", f"+{name}")
        except KernelError as problem:
            hint = "processes in the group itself keep it from handing controllers down"
            raise HostError(problem.message, subject=folder, hint=hint) from problem


def _allow(dirs: Sequence[str], rules: Sequence[str], *, strict: bool) -> None:
    """The device controller: files on v1, a program on v2. Nodes elsewhere than in /dev are inert without either."""
    if cgroupfs.write(dirs, "devices.deny", "a"):
        for rule in rules:
            cgroupfs.write(dirs, "devices.allow", rule)
        return
    unified = next((folder for folder in dirs if os.path.exists(os.path.join(folder, "cgroup.controllers"))), "")
    try:
        if not unified:
            raise Unsupported("this machine has no device controller", subject="devices")
        from stackup.kernel import devicefilter  # for starts on v2 only

        devicefilter.attach(unified, rules)
    except (KernelError, Unsupported) as problem:
        if strict:
            hint = "permissions of devices and device_cgroup_rules need it; leave them out, or use a kernel with it"
            raise HostError(f"no device controller: {problem.message}", subject="devices", hint=hint) from problem


def apply(dirs: Sequence[str], limits: Limits) -> list[tuple[str, object, object]]:
    """Write all limits, lowering and lifting alike; (field, wanted, got) of those that did not stick."""
    refused = _write_all(dirs, limits)
    live = as_wanted(limits, read(dirs))
    missed = [(field, wanted, live[field]) for field, wanted in limits.items() if wanted != live[field]]
    return [(field, wanted, got) for field, wanted, got in missed if _limited(wanted) or field in refused]


def _write_all(dirs: Sequence[str], limits: Limits) -> dict[str, KernelError]:
    """What the kernel said no to, by field. A controller that the machine does not have is nobody's no."""
    refused = {}
    for field, writes in _writes(dirs, limits):
        for name, text in writes:
            try:
                cgroupfs.write(dirs, name, text)
            except KernelError as problem:
                refused[field] = problem
    return refused


def _limited(wanted: object) -> bool:
    return wanted not in (0, 0.0, "", -1)


def _writes(dirs: Sequence[str], limits: Limits) -> list[tuple[str, list[tuple[str, str]]]]:
    return _writes_v2(limits) if _is_v2(dirs) else _writes_v1(dirs, limits)


def _is_v2(dirs: Sequence[str]) -> bool:
    return len(dirs) == 1 and os.path.exists(os.path.join(dirs[0], "cgroup.controllers"))


def _quota(limits: Limits) -> tuple[int, int]:
    """(quota, period) in microseconds; quota -1: unlimited."""
    if limits["cpus"] > 0:
        return max(1000, round(limits["cpus"] * _PERIOD)), _PERIOD  # the kernel takes a millisecond at least
    return (limits["cpu_quota"] if limits["cpu_quota"] > 0 else -1), limits["cpu_period"] or _PERIOD


def _swap(limits: Limits) -> int:
    """Memory plus swap; -1 unlimited. Unset means as much swap as memory, as in Docker."""
    if limits["memory"] <= 0 or limits["memory_swap"] < 0:
        return -1
    return limits["memory_swap"] or 2 * limits["memory"]


def _writes_v2(limits: Limits) -> list[tuple[str, list[tuple[str, str]]]]:
    memory, swap, (quota, period) = limits["memory"], _swap(limits), _quota(limits)
    return [
        ("memory", [("memory.max", _or_max(memory))]),
        ("memory_swap", [("memory.swap.max", _or_max(swap - memory if swap > 0 else -1, zero=swap == memory))]),
        ("memory_reservation", [("memory.low", str(max(0, limits["memory_reservation"])))]),
        ("cpus", [("cpu.max", f"{_or_max(quota)} {period}")]),
        ("cpu_shares", [("cpu.weight", str(weight_of(limits["cpu_shares"]) if limits["cpu_shares"] else 100))]),
        ("cpuset", [("cpuset.cpus", limits["cpuset"] or "\n")]),
        ("pids", [("pids.max", _or_max(limits["pids"]))]),
    ]


def _or_max(value: int, *, zero: bool = False) -> str:
    return str(value) if value > 0 or (zero and value == 0) else "max"


def _writes_v1(dirs: Sequence[str], limits: Limits) -> list[tuple[str, list[tuple[str, str]]]]:
    quota, period = _quota(limits)
    memory, swap = limits["memory"] if limits["memory"] > 0 else -1, _swap(limits)
    pair = [("memory.limit_in_bytes", str(memory)), ("memory.memsw.limit_in_bytes", str(swap))]
    return [
        ("memory", _memory_order(dirs, pair, swap)),
        ("memory_reservation", [("memory.soft_limit_in_bytes", str(limits["memory_reservation"] or -1))]),
        ("cpus", [("cpu.cfs_period_us", str(period)), ("cpu.cfs_quota_us", str(quota))]),
        ("cpu_shares", [("cpu.shares", str(limits["cpu_shares"] or _DEFAULT_SHARES))]),
        ("cpuset", [("cpuset.cpus", limits["cpuset"] or _parents_cpus(dirs))]),
        ("pids", [("pids.max", _or_max(limits["pids"]))]),
    ]


def _memory_order(dirs: Sequence[str], pair: list[tuple[str, str]], swap: int) -> list[tuple[str, str]]:
    """v1 keeps memory at or below memory-and-swap at every moment, so what grows most goes first."""
    now = int(cgroupfs.read(dirs, "memory.memsw.limit_in_bytes") or 0)
    return pair[::-1] if swap < 0 or swap > now else pair


def _parents_cpus(dirs: Sequence[str]) -> str:
    return cgroupfs.read([os.path.dirname(folder) for folder in dirs], "cpuset.cpus") or ""


def weight_of(shares: int) -> int:
    """cpu.shares 2 to 262144 onto cpu.weight 1 to 10000, as every runtime maps them."""
    return 1 + (min(max(shares, 2), 262144) - 2) * 9999 // 262142


def shares_of(weight: int) -> int:
    return 2 + (weight - 1) * 262142 // 9999


def read(dirs: Sequence[str]) -> dict[str, Any]:
    """The kernel's word in fields of the normal form: 0 and "" not limited. Empty when the group is gone.

    `cpus` and the pair of `cpu_quota` and `cpu_period` are two spellings of one thing: both are given.
    """
    if not any(os.path.isdir(folder) for folder in dirs):
        return {}
    return {**_read_memory(dirs), **_read_cpu(dirs), "pids": _number(cgroupfs.read(dirs, "pids.max"))}


def _number(text: str | None) -> int:
    if text is None or text == "max":
        return 0
    value = int(text)
    return 0 if value < 0 or value >= _MAX_V1 else value


def _read_memory(dirs: Sequence[str]) -> dict[str, int]:
    if cgroupfs.read(dirs, "memory.limit_in_bytes") is not None:
        return {
            "memory": _number(cgroupfs.read(dirs, "memory.limit_in_bytes")),
            "memory_swap": _number(cgroupfs.read(dirs, "memory.memsw.limit_in_bytes")),
            "memory_reservation": _number(cgroupfs.read(dirs, "memory.soft_limit_in_bytes")),
        }
    memory, swap = _number(cgroupfs.read(dirs, "memory.max")), cgroupfs.read(dirs, "memory.swap.max")
    total = 0 if swap in (None, "max") or not memory else memory + int(swap or 0)
    return {
        "memory": memory,
        "memory_swap": total,
        "memory_reservation": _number(cgroupfs.read(dirs, "memory.low")),
    }


def _read_cpu(dirs: Sequence[str]) -> dict[str, Any]:
    both = cgroupfs.read(dirs, "cpu.max")
    if both is not None:
        limit, _, length = both.partition(" ")
        quota, period = _number(limit), int(length)
        weight = int(cgroupfs.read(dirs, "cpu.weight") or _DEFAULT_WEIGHT)
        shares = 0 if weight == _DEFAULT_WEIGHT else shares_of(weight)
        cpuset = cgroupfs.read(dirs, "cpuset.cpus") or ""
    else:
        quota = _number(cgroupfs.read(dirs, "cpu.cfs_quota_us"))
        period = int(cgroupfs.read(dirs, "cpu.cfs_period_us") or _PERIOD)
        shares = int(cgroupfs.read(dirs, "cpu.shares") or _DEFAULT_SHARES)
        shares = 0 if shares == _DEFAULT_SHARES else shares
        cpuset = cgroupfs.read(dirs, "cpuset.cpus") or ""
        cpuset = "" if cpuset == _parents_cpus(dirs) else cpuset
    return {
        "cpus": quota / period if quota else 0.0,
        "cpu_quota": quota,
        "cpu_period": 0 if period == _PERIOD else period,
        "cpu_shares": shares,
        "cpuset": cpuset,
    }


def as_wanted(wanted: Limits, live: Mapping[str, Any]) -> dict[str, Any]:
    """The kernel's word in the file's spelling: a field that says the same thing in other words takes the wanted value.

    Memory is counted in pages, shares become weights, `0,1` reads `0-1`, unset swap is set to something.
    """
    if not live:
        return dict.fromkeys(wanted)
    same = {
        "memory": _page(wanted["memory"]) == live["memory"],
        "memory_reservation": _page(wanted["memory_reservation"]) == live["memory_reservation"],
        "memory_swap": max(0, _page(_swap(wanted))) == live["memory_swap"],
        "cpu_shares": _same_shares(wanted["cpu_shares"], live["cpu_shares"]),
        "cpuset": cpu_numbers(wanted["cpuset"]) == cpu_numbers(live["cpuset"]),
        "pids": max(0, wanted["pids"]) == live["pids"],
    }
    found = {field: wanted[field] if fine else live[field] for field, fine in same.items()}  # type: ignore[literal-required]
    quota, period = _quota(wanted)
    alike = (max(0, quota), period) == (live["cpu_quota"], live["cpu_period"] or _PERIOD)
    for field in ("cpus", "cpu_quota", "cpu_period"):
        found[field] = wanted[field] if alike else live[field]
    if not alike:  # only the spelling that the file uses is compared
        found.update({"cpu_quota": 0, "cpu_period": 0} if not wanted["cpu_quota"] else {"cpus": 0.0})
    return found


def _page(size: int) -> int:
    return size // _PAGE * _PAGE if size > 0 else 0


def _same_shares(wanted: int, live: int) -> bool:
    return (wanted or _DEFAULT_SHARES) == (live or _DEFAULT_SHARES) or (
        live == shares_of(weight_of(wanted)) if wanted else False
    )


def cpu_numbers(text: str) -> frozenset[int]:
    """`0-2,5` as numbers; what is not a list of processors is nothing."""
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)
