"""Small keys of isolation, as a user meets them."""

from __future__ import annotations

import grp
import os
import resource
from pathlib import Path

import pytest

from tests.scenarios.isolation.conftest import SLEEP, Isolated

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_scores_and_control_groups_must_be_as_the_file_says(isolated: Isolated) -> None:
    isolated.stack(f"web: {SLEEP}, oom_score_adj: 321", f"all: {SLEEP}, cgroup: host")
    isolated("up -d")
    assert (
        isolated.inside("exec", "-T", "web", "cat", "/proc/1/oom_score_adj", "/proc/self/oom_score_adj") == "321\n321\n"
    )
    assert "/stackup/iso/" in isolated.inside("exec", "-T", "all", "cat", "/proc/1/cgroup")
    assert "/stackup/iso/" not in isolated.inside("exec", "-T", "web", "cat", "/proc/1/cgroup")
    isolated("down -t 0")


def test_ipc_and_host_names_must_be_shared_with_whom_the_file_says(isolated: Isolated) -> None:
    isolated.stack(
        f"lender: {SLEEP}, ipc: shareable",
        f"sharer: {SLEEP}, ipc: 'service:lender'",
        f"own: {SLEEP}, ipc: private, hostname: own",
        f"none: {SLEEP}, ipc: none",
        f"host: {SLEEP}, ipc: host, uts: host",
    )
    isolated("up -d")

    def seen(service: str, *words: str) -> str:
        return isolated.inside("exec", "-T", service, *words)

    spaces = {name: seen(name, "readlink", "/proc/self/ns/ipc") for name in ("lender", "sharer", "own", "none", "host")}
    assert spaces["lender"] == spaces["sharer"]
    assert len({*spaces.values()}) == 4
    assert spaces["host"].strip() == os.readlink("/proc/self/ns/ipc")
    seen("lender", "touch", "/dev/shm/lent")
    assert seen("sharer", "ls", "/dev/shm") == "lent\n"
    assert seen("own", "ls", "/dev/shm") == ""
    assert " /dev/shm " not in seen("none", "cat", "/proc/mounts")
    assert seen("host", "hostname").strip() == os.uname().nodename
    assert seen("own", "hostname") == "own\n"
    isolated("down -t 0")


def test_groups_by_name_and_limits_must_hold_or_be_refused(isolated: Isolated) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    isolated.stack(
        f"web: {SLEEP}, user: nobody, group_add: [audio, 4242], ulimits: {{nofile: {{soft: 100, hard: 200}}, core: 0}}",
        f"more: {SLEEP}, ulimits: {{nofile: {hard + 1}}}",
    )
    isolated("up -d web")
    groups = isolated.inside("exec", "-T", "web", "id", "-G").split()
    assert groups[1:] == [str(grp.getgrnam("audio").gr_gid), "4242"]
    limits = isolated.inside("exec", "-T", "web", "sh", "-c", "ulimit -n; ulimit -Hn; ulimit -c").split()
    assert limits == ["100", "200", "0"]
    if may_raise_limits():
        isolated("up -d more")
    else:
        told = isolated.told("up -d more", code=1)
        assert f'the limit "nofile" cannot be raised above {hard} here' in told
        assert "raise the limit of the shell or service that runs stackup" in told
    isolated("down -t 0")


def may_raise_limits() -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(line for line in lines if line.startswith("CapEff"))
    return bool(int(effective.split()[1], 16) >> 24 & 1)  # CAP_SYS_RESOURCE
