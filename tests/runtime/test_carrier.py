"""Output on its way to a collector: what arrives, what a collector that is away gets later, and that nobody waits."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stackup.runtime.keeping import Keeping
from stackup.runtime.loop import Loop

LOCAL = {"name": "syslog", "format": "rfc3164", "facility": 3, "tag": "web", "host": "", "fields": {}}


class Kept:
    """A container's output with a collector; `turn` lets the loop do what is due."""

    def __init__(self, folder: Path, **collector: Any) -> None:
        self.loop = Loop()
        self.told: list[str] = []
        log: Any = {"driver": "json-file", "max_size": 1000, "max_file": 3, "collector": {**LOCAL, **collector}}
        self.keeping = Keeping(self.loop, str(folder), log, lambda: self.told.append(self.keeping.problem))

    def write(self, data: bytes, stream: bytes = b"stdout") -> None:
        self.keeping.writer.write(stream, data)

    def turn(self, seconds: float = 0.3) -> None:
        deadline = time.monotonic() + seconds
        while self.keeping.behind(deadline):
            self.loop.turn(0.05)


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def one(**collector: Any) -> Kept:
        made.append(Kept(tmp_path, **collector))
        return made[-1]

    yield one
    for kept in made:
        kept.keeping.close()
        kept.loop.close()


def listening(kind: int, address: str | tuple[str, int]) -> socket.socket:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    made = socket.socket(family, kind)
    made.settimeout(5)
    made.bind(address)
    return made


def fields(datagram: bytes) -> dict[str, bytes]:
    """The native protocol, read from its description and by nothing of ours."""
    found = {}
    while datagram:
        head, _, datagram = datagram.partition(b"\n")
        name, sign, value = head.partition(b"=")
        if not sign:
            (length,) = struct.unpack_from("<Q", datagram)
            value, datagram = datagram[8 : 8 + length], datagram[9 + length :]
        found[name.decode()] = value
    return found


def test_the_journal_gets_bytes_and_fields(tmp_path: Path, keep: Callable[..., Kept]) -> None:
    with listening(socket.SOCK_DGRAM, str(tmp_path / "journal")) as journal:
        kept = keep(kind="unixgram", address=str(tmp_path / "journal"), format="journal", fields={"TWO": "a\nb"})
        kept.write(b"out\n")
        kept.write(b"err \xff\n", b"stderr")
        kept.write(b"no end")
        kept.keeping.writer.end(b"stdout")
        kept.turn()
        first, second, third = (fields(journal.recv(1 << 16)) for _ in range(3))
    assert (first["MESSAGE"], first["PRIORITY"], first["TWO"]) == (b"out", b"6", b"a\nb")
    assert abs(int(first["SYSLOG_TIMESTAMP"]) / 1e6 - time.time()) < 60
    assert (second["MESSAGE"], second["PRIORITY"]) == (b"err \xff", b"3")
    assert (third["MESSAGE"], third["CONTAINER_PARTIAL_MESSAGE"]) == (b"no end", b"true")
    assert "CONTAINER_PARTIAL_MESSAGE" not in first


@pytest.mark.parametrize(
    ("form", "host", "wanted"),
    [
        ("rfc3164", "", rb"<30>\w{3} [ \d]\d \d\d:\d\d:\d\d web\[\d+\]: hello\n"),
        ("rfc3164", "here", rb"<30>\w{3} [ \d]\d \d\d:\d\d:\d\d here web\[\d+\]: hello\n"),
        ("rfc5424", "here", rb"<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ here web \d+ web - hello\n"),
        ("rfc5424micro", "", rb"<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z - web \d+ web - hello\n"),
    ],
)
def test_a_syslog_gets_one_of_its_forms(keep: Callable[..., Kept], form: str, host: str, wanted: bytes) -> None:
    with listening(socket.SOCK_DGRAM, ("127.0.0.1", 0)) as syslog:
        kept = keep(kind="udp", address=list(syslog.getsockname()), format=form, host=host)
        kept.write(b"hello\n")
        kept.turn()
        assert re.fullmatch(wanted, syslog.recv(1 << 16))


def test_a_collector_that_was_away_gets_what_the_files_have_kept(tmp_path: Path, keep: Callable[..., Kept]) -> None:
    kept = keep(kind="unixgram", address=str(tmp_path / "late"))
    kept.write(b"one\ntwo\n")
    kept.turn()
    assert "does not take the output: no such file or directory" in kept.keeping.problem
    kept.write(b"three\n")
    with listening(socket.SOCK_DGRAM, str(tmp_path / "late")) as late:
        kept.loop.turn(3)
        got = [late.recv(1 << 16).split(b": ")[1] for _ in range(3)]
    assert got == [b"one\n", b"two\n", b"three\n"]
    assert kept.keeping.problem == ""
    assert [bool(problem) for problem in kept.told] == [True, False]


def test_what_the_files_did_not_keep_so_long_is_said_to_be_missing(tmp_path: Path, keep: Callable[..., Kept]) -> None:
    kept = keep(kind="unixgram", address=str(tmp_path / "late"))
    kept.write(b"first\n")
    kept.turn()
    for number in range(20):
        kept.write(b"%d %s\n" % (number, b"x" * 900))
    with listening(socket.SOCK_DGRAM, str(tmp_path / "late")) as late:
        kept.loop.turn(3)
        kept.turn()
        late.setblocking(False)
        got = []
        with contextlib.suppress(BlockingIOError):
            while True:
                got.append(late.recv(1 << 16).split(b": ")[1].split()[0])
    assert got == [b"[files", b"17", b"18", b"19"]


def test_a_collector_that_takes_nothing_holds_nobody_up(tmp_path: Path, keep: Callable[..., Kept]) -> None:
    """A listener that never reads: the socket's buffers fill, the writer goes on."""
    with listening(socket.SOCK_STREAM, ("127.0.0.1", 0)) as stuck:
        stuck.listen()
        kept = keep(kind="tcp", address=list(stuck.getsockname()))
        kept.keeping.writer.bound({"max_size": 100 << 20, "max_file": 2})
        busy = time.thread_time()
        for _ in range(400):
            kept.write(b"y" * 16000 + b"\n")
            kept.loop.turn(0.0)
        assert time.thread_time() - busy < 2
        kept.turn()
        assert kept.keeping.problem == ""
        with stuck.accept()[0] as reader:
            reader.settimeout(5)
            got = 0
            while got < 400 * 16001:
                kept.loop.turn(0.0)
                got += len(reader.recv(1 << 20))
        assert got == 400 * (16001 + len(b"<30>Nov 28 00:00:00 web[]: ") + len(str(os.getpid())))


def test_the_last_words_are_carried_before_the_end_and_earlier_runs_are_not_told_again(
    tmp_path: Path, keep: Callable[..., Kept]
) -> None:
    with listening(socket.SOCK_DGRAM, str(tmp_path / "log")) as syslog:
        for turn in (b"first\n", b"second\n"):
            kept = keep(kind="unixgram", address=str(tmp_path / "log"))
            kept.write(turn)
            kept.turn()
            kept.keeping.close()
            assert syslog.recv(1 << 16).endswith(b": " + turn)
        syslog.setblocking(False)
        with pytest.raises(BlockingIOError):
            syslog.recv(1)


def test_rules_change_in_the_middle_of_a_run(tmp_path: Path, keep: Callable[..., Kept]) -> None:
    with listening(socket.SOCK_DGRAM, str(tmp_path / "b")) as after:
        kept = keep(kind="unixgram", address=str(tmp_path / "nowhere"))
        kept.write(b"before\n")
        kept.turn()
        collector = {**LOCAL, "kind": "unixgram", "address": str(tmp_path / "b")}
        kept.keeping.keep({"driver": "json-file", "max_size": 1000, "max_file": 3, "collector": collector})  # type: ignore[typeddict-item]
        kept.write(b"after\n")
        kept.turn()
        assert after.recv(1 << 16).endswith(b": after\n")
    assert kept.keeping.problem == ""
