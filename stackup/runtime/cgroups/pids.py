"""How many processes and threads a container may have. Pure, hot. Source: admin-guide/cgroup-v2.rst, cgroup-v1/pids."""

from __future__ import annotations

from stackup.runtime.cgroups.setting import Setting, most

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.runtime.spec import Limits


def settings(limits: Limits) -> Iterator[Setting]:
    """Alike on v2 and v1."""
    yield Setting(("pids",), "pids.max", most(limits["pids"]))
