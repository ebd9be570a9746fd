"""What a container uses in docker's words: rates between two looks, sizes in its units. Hot."""

from __future__ import annotations

from stackup.cli.views.images import human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.engines.engine import Container
    from stackup.runtime.description import Usage

HEADS = {
    "BlockIO": "BLOCK I/O", "CPUPerc": "CPU %", "Container": "CONTAINER", "ID": "CONTAINER ID", "MemPerc": "MEM %",
    "MemUsage": "MEM USAGE / LIMIT", "Name": "NAME", "NetIO": "NET I/O", "PIDs": "PIDS",
    "Pressure": "PRESSURE CPU / MEM / I/O",
}  # fmt: skip


def row(container: Container, before: Usage, now: Usage, *, whole: bool) -> dict[str, str]:
    name = container["instance"] if whole else container["instance"][:12]
    return {
        "BlockIO": f"{human(now['read'])} / {human(now['written'])}",
        "CPUPerc": f"{processor(before, now):.2f}%",
        "Container": name,
        "ID": name,
        "MemPerc": f"{_part(now):.2f}%",
        "MemUsage": f"{binary(now['memory'])} / {binary(now['memory_limit'])}",
        "Name": container["name"],
        "NetIO": f"{human(now['received'])} / {human(now['sent'])}",
        "PIDs": str(now["pids"]),
    }


def pressure(now: Usage) -> str:
    """Of the last ten seconds; -- where the kernel does not count it."""
    words = (now["pressure"].get(name) for name in ("cpu", "memory", "io"))
    return " / ".join("--" if word is None else f"{word:.2f}%" for word in words)


def own(container: Container, before: Usage, now: Usage) -> dict[str, Any]:
    """Numbers for programs: bytes, and per cent of one processor."""
    said = ("memory", "memory_limit", "received", "sent", "read", "written", "pids", "pressure")
    return {
        "container": container["name"],
        "service": container["service"],
        "cpu_percent": round(processor(before, now), 2),
        **{key: now[key] for key in said},  # type: ignore[literal-required]
    }


def processor(before: Usage, now: Usage) -> float:
    """Of one of them, so that two that are busy make 200."""
    passed = now["at"] - before["at"]
    return max(0, now["cpu"] - before["cpu"]) / passed * 100 if passed > 0 else 0.0


def _part(now: Usage) -> float:
    return now["memory"] / now["memory_limit"] * 100 if now["memory_limit"] else 0.0


def binary(size: int) -> str:
    """Four figures in units of 1024, as docker: `5.102MiB`."""
    value, unit = float(size), "B"
    for bigger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, bigger
    return f"{value:.4g}{unit}"
