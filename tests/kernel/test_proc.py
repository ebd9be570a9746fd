"""procfs text that real kernels print, odd names included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from stackup.kernel import proc

STAT = "1234 (a) b (c) S 1 1234 1234 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 100 18446744073709551615\n"
MOUNTINFO = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
28 27 0:25 /sub\040dir /mnt/a\040b\134c ro,nosuid shared:2 master:1 - ext4 /dev/vda rw,discard
31 27 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
garbage
"""


def test_a_name_with_parentheses_does_not_move_the_start_time() -> None:
    assert proc.parse_start(STAT) == 987654
    assert proc.parse_state(STAT) == "S"


def test_who_is_on_its_way_out_says_so_in_its_flags() -> None:
    ahead, _, rest = STAT.rpartition(")")
    fields = rest.split()
    fields[6] = str(0x400104)
    assert proc.parse_ending(f"{ahead}) {' '.join(fields)}")
    fields[6] = str(0x400100)
    assert not proc.parse_ending(f"{ahead}) {' '.join(fields)}")
    assert not proc.ending(os.getpid())
    assert proc.ending(2**22 + 1)


def test_mountinfo_with_escapes_and_optional_fields() -> None:
    first, second, third = proc.parse_mountinfo(MOUNTINFO)
    assert (first.place, first.fstype, first.propagation) == ("/proc", "proc", [])
    assert (second.root, second.place, second.propagation) == ("/sub dir", "/mnt/a b\\c", ["shared:2", "master:1"])
    assert second.options == ["ro", "nosuid"]
    assert third.super_options == ["rw", "cpu", "cpuacct"]


def test_cgroups_of_both_versions() -> None:
    found = proc.parse_cgroup("4:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/user.slice (deleted)\n")
    assert found == {"cpu,cpuacct": "/a:b", "name=systemd": "/", "": "/user.slice"}


def test_a_process_is_known_by_its_start_time() -> None:
    own = proc.start_time(os.getpid())
    assert own is not None
    assert proc.alive(os.getpid(), own)
    assert not proc.alive(os.getpid(), own + 1)
    pidfd = proc.open_process(os.getpid(), own)
    assert pidfd is not None
    assert proc.pid_of(pidfd) == os.getpid()
    os.close(pidfd)


def test_somebody_elses_start_time_opens_nothing() -> None:
    before = len(os.listdir("/proc/self/fd"))
    assert proc.open_process(os.getpid(), 1) is None
    assert proc.open_process(0, 1) is None
    assert proc.open_process(2**31 - 1, 1) is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_zombie_has_ended_and_a_reaped_one_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    start = proc.start_time(child.pid)
    pidfd = os.pidfd_open(child.pid)
    os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
    assert start is not None
    assert not proc.alive(child.pid, start)
    assert proc.open_process(child.pid, start) is None
    child.wait()
    assert proc.start_time(child.pid) is None
    assert proc.status(child.pid) == {}
    assert proc.pid_of(pidfd) == -1
    os.close(pidfd)


def test_a_handler_is_seen() -> None:
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    assert proc.handles_signal(os.getpid(), signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    assert not proc.handles_signal(os.getpid(), signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, before)


def test_every_mount_of_this_machine_parses() -> None:
    with open("/proc/self/mountinfo") as file:
        assert len(proc.mounts()) == len(file.read().splitlines())
