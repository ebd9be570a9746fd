"""What is read of a container's use, from files as each version of control groups has them."""

from __future__ import annotations

import os
from pathlib import Path

from stackup.runtime import usage

V2 = {
    "cpu.stat": "usage_usec 2500\nuser_usec 2000\n",
    "memory.current": "5000000\n",
    "memory.stat": "anon 1\ninactive_file 1000000\n",
    "memory.max": "8000000\n",
    "io.stat": "8:0 rbytes=4096 wbytes=1 rios=1 wios=1\n8:16 rbytes=1 wbytes=8192 rios=1\n",
    "pids.current": "3\n",
    "cpu.pressure": "some avg10=12.50 avg60=1.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "io.pressure": "some avg10=0.00 avg60=1.00 avg300=0.00 total=5\n",
}
CPU = {"cpu.stat": "nr_periods 0\nnr_throttled 0\n", "cpuacct.usage": "7000\n"}
MEMORY = {
    "memory.usage_in_bytes": "5000000\n",
    "memory.stat": "inactive_file 9\ntotal_inactive_file 2000000\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
}


def group(folder: Path, name: str, files: dict[str, str]) -> str:
    (folder / name).mkdir()
    for file, text in files.items():
        (folder / name / file).write_text(text)
    return str(folder / name)


def test_version_2_counts_in_one_group(tmp_path: Path) -> None:
    found = usage.read([group(tmp_path, "one", V2)], os.getpid())
    assert (found["cpu"], found["memory"], found["memory_limit"], found["pids"]) == (2_500_000, 4_000_000, 8_000_000, 3)
    assert (found["read"], found["written"]) == (4097, 8193)
    assert found["pressure"] == {"cpu": 12.5, "io": 0.0}


def test_version_1_counts_in_several_and_the_machine_is_the_limit(tmp_path: Path) -> None:
    dirs = [group(tmp_path, "cpu", CPU), group(tmp_path, "memory", MEMORY)]
    found = usage.read(dirs, os.getpid())
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert (found["cpu"], found["memory"], found["memory_limit"], found["pids"]) == (7000, 3_000_000, whole, 0)


def test_version_1_counts_what_ended_processes_read_too(tmp_path: Path) -> None:
    text = "254:0 Read 4096\n254:0 Write 7\n254:0 Total 4103\n8:0 Read 4\n8:0 Write 1\nTotal 4108\n"
    dirs = [group(tmp_path, "blkio", {"blkio.throttle.io_service_bytes_recursive": text})]
    assert (usage.read(dirs, os.getpid())["read"], usage.read(dirs, os.getpid())["written"]) == (4100, 8)


def test_the_hybrids_empty_group_counts_the_time(tmp_path: Path) -> None:
    unified = {"cpu.stat": "usage_usec 4\n", "cgroup.procs": ""}
    dirs = [group(tmp_path, "cpu", {"cpu.stat": "nr_periods 0\n"}), group(tmp_path, "unified", unified)]
    assert usage.read(dirs, os.getpid())["cpu"] == 4000


def test_the_hosts_network_is_not_the_containers(tmp_path: Path) -> None:
    found = usage.read([], os.getpid())
    assert (found["received"], found["sent"]) == (0, 0)


def test_what_is_gone_uses_nothing(tmp_path: Path) -> None:
    found = usage.read([str(tmp_path / "gone")], 1 << 22)
    assert {key: value for key, value in found.items() if value and key not in ("at", "memory_limit")} == {}
    assert {key: value for key, value in usage.nothing().items() if value and key != "at"} == {}
