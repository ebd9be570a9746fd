"""What `doctor` says of a machine that lacks something, here as far as a namespace can take it away; what only another
kernel can is in tests/vm/inside."""

from __future__ import annotations

import os
import resource
import struct
from pathlib import Path

import pytest

from stackup.engines.builtin import doctor
from stackup.kernel import abi, calls
from stackup.layout import Layout
from tests.host.lab import nft_text

pytestmark = pytest.mark.host


def found(folder: Path) -> dict[str, tuple[str, str, str]]:
    """By subject: level, text, remedy."""
    rows = doctor.findings(Layout(str(folder / "state"), str(folder / "run")))
    return {row["subject"]: (row["level"], row["text"], row["hint"]) for row in rows}


def test_what_is_not_well_has_a_remedy(own_host: object, tmp_path: Path) -> None:
    rows = found(tmp_path).values()
    assert {level for level, _, _ in rows} <= {"ok", "warning"}
    assert all(bool(hint) == (level != "ok") for level, _, hint in rows)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("kind", "options", "subject", "level", "text"),
    [
        ("ramfs", "", "state", "error", "keeps no trusted attributes"),
        ("tmpfs", "ro", "state", "error", "is on a file system that is read-only"),
        ("tmpfs", "size=2m", "disk", "warning", "2 MiB are free"),
        ("tmpfs", "nr_inodes=100", "disk", "warning", "more files are possible"),
    ],
)
def test_a_state_that_lies_badly(
    own_host: object, tmp_path: Path, kind: str, options: str, subject: str, level: str, text: str
) -> None:
    flags = abi.MS_RDONLY if options == "ro" else 0
    calls.mount("none", str(tmp_path), kind, flags, "" if flags else options)
    told = found(tmp_path)[subject]
    assert told[0] == level
    assert text in told[1]
    assert told[2]


def test_control_groups_that_nobody_may_write_to(own_host: object, tmp_path: Path) -> None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if line.split()[2] in ("cgroup", "cgroup2"):
            os.system(f"mount -o remount,ro,bind {line.split()[1]}")
    level, text, hint = found(tmp_path)["cgroups"]
    assert level == "error"
    assert "nobody may write" in text
    assert "Delegate=yes" in hint


def test_few_open_files(own_host: object, tmp_path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    assert found(tmp_path)["open files"][0] == "warning"


def test_a_filter_around_us_is_told_from_an_old_kernel(own_host: object, tmp_path: Path) -> None:
    number = 442  # mount_setattr, on every architecture
    lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
    calls.load_filter(b"".join(struct.pack("=HBBI", *line) for line in lines))
    level, text, hint = found(tmp_path)["kernel"]
    assert (level, text.partition(", ")[2]) == ("error", "but no mount_setattr")
    assert "filter" in hint


def test_forward_chains_of_others_are_told(own_host: object, tmp_path: Path) -> None:
    assert "forward chains" not in found(tmp_path)
    nft_text("add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
    assert '"FORWARD"' in found(tmp_path)["forward chains"][1]


def test_a_process_without_privileges_is_named(own_host: object, tmp_path: Path) -> None:
    effective, permitted, _ = calls.capget()
    calls.capset(effective & ~(1 << 12), permitted, 0)  # CAP_NET_ADMIN
    assert found(tmp_path)["root"][:2] == ("error", "root without NET_ADMIN")
