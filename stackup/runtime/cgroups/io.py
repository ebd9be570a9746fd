"""Rates and weights of block devices. For containers with `blkio_config` only.

Rates hold on any disk. Weights are a scheduler's: BFQ's, or io.cost's of v2; where a disk has neither, that is said.
A device is told by the number of its node, which is looked up each time and must be a block device's.
Source: admin-guide/cgroup-v2.rst, cgroup-v1/blkio-controller.rst, block/bfq-iosched.rst.
"""

from __future__ import annotations

import os
import stat

from stackup.kernel import cgroupfs
from stackup.runtime.cgroups.setting import NoDevice, Setting, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stackup.runtime.spec import Io, Limits

RATES = {"read_bps": "rbps", "write_bps": "wbps", "read_iops": "riops", "write_iops": "wiops"}
"""Our names to v2's; v1 has a file for each."""
_WEIGHTS = ("io.bfq.weight", "io.weight", "blkio.bfq.weight", "blkio.weight")
_NO_WEIGHT = "weights of block devices have no effect: {} has no scheduler that weighs (bfq)"


def settings(limits: Limits, dirs: Sequence[str]) -> Iterator[Setting]:
    """What is asked for, and what of other devices is there and must go."""
    asked: Io = limits.get("io") or {"weight": 0, "devices": {}}
    numbers = {path: device_number(path) for path in asked["devices"]}
    file = next((name for name in _WEIGHTS if cgroupfs.read(dirs, name) is not None), "io.weight")
    yield _weight(asked["weight"], file)
    own = f"{file}_device" if file.startswith("blkio") else file
    for key, path in _devices(dirs, numbers, own):
        yield _device_weight(asked["devices"].get(path, {}).get("weight", 0), own, key, path)
    unified = cgroupfs.read(dirs, "io.max") is not None
    for rate, name in RATES.items():
        own = "io.max" if unified else f"blkio.throttle.{rate}_device"
        for key, path in _devices(dirs, numbers, own):
            value: int = asked["devices"].get(path, {}).get(rate, 0)  # type: ignore[assignment]
            yield _rate(value, rate, (own, name if unified else ""), key, path)


def device_number(path: str) -> str:
    """`8:0`. Raises NoDevice when there is no block device."""
    try:
        found = os.stat(path)
    except (OSError, ValueError) as problem:
        raise NoDevice(f'there is no device "{path}"', subject=path, hint="see: lsblk, or ls /sys/block") from problem
    if not stat.S_ISBLK(found.st_mode):
        raise NoDevice(f'"{path}" is not a block device', subject=path, hint="name a disk's node, such as /dev/sda")
    return f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"


def _devices(dirs: Sequence[str], numbers: Mapping[str, str], file: str) -> Iterator[tuple[str, str]]:
    """(number, path) of each that is asked for; one that the kernel has besides goes by its number."""
    yield from ((key, path) for path, key in numbers.items())
    for line in (cgroupfs.read(dirs, file) or "").splitlines():
        key = line.split(" ")[0]
        if ":" in key and key not in numbers.values():
            yield key, key


def _weight(weight: int, file: str) -> Setting:
    """Compose counts 10 to 1000, as BFQ does with 1 to 1000; io.weight counts 1 to 10000."""
    value = _scaled(weight) if file == "io.weight" else weight
    text = str(value if weight else 100)
    return Setting(("io", "weight"), file, text, _default, 100, _NO_WEIGHT.format("this machine"))


def _default(text: str) -> int:
    """Of `300`, or of the line `default 300` that stands before those of single devices."""
    return int(text.splitlines()[0].split()[-1])


def _scaled(weight: int) -> int:
    return 1 + (weight - 10) * 9999 // 990


def _device_weight(weight: int, file: str, key: str, path: str) -> Setting:
    value = _scaled(weight) if file == "io.weight" else weight
    text = f"{key} {value if weight else 'default'}"
    place = file if _weighs(file, key) else f"no.{file}"
    return Setting(("io", "devices", path, "weight"), place, text, _line(key, ""), 0, _NO_WEIGHT.format(f'"{path}"'))


def _weighs(file: str, key: str) -> bool:
    """Whether the disk has the scheduler, or the cost model, that the file is of."""
    if file == "io.weight":
        models = (cgroupfs.read(["/sys/fs/cgroup"], "io.cost.qos") or "").splitlines()
        return any(line.startswith(f"{key} enable=1") for line in models)
    return "[bfq]" in (cgroupfs.read([f"/sys/dev/block/{key}/queue"], "scheduler") or "")


def _rate(rate: int, name: str, place: tuple[str, str], key: str, path: str) -> Setting:
    file, word = place
    text = f"{key} {word}={rate or 'max'}" if word else f"{key} {rate}"
    return Setting(("io", "devices", path, name), file, text, _line(key, word))


def _line(key: str, word: str) -> Callable[[str], int]:
    """Reads what a device's line says, of one word in it where there are several; 0 where there is no line."""

    def tell(text: str) -> int:
        for line in text.splitlines():
            name, *values = line.split()
            if name == key:
                said = dict(value.split("=") for value in values) if word else {"": values[0]}
                return 0 if said.get(word, "max") == "default" else number(said.get(word, "max"))
        return 0

    return tell
