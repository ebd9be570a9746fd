"""Is the container healthy: a pure function of the probes so far, and when to ask again.

Hot. Docker's rules with one difference: the first probe comes at once. Probes that docker would not have made yet
(before the first interval has passed) can only make a container healthy, never unhealthy, and come quickly at first.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.runtime.description import Health, HealthStatus, Probe

SECOND = 1_000_000_000
KEPT_PROBES = 5
KEPT_OUTPUT = 4096
EAGER_S = 0.25
TIMED_OUT = -1
_DEFAULT = {"interval": 30 * SECOND, "timeout": 30 * SECOND, "retries": 3, "start_period": 0}


def setting(health: Health, name: str) -> int:
    """A duration in nanoseconds or a count, with docker's default where it is 0."""
    value = int(health.get(name) or 0)  # type: ignore[call-overload]
    if name == "start_interval" and not value:
        return min(5 * SECOND, setting(health, "interval"))
    return value or _DEFAULT[name]


def command(health: Health | None) -> list[str]:
    """What a probe runs; empty when there is none (`NONE`, no test)."""
    test = list(health["test"]) if health and health.get("test") else ["NONE"]
    if test[0] == "NONE":
        return []
    if test[0] == "CMD-SHELL":
        return ["/bin/sh", "-c", " ".join(test[1:])]
    return test[1:] if test[0] == "CMD" else test


def starting() -> HealthStatus:
    return {"status": "starting", "failing": 0, "log": []}


def judge(health: Health, before: HealthStatus, probe: Probe, up_s: float) -> HealthStatus:
    """The state after one more probe that ended `up_s` seconds after the container's start."""
    log = [*before["log"], probe][-KEPT_PROBES:]
    if probe["exit_code"] == 0:
        return {"status": "healthy", "failing": 0, "log": log}
    lenient = max(setting(health, "start_period"), setting(health, "interval")) / SECOND
    if before["status"] == "starting" and up_s < lenient:
        return {"status": "starting", "failing": 0, "log": log}
    failing = before["failing"] + 1
    status = "unhealthy" if failing >= setting(health, "retries") else before["status"]
    return {"status": status, "failing": failing, "log": log}


def pause(health: Health, now: HealthStatus, up_s: float, last: float) -> float:
    """Seconds until the next probe; `last` is the pause before this one (0 at the start)."""
    interval = setting(health, "interval") / SECOND
    if now["status"] != "starting":
        return interval
    lenient = max(setting(health, "start_period") / SECOND, interval)
    if up_s >= lenient:
        return interval
    most = min(interval, setting(health, "start_interval") / SECOND)
    return min(most, last * 2 if last else EAGER_S)
