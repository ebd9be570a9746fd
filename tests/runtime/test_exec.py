"""exec and attach: bytes both ways, terminals, signals, exit codes, and nothing of the caller's inside."""

from __future__ import annotations

import os
import pty
import select
import signal
import termios
import threading
import time
from pathlib import Path

import pytest

from stackup.errors import StackupError
from stackup.runtime import terminal
from stackup.runtime.exec import DetachKeys, Streams, attach, run_exec, start_exec
from tests.conftest import OwnHost
from tests.runtime.box import process
from tests.runtime.stage import DEADLINE_S, FOREVER, Container, Stage


class Caller:
    """What a shell gives a command: files for its streams, so that no pipe fills."""

    def __init__(self, folder: Path, stdin: bytes | None = None) -> None:
        (folder / "in").write_bytes(stdin or b"")
        self.folder = folder
        self.fds = [os.open(folder / "in", os.O_RDONLY)]
        self.fds += [os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")]
        self.streams = Streams(self.fds[0] if stdin is not None else -1, self.fds[1], self.fds[2])

    def said(self, name: str = "out") -> bytes:
        return (self.folder / name).read_bytes()


def running(folder: Path, **changes: object) -> Container:
    return Stage(folder).shell("web", FOREVER, **changes)


@pytest.mark.parametrize(
    ("keys", "typed", "passed", "detached"),
    [
        (b"", b"ab", b"ab", False),
        (b"\x10\x11", b"ab", b"ab", False),
        (b"\x10\x11", b"a\x10\x11b", b"a", True),
        (b"\x10\x11", b"\x10x\x10\x10\x11", b"\x10x\x10", True),
        (b"\x10\x11", b"x\x10", b"x", False),
    ],
)
def test_detach_keys(keys: bytes, typed: bytes, passed: bytes, detached: bool) -> None:
    assert DetachKeys(keys).filter(typed) == (passed, detached)
    one = DetachKeys(keys)
    pieces = [one.filter(bytes([key])) for key in typed]
    ended = next((at for at, (_, done) in enumerate(pieces) if done), len(pieces))
    assert b"".join(out for out, _ in pieces[: ended + 1]) == passed
    assert (ended < len(pieces)) is detached


@pytest.mark.host
def test_streams_are_apart_and_the_exit_code_comes_through(own_host: OwnHost, tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    container = running(tmp_path)
    assert run_exec(container.client, process("sh", "-c", "echo out; echo err >&2; exit 42"), caller.streams) == 42
    assert (caller.said(), caller.said("err")) == (b"out\n", b"err\n")


@pytest.mark.host
def test_input_goes_in_to_its_end_whatever_it_is(own_host: OwnHost, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    caller = Caller(tmp_path, data)
    assert run_exec(running(tmp_path).client, process("cat"), caller.streams) == 0
    assert caller.said() == data


@pytest.mark.host
def test_a_program_that_does_not_read_is_no_error(own_host: OwnHost, tmp_path: Path) -> None:
    caller = Caller(tmp_path, b"x" * 1_000_000)
    assert run_exec(running(tmp_path).client, process("true"), caller.streams) == 0


@pytest.mark.host
def test_a_program_that_does_not_exist_is_named(own_host: OwnHost, tmp_path: Path) -> None:
    with pytest.raises(StackupError, match="absent"):
        run_exec(running(tmp_path).client, process("absent"), Caller(tmp_path).streams)


@pytest.mark.host
def test_nothing_of_the_callers_is_inside(own_host: OwnHost, tmp_path: Path) -> None:
    held = [os.open("/", os.O_RDONLY) for _ in range(100)]
    for fd in held:
        os.set_inheritable(fd, True)
    container = running(tmp_path)
    caller = Caller(tmp_path, b"")
    assert run_exec(container.client, process("sh", "-c", "ls /proc/self/fd; ls /proc/1/fd"), caller.streams) == 0
    numbers = {int(number) for number in caller.said().split()}
    assert numbers <= {0, 1, 2, 3, 10}, "3 is ls's own directory, 10 the shell's copy of its script"
    links = run_exec(container.client, process("sh", "-c", "readlink /proc/self/fd/0"), caller.streams)
    assert links == 0
    assert b"pipe:" in caller.said()


@pytest.mark.host
def test_a_detached_program_stays(own_host: OwnHost, tmp_path: Path) -> None:
    container = running(tmp_path)
    start_exec(container.client, process("sh", "-c", "echo $$ > /tmp/pid; exec sleep 1000"))
    caller = Caller(tmp_path)
    script = "until test -s /tmp/pid; do :; done; kill -0 $(cat /tmp/pid)"
    assert run_exec(container.client, process("sh", "-c", script), caller.streams) == 0


@pytest.mark.host
def test_an_exec_dies_with_its_container(own_host: OwnHost, tmp_path: Path) -> None:
    container = running(tmp_path)
    caller = Caller(tmp_path)
    codes: list[int] = []
    with container.client.open() as talk:
        talk.say({"do": "exec", "process": process("sleep", "1000")})
        _, fds = talk.hear_with_descriptors()
        assert container.stop() == {"exit": 0}
        codes.append(talk.hear()["exit"])
        for fd in fds:
            os.close(fd)
    assert codes == [137]
    with pytest.raises(StackupError) as caught:
        run_exec(container.client, process("true"), caller.streams)
    assert caught.value.code == "monitor-gone"


@pytest.mark.host
def test_a_signal_to_the_command_reaches_the_program(own_host: OwnHost, tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    container = running(tmp_path)

    def interrupt() -> None:
        deadline = time.monotonic() + DEADLINE_S
        while b"up" not in caller.said() and time.monotonic() < deadline:
            select.select([], [], [], 0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    before = signal.getsignal(signal.SIGTERM)
    script = "trap 'exit 9' TERM; echo up; while :; do sleep 1000 & wait $!; done"
    assert run_exec(container.client, process("sh", "-c", script), caller.streams) == 9
    thread.join()
    assert signal.getsignal(signal.SIGTERM) == before


class Screen:
    """A user's terminal: what is typed and what is seen."""

    def __init__(self) -> None:
        self.master, self.inner = pty.openpty()
        terminal.resize(self.master, (30, 100))
        self.seen = b""

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def wait(self, wanted: bytes) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while wanted not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{wanted!r} never came, only {self.seen!r}"
            self.seen += os.read(self.master, 1000)
        self.seen = self.seen.split(wanted, 1)[1]


@pytest.mark.host
def test_a_terminal_has_a_size_follows_resizing_and_takes_ctrl_c(own_host: OwnHost, tmp_path: Path) -> None:
    screen = Screen()
    before = termios.tcgetattr(screen.inner)
    container = running(tmp_path)
    problems: list[BaseException] = []

    def user() -> None:
        try:
            screen.wait(b"# ")  # what is typed before the shell has set its terminal up is thrown away by it
            screen.type(b"stty size; tty\r")
            screen.wait(b"30 100\r\n")
            screen.wait(b"/dev/pts/")
            terminal.resize(screen.master, (40, 120))
            os.kill(os.getpid(), signal.SIGWINCH)
            screen.type(b"until stty size | grep 40; do :; done\r")
            screen.wait(b"40 120\r\n")
            # A program in the foreground says that it is there: between two commands, the key would be the shell's.
            screen.type(b"trap 'echo caught' INT; sh -c 'echo ready; sleep 1000'\r")
            screen.wait(b"ready\r\n")
            screen.type(b"\x03")
            screen.wait(b"caught")
            screen.type(b"exit 33\r")
        except BaseException as problem:
            problems.append(problem)
            screen.type(b"\x03\x04")

    thread = threading.Thread(target=user)
    thread.start()
    code = run_exec(container.client, process("sh"), Streams(screen.inner, screen.inner, screen.inner), tty=True)
    thread.join()
    assert problems == []
    assert code == 33
    assert termios.tcgetattr(screen.inner) == before


@pytest.mark.host
def test_attach_sees_all_of_a_container_that_waits_for_it(own_host: OwnHost, tmp_path: Path) -> None:
    caller = Caller(tmp_path, b"question\n")
    container = Stage(tmp_path).shell("web", "echo first; cat; exit 3", stdin_open=True, await_attach=True)
    assert container.first["state"] == "created"
    assert attach(container.client, caller.streams, once=True) == 3
    assert caller.said() == b"first\nquestion\n"
    container.wait_monitor()
    assert container.output() == b"first\nquestion\n"


@pytest.mark.host
def test_attach_to_a_terminal_and_leave_by_the_detach_keys(own_host: OwnHost, tmp_path: Path) -> None:
    screen = Screen()
    container = Stage(tmp_path).start("web", "sh", tty=True, await_attach=True)
    problems: list[BaseException] = []

    def user() -> None:
        try:
            screen.wait(b"# ")
            screen.type(b"stty size\r")
            screen.wait(b"30 100\r\n")
            screen.type(b"\x10\x11")
        except BaseException as problem:
            problems.append(problem)
            screen.type(b"\x10\x11")

    thread = threading.Thread(target=user)
    thread.start()
    assert attach(container.client, Streams(screen.inner, screen.inner, screen.inner)) == 0
    thread.join()
    assert problems == []
    assert container.status["state"] == "running"
    assert b"30 100\r\n" in container.output()


@pytest.mark.host
def test_without_a_proxy_a_signal_leaves_the_container_alone(own_host: OwnHost, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    script = "trap 'exit 5' INT TERM; echo ready; while :; do sleep 1000 & wait $!; done"
    other = Stage(tmp_path).shell("web", script, await_attach=True)

    def interrupt() -> None:
        other.line(b"ready")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert attach(other.client, Streams(-1, writing, writing), proxy=False) == 128 + signal.SIGTERM
    thread.join()
    assert os.read(reading, 100) == b"ready\n"
    assert other.status["state"] == "running"


@pytest.mark.host
def test_a_slow_reader_makes_the_program_wait_and_loses_nothing(own_host: OwnHost, tmp_path: Path) -> None:
    script = "dd if=/dev/zero bs=1000 count=2000 2>/dev/null; exit 4"
    container = Stage(tmp_path).shell("web", script, await_attach=True, log={"driver": "none"})
    reading, writing = os.pipe()
    got: list[int] = []

    def slow() -> None:
        total = 0
        while data := os.read(reading, 30_000):
            total += len(data)
            select.select([], [], [], 0.001)
        got.append(total)

    thread = threading.Thread(target=slow)
    thread.start()
    assert attach(container.client, Streams(-1, writing, writing)) == 4
    os.close(writing)
    thread.join()
    assert got == [2_000_000]
