"""Talking to monitors from a command: ask one, watch one, or ask many at once without a thread.

Hot. Every wait has a deadline. A monitor that is not there is one typed answer, MonitorGone: its status file then holds
how its container ended.
"""

from __future__ import annotations

import os
import select
import socket
import time

from stackup.errors import HostError, StackupError
from stackup.runtime.control import through_descriptor
from stackup.runtime.frames import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from stackup.runtime.description import Status

    Message = Mapping[str, Any]
    Answer = dict[str, Any]

ANSWER_S = 10.0


class MonitorGone(HostError):
    """Nobody listens: the container ended, or its monitor was killed."""

    code = "monitor-gone"


class Client:
    """One monitor, by its live folder. Each `open` is a conversation of its own."""

    __slots__ = ("live_dir",)

    def __init__(self, live_dir: str) -> None:
        self.live_dir = live_dir

    def open(self) -> Conversation:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            through_descriptor(self.live_dir, sock.connect)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as problem:
            sock.close()
            raise self._gone() from problem
        except OSError as problem:
            sock.close()
            raise HostError(f"cannot reach the monitor: {problem.strerror}", subject=self.live_dir) from problem
        return Conversation(sock, self.live_dir)

    def _gone(self) -> MonitorGone:
        return MonitorGone("its monitor is gone", subject=self.live_dir)

    def request(self, message: Message, *, limit_s: float = ANSWER_S) -> Answer:
        """One question, one answer; raises what the monitor raised."""
        with self.open() as conversation:
            conversation.say(message)
            return conversation.hear(limit_s)

    def watch(self, *, limit_s: float = 0) -> Iterator[Status]:
        """The status now and after every change, until the monitor ends or `limit_s` (0: no limit) has passed."""
        deadline = time.monotonic() + limit_s
        with self.open() as conversation:
            conversation.say({"do": "watch"})
            while True:
                try:
                    answer = conversation.hear(max(0.001, deadline - time.monotonic()) if limit_s else 0)
                except MonitorGone:
                    return
                yield answer["status"]


class Conversation:
    """An open connection; `say` and `hear`, in any number."""

    __slots__ = ("_channel", "_waiting", "live_dir")

    def __init__(self, sock: socket.socket, live_dir: str) -> None:
        self._channel = Channel(sock)
        self._waiting: list[tuple[Answer, list[int]]] = []
        self.live_dir = live_dir

    def fileno(self) -> int:
        return self._channel.fileno()

    def say(self, message: Message) -> None:
        try:
            self._channel.send(message)
        except OSError as problem:
            raise MonitorGone("its monitor is gone", subject=self.live_dir) from problem

    def hear(self, limit_s: float = ANSWER_S) -> Answer:
        return self.hear_with_descriptors(limit_s)[0]

    def hear_with_descriptors(self, limit_s: float = ANSWER_S) -> tuple[Answer, list[int]]:
        """The next answer and its descriptors, which are the caller's to close. 0: wait as long as it takes."""
        deadline = time.monotonic() + limit_s
        while not self._waiting:
            left = max(0.0, deadline - time.monotonic()) if limit_s else None
            if not select.select([self.fileno()], [], [], left)[0]:
                raise HostError(f"the monitor did not answer within {limit_s:g}s", subject=self.live_dir)
            self.read()
        answer, fds = self._waiting.pop(0)
        if "error" in answer:
            for fd in fds:
                os.close(fd)
            raise raised(answer["error"])
        return answer, fds

    @property
    def heard(self) -> bool:
        """An answer is here already: `hear` does not wait."""
        return bool(self._waiting)

    def read(self) -> None:
        """Take what is there; raises MonitorGone at end of file."""
        still_open, messages = self._channel.receive()
        self._waiting.extend(messages)
        if not still_open and not self._waiting:
            raise MonitorGone("its monitor is gone", subject=self.live_dir)

    def close(self) -> None:
        for _answer, fds in self._waiting:
            for fd in fds:
                os.close(fd)
        self._waiting.clear()
        self._channel.close()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def raised(said: Mapping[str, str]) -> StackupError:
    """A monitor's error as the exception that it was."""
    return HostError(said["message"], subject=said.get("subject", ""), hint=said.get("hint", ""),
                     code=said.get("code", ""))  # fmt: skip


def ask_all(
    requests: Mapping[str, tuple[Client, Message]], *, limit_s: float = 0
) -> Iterator[tuple[str, Answer | StackupError]]:
    """Ask many monitors at once: (key, answer or error) as they come. 0: wait as long as it takes."""
    talking: dict[int, tuple[str, Conversation]] = {}
    poll = select.poll()
    deadline = time.monotonic() + limit_s
    try:
        for key, (client, message) in requests.items():
            try:
                conversation = client.open()
            except StackupError as problem:
                yield key, problem
                continue
            talking[conversation.fileno()] = (key, conversation)
            poll.register(conversation.fileno(), select.POLLIN)
            try:
                conversation.say(message)
            except MonitorGone:
                continue  # the end of file says so below
        while talking:
            left = max(0, int((deadline - time.monotonic()) * 1000)) if limit_s else None
            ready = poll.poll(left)
            if not ready:
                break
            yield from _heard(ready, talking, poll)
        for key, conversation in talking.values():
            yield key, HostError(f"the monitor did not answer within {limit_s:g}s", subject=conversation.live_dir)
    finally:
        for _key, conversation in talking.values():
            conversation.close()


def _heard(
    ready: list[tuple[int, int]], talking: dict[int, tuple[str, Conversation]], poll: select.poll
) -> Iterator[tuple[str, Answer | StackupError]]:
    for fd, _ in ready:
        key, conversation = talking[fd]
        result: Answer | StackupError
        try:
            conversation.read()
            if not conversation.heard:
                continue
            result = conversation.hear()
        except StackupError as problem:
            result = problem
        poll.unregister(fd)
        del talking[fd]
        conversation.close()
        yield key, result
