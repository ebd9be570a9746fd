"""Messages byte by byte as the D-Bus Specification lays them out, and calls to a bus of ours."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stackup.errors import HostError
from stackup.kernel import dbus

WHERE = ("a.b", "/a", "a.I", "Do")


@pytest.mark.parametrize(
    ("signature", "values", "expected"),
    [
        ("y", (7,), "07"),
        ("yu", (7, 258), "07000000 02010000"),
        ("s", ("foo",), "03000000 666f6f00"),
        ("sy", ("", 1), "00000000 00 01"),
        ("g", ("as",), "02 617300"),
        ("b", (True,), "01000000"),
        ("au", ([1, 2],), "08000000 01000000 02000000"),
        ("at", ([1],), "08000000 00000000 0100000000000000"),
        ("at", ([],), "00000000 00000000"),
        ("v", (("u", 5),), "01 7500 00 05000000"),
        ("a(sv)", ([("b", ("b", True))],), "10000000 00000000 01000000 6200 01 6200 000000 01000000"),
    ],
)
def test_values_are_laid_out_as_the_specification_says(signature: str, values: tuple[Any, ...], expected: str) -> None:
    assert dbus.pack(signature, values).hex() == expected.replace(" ", "")


def test_a_signature_is_split_into_complete_types() -> None:
    assert dbus.split("ssa(sv)a(sa(sv))") == ["s", "s", "a(sv)", "a(sa(sv))"]


def test_a_call_is_a_header_of_fields_and_a_body_at_eight() -> None:
    message = dbus.call(3, WHERE, "u", (9,))
    order, kind, _, version, length, serial, fields = struct.unpack_from("<cBBBIII", message)
    assert (order, kind, version, length, serial) == (b"l", 1, 1, 4, 3)
    body = 16 + fields + -fields % 8
    assert message[body:] == struct.pack("<I", 9)
    assert message[16:24] == b"\x01\x01o\x00\x02\x00\x00\x00"
    assert message[24:27] == b"/a\0"
    assert b"\x08\x01g\x00\x01u\x00" in message


def answer(serial: int, *, error: str = "", text: str = "") -> bytes:
    body = dbus.pack("s", (text,)) if text else b""
    fields: list[Any] = [(5, ("u", serial))]
    fields += [(4, ("s", error))] if error else []
    fields += [(8, ("g", "s"))] if text else []
    head = bytearray(struct.pack("<cBBBII", b"l", 3 if error else 2, 0, 1, len(body), 99))
    dbus.pack("a(yv)", (fields,), head)
    return bytes(head) + bytes(-len(head) % 8) + body


SIGNAL = bytes(struct.pack("<cBBBIII", b"l", 4, 0, 1, 0, 1, 0))


class Peer:
    """What it read, whole; it answers each call with what is next."""

    def __init__(self) -> None:
        self.read = b""
        self.lines: list[bytes] = []

    def serve(self, listening: socket.socket, verdict: bytes, answers: list[bytes]) -> None:
        talk, _ = listening.accept()
        with talk:
            self.lines.append(talk.recv(4096))
            talk.sendall(verdict)
            begun = talk.recv(4096)
            self.lines.append(begun[:7])
            self.read += begun[7:]
            for one in answers:
                if not self.read:
                    self.read += talk.recv(65536)
                talk.sendall(one)
                self.read += talk.recv(65536) if one is not answers[-1] else b""


@contextmanager
def bus(path: Path, answers: list[bytes], verdict: bytes = b"OK 1234\r\n") -> Iterator[Peer]:
    peer = Peer()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=peer.serve, args=(listening, verdict, answers), daemon=True)
        thread.start()
        yield peer
        thread.join(10)
        assert not thread.is_alive()


def test_a_bus_is_greeted_and_asked_and_signals_are_passed_over(tmp_path: Path) -> None:
    with bus(tmp_path / "s", [answer(1), SIGNAL + answer(2)]) as peer:
        connection = dbus.Connection(str(tmp_path / "s"))
        connection.call(WHERE, "s", ("x",))
        connection.close()
    user = str(os.geteuid()).encode().hex().encode()
    assert peer.lines == [b"\0AUTH EXTERNAL " + user + b"\r\n", b"BEGIN\r\n"]
    assert b"Hello\0" in peer.read
    assert peer.read.endswith(dbus.call(2, WHERE, "s", ("x",)))


def test_a_peer_is_not_greeted_and_its_error_has_a_name(tmp_path: Path) -> None:
    with bus(tmp_path / "s", [answer(1, error="org.x.No", text="it is not so")]) as peer:
        connection = dbus.Connection(str(tmp_path / "s"), bus=False)
        with pytest.raises(dbus.Refused, match="Do: it is not so") as caught:
            connection.call(WHERE)
        connection.close()
    assert caught.value.name == "org.x.No"
    assert peer.read == dbus.call(1, WHERE, "", ())


@pytest.mark.parametrize("spoken", [b"", b"B" + bytes(15), struct.pack("<cBBBIII", b"l", 2, 0, 1, 1 << 30, 1, 0)])
def test_what_no_answer_can_be_ends_the_talk(tmp_path: Path, spoken: bytes) -> None:
    with bus(tmp_path / "s", [spoken]):
        connection = dbus.Connection(str(tmp_path / "s"), bus=False)
        with pytest.raises(HostError, match="no answer|connection ended"):
            connection.call(WHERE)
        connection.close()


def test_nobody_there_and_nobody_let_in_are_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="nobody answers"):
        dbus.Connection(str(tmp_path / "none"))
    with (
        bus(tmp_path / "s", [], b"REJECTED EXTERNAL\r\n"),
        pytest.raises(HostError, match="lets nobody in"),
    ):
        dbus.Connection(str(tmp_path / "s"))
