"""Which namespaces are new."""

from __future__ import annotations

from typing import Any, cast

import pytest

from stackup.kernel import abi
from stackup.runtime import namespaces
from stackup.runtime.description import Description


def told(**changes: str) -> Description:
    plain: dict[str, Any] = {"net": "", "pid": "", "ipc": "", "uts": "", "cgroup": "", **changes}
    return cast(Description, {"namespaces": plain, "process": {}})


ALL = abi.CLONE_NEWNS | abi.CLONE_NEWPID | abi.CLONE_NEWIPC | abi.CLONE_NEWUTS | abi.CLONE_NEWNET


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, 0),
        ({"net": "/run/x/netns"}, abi.CLONE_NEWNET),
        ({"net": "host", "pid": "host"}, abi.CLONE_NEWNET | abi.CLONE_NEWPID),
        ({"ipc": "/proc/7/ns/ipc", "uts": "host"}, abi.CLONE_NEWIPC | abi.CLONE_NEWUTS),
    ],
)
def test_what_is_shared_is_not_made(changes: dict[str, str], missing: int) -> None:
    assert namespaces.flags(told(**changes)) == ALL & ~missing


def test_what_belongs_to_a_user_namespace_is_made_in_it() -> None:
    own = cast(Description, {**told(uts="host"), "process": {"users": "/run/x/userns"}})
    assert namespaces.flags(own) == abi.CLONE_NEWNS | abi.CLONE_NEWPID
    assert namespaces.owned(own) == abi.CLONE_NEWIPC | abi.CLONE_NEWNET
    assert namespaces.owned(told()) == 0


def test_a_monitor_whose_container_lives_elsewhere_stays_in_the_hosts_pid_namespace() -> None:
    assert namespaces.monitor_flags(told()) == abi.CLONE_NEWPID
    assert namespaces.monitor_flags(told(pid="host")) == 0
    assert namespaces.monitor_flags(told(pid="/proc/7/ns/pid")) == 0
