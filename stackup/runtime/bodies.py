"""What a monitor's children do before they exec: the container's own set-up, and joining a running container."""

from __future__ import annotations

import os

from stackup.kernel import abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.runtime.description import Description, Process


class Bodies:
    def flags(self, description: Description) -> int:
        return abi.CLONE_NEWPID if not description["namespaces"]["pid"] else 0

    def become(self, description: Description, report: int) -> None:
        process = description["process"]
        for directory in description["cgroups"]:
            with open(os.path.join(directory, "cgroup.procs"), "w") as file:
                file.write("0")
        os.execvpe(process["argv"][0], process["argv"], process["env"])

    def join(self, description: Description, process: Process, init: int, cgroups: list[str], report: int) -> None:
        os.execvpe(process["argv"][0], process["argv"], process["env"])
