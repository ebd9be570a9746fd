"""Messages over a stream: whole, in order, each with its own descriptors."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.errors import HostError
from stackup.runtime.frames import Channel, encode


@given(st.lists(st.text(max_size=50), min_size=1, max_size=8), st.integers(1, 64))
@settings(max_examples=50, deadline=None)
def test_messages_are_whole_however_the_bytes_come(texts: list[str], step: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel, found = Channel(theirs), []
        data = b"".join(encode(text) for text in texts)
        for at in range(0, len(data), step):
            ours.send(data[at : at + step])
            found += [message for message, _ in channel.receive()[1]]
        assert found == texts


def test_descriptors_belong_to_their_own_message() -> None:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    sender, receiver = Channel(ours), Channel(theirs)
    sender.send("first")
    sender.send("second", [writing])
    sender.send("third")
    os.close(writing)
    found: list[tuple[object, list[int]]] = []
    while len(found) < 3:
        found += receiver.receive()[1]
    assert [(message, len(fds)) for message, fds in found] == [("first", 0), ("second", 1), ("third", 0)]
    [fd] = found[1][1]
    assert not os.get_inheritable(fd)
    os.write(fd, b"x")
    os.close(fd)
    assert os.read(reading, 9) == b"x"
    os.close(reading)
    sender.close()
    receiver.close()


def test_a_message_may_be_longer_than_the_socket_takes() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    sender, receiver = Channel(ours), Channel(theirs)
    sender.queue("x" * 3_000_000)
    found: list[tuple[object, list[int]]] = []
    while not found:
        sender.flush()
        found += receiver.receive()[1]
    assert found[0][0] == "x" * 3_000_000
    assert not sender.sending
    sender.close()
    receiver.close()


@pytest.mark.parametrize("data", [b"\xff" * 64, b"\x00\x00\x00\x02\x00\x00{]"])
def test_nonsense_is_an_error_not_a_wait(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(data)
        with pytest.raises(HostError):
            Channel(theirs).receive()
