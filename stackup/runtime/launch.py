"""Starting containers from a command: one launcher process, begun early, told what to start, listened to.

Hot: spawned with posix_spawn, so that nothing dear is loaded. The launcher gets an empty environment, no argument that
says anything about a stack, and three descriptors. Two descriptors serve any number of containers.
"""

from __future__ import annotations

import _thread
import json
import os
import select
import socket
import sys
import time

from stackup.errors import HostError, StackupError
from stackup.kernel import calls
from stackup.kernel.abi import AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE, MountAttr
from stackup.runtime.frames import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from stackup.runtime.description import Description, Status
    from stackup.runtime.users import Wish

    Outcome = Status | StackupError
    T = TypeVar("T")

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from stackup.runtime.launcher import main; main()"
_LONGEST_ANSWER = 1 << 17
TRACE = "monitor.trace"
START_S = 120.0
_CLOSE_S = 5.0


class Launcher:
    """`start` returns at once; `launch` may be called from several threads, one at a time; then `close`."""

    def __init__(self, python: str = "") -> None:
        self._python = python or sys.executable
        self._pid = 0
        self._lock = _thread.allocate_lock()
        self._starting = _thread.allocate_lock()
        self._next_token = 1
        self._stderr = -1
        self._channel: Channel
        self._answers: socket.socket

    def start(self) -> None:
        """Begin the launcher, if it is not there yet: it loads while the command still plans. From any thread."""
        with self._starting:
            if not (self._pid and self._channel.fileno() >= 0):
                self._begin()

    def _begin(self) -> None:
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        answers, answers_theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._stderr = os.memfd_create("stackup-launcher", os.MFD_CLOEXEC)
        image = read_only_view(self._python)
        program = f"/proc/self/fd/{image}{os.path.realpath(self._python)}" if image >= 0 else self._python
        places = ((theirs.fileno(), 0), (answers_theirs.fileno(), 1), (self._stderr, 2))
        try:
            self._pid = os.posix_spawn(
                program,
                [self._python, "-I", "-S", "-c", _PROGRAM, _ROOT],
                {},
                file_actions=[(os.POSIX_SPAWN_DUP2, source, target) for source, target in places],
                setsid=True,
            )
        except OSError as problem:
            raise HostError(f'cannot start "{self._python}": {problem.strerror}', subject=self._python) from problem
        finally:
            theirs.close()
            answers_theirs.close()
            if image >= 0:
                os.close(image)
        ours.setblocking(False)
        self._channel = Channel(ours)
        self._answers = answers

    def launch(
        self,
        descriptions: Iterable[Description],
        *,
        held: Mapping[str, Sequence[Sequence[int]]] | None = None,
        limit_s: float = START_S,
    ) -> Iterator[tuple[str, Outcome]]:
        """(address, its status, running, or why it does not run) as each becomes known.

        A container is sent off as soon as it is described, so that the launcher forks it while the next is described.
        `held`: by address, the sockets bound for each of its ports already, looked up once its description is there;
        they stay the caller's to close afterwards.
        """
        with self._lock:
            self.start()
            waiting: dict[int, Description] = {}
            for description in descriptions:
                waiting[self._next_token] = description
                sockets = (held or {}).get(description["address"], [])
                message = {"token": self._next_token, "description": description, "held": [len(one) for one in sockets]}
                self._channel.queue(message, [fd for one in sockets for fd in one])
                self._next_token += 1
                self._push()
            for description, answer in self._answered(waiting, time.monotonic() + limit_s):
                yield description["address"], outcome(description, answer)
            for description in waiting.values():
                yield description["address"], self._unanswered(description["name"], limit_s)

    def make_users(self, wishes: Mapping[str, Wish], *, limit_s: float = START_S) -> dict[str, StackupError]:
        """User namespaces, see `users.make`, which take a program without threads; who got none, and why."""
        with self._lock:
            self.start()
            waiting: dict[int, str] = {}
            for name, wish in wishes.items():
                waiting[self._next_token] = name
                self._channel.queue({"token": self._next_token, "users": wish})
                self._next_token += 1
                self._push()
            failed: dict[str, StackupError] = {}
            for name, answer in self._answered(waiting, time.monotonic() + limit_s):
                if "error" in answer:
                    failed[name] = refused(name, answer)
            return failed | {name: self._unanswered(name, limit_s) for name in waiting.values()}

    def _answered(self, waiting: dict[int, T], deadline: float) -> Iterator[tuple[T, dict[str, Any]]]:
        """Who was answered, as it comes, until nobody waits any more, the launcher is gone, or it is too late."""
        while waiting:
            for answer in self._exchange(deadline):
                if answer["token"] in waiting:
                    yield waiting.pop(answer["token"]), answer
            if time.monotonic() > deadline or self._channel.fileno() < 0:
                return

    def _exchange(self, deadline: float) -> list[dict[str, Any]]:
        """Send what the launcher takes and return what was answered; closes our end when the launcher is gone."""
        poll = select.poll()
        poll.register(self._answers.fileno(), select.POLLIN)
        events = select.POLLOUT if self._channel.sending else 0
        poll.register(self._channel.fileno(), events)
        ready = dict(poll.poll(max(0, int((deadline - time.monotonic()) * 1000)) + 1))
        found: list[dict[str, Any]] = []
        if self._answers.fileno() in ready:
            found = self._received()
        gone = ready.get(self._channel.fileno(), 0) & (select.POLLHUP | select.POLLERR)
        if gone:
            # Monitors that were forked still answer for themselves, and theirs are the last ends of that socket.
            found += self._last_words(deadline)
            self._channel.close()
        elif self._channel.sending and self._channel.fileno() in ready:
            self._push()
        return found

    def _push(self) -> None:
        """Send what the launcher takes now."""
        try:
            self._channel.flush()
        except OSError:
            return  # gone: the next exchange sees the hang-up and takes the last answers

    def _received(self) -> list[dict[str, Any]]:
        data = self._answers.recv(_LONGEST_ANSWER)
        return [json.loads(data)] if data else []

    def _last_words(self, deadline: float) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            self._answers.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                answers = self._received()
            except OSError:
                return found
            if not answers:
                return found
            found += answers

    def _unanswered(self, name: str, limit_s: float) -> StackupError:
        if self._channel.fileno() >= 0:
            return HostError(
                f'"{name}" did not start within {limit_s:g}s', subject=name,
                hint="its set-up waits for something, a network file system for instance",
            )  # fmt: skip
        said = os.pread(self._stderr, 4096, 0).decode(errors="replace").strip()
        last = said.splitlines()[-1] if said else "it was killed"
        return HostError(f'the launcher ended before "{name}" was started: {last}', subject=name, code="launcher-lost")

    def close(self) -> None:
        """Let the launcher go and reap it; monitors stay."""
        if not self._pid:
            return
        self._channel.close()
        self._answers.close()
        pidfd = os.pidfd_open(self._pid)
        try:
            if not select.select([pidfd], [], [], _CLOSE_S)[0]:
                os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)
        finally:
            os.close(pidfd)
            os.close(self._stderr)
            self._pid = 0

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_only_view(python: str) -> int:
    """This machine's root once more, mounted nowhere and read-only; -1 where that cannot be had.

    The launcher runs its interpreter from there, and so do monitors and whatever becomes a container: who gets hold of
    it through /proc/PID/exe cannot write to it, whatever powers it has over files. The whole root, since loaders find
    libraries from the path of the program.
    """
    try:
        view = calls.open_tree(-100, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
    except StackupError:
        return -1
    try:
        calls.mount_setattr(view, "", AT_EMPTY_PATH, MountAttr(attr_set=MOUNT_ATTR_RDONLY))
        program = os.path.realpath(python)
        seen = os.stat(program.lstrip("/"), dir_fd=view)  # fails where it lies on another mount
        if os.path.samestat(seen, os.stat(program)):
            return view
    except (StackupError, OSError):
        pass
    os.close(view)
    return -1


def refused(name: str, answer: dict[str, Any]) -> StackupError:
    said = answer["error"]
    text = f'cannot start "{name}": {said["message"]}'
    return HostError(text, subject=said["subject"] or name, hint=said["hint"], code=said["code"])


def outcome(description: Description, answer: dict[str, Any]) -> Outcome:
    """A launcher's answer as a value."""
    name = description["name"]
    if "status" in answer:
        status: Status = answer["status"]
        return status
    if "error" in answer:
        return refused(name, answer)
    trace = os.path.join(description["state_dir"], TRACE)
    text = f'the monitor of "{name}" ended before the container was started'
    return HostError(text, subject=name, code="monitor-gone", hint=f'see "{trace}"' if os.path.exists(trace) else "")
