"""Waiting for containers: how far each has come, what is missing, and when it will not come so far any more."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from typing import cast

from stackup.engines.builtin import describe
from stackup.engines.builtin.records import Record, Shelf
from stackup.engines.builtin.rows import out_of_memory
from stackup.errors import HostError, StackupError
from stackup.reconcile.resource import Outcome, Tell, Until, Work
from stackup.runtime import record
from stackup.runtime.client import Client, Conversation, MonitorGone
from stackup.runtime.description import Status
from stackup.runtime.spec import ContainerSpec

TOLD_EVERY_S = 1.0


class Reach:
    """Watches all monitors of a group in one poll. Once a second it is told what is still missing."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._poll = select.poll()
        self._talking: dict[int, tuple[Work, Conversation]] = {}

    def run(self, works: Sequence[Work], tell: Tell) -> Iterator[Outcome]:
        began = time.monotonic()
        try:
            for work in works:
                outcome = self._open(work)
                if outcome:
                    yield outcome
            while self._talking and not tell.cancelled:
                ready = self._poll.poll(TOLD_EVERY_S * 1000)
                for fd, _ in ready:
                    outcome = self._hear(fd)
                    if outcome:
                        yield outcome
                if not ready:
                    self._tell(tell, time.monotonic() - began)
            for work, _ in self._talking.values():
                problem = HostError(f'gave up waiting for "{work.address}"', subject=str(work.address))
                yield Outcome(work.step, problem)
        finally:
            for _, conversation in self._talking.values():
                conversation.close()

    def _open(self, work: Work) -> Outcome | None:
        """Nobody to talk to: the status file has the last word."""
        try:
            conversation = Client(self._shelf.live_dir(work.address)).open()
            conversation.say({"do": "watch"})
        except MonitorGone:
            return self._last_word(work)
        self._talking[conversation.fileno()] = (work, conversation)
        self._poll.register(conversation.fileno(), select.POLLIN)
        return None

    def _hear(self, fd: int) -> Outcome | None:
        work, conversation = self._talking[fd]
        outcome: Outcome | None = None
        try:
            conversation.read()
            while conversation.heard and outcome is None:
                outcome = self._judge(work, cast(Status, conversation.hear()["status"]))
        except MonitorGone:
            outcome = self._last_word(work)
        if outcome:
            self._poll.unregister(fd)
            conversation.close()
            del self._talking[fd]
        return outcome

    def _last_word(self, work: Work) -> Outcome:
        status = record.observe_status(self._shelf.state_dir(work.address))
        found = self._judge(work, status) if status else None
        missing = HostError(f'"{work.address}" was never started', subject=str(work.address), hint="stackup start")
        return found or Outcome(work.step, missing)

    def _judge(self, work: Work, status: Status) -> Outcome | None:
        claim = self._shelf.need(work.address)
        if work.until in reached(claim, status):
            return Outcome(work.step)
        problem = hopeless(work, claim, status)
        return Outcome(work.step, problem) if problem else None

    def _tell(self, tell: Tell, seconds: float) -> None:
        for work, _ in self._talking.values():
            status = record.observe_status(self._shelf.state_dir(work.address))
            probes = status["health"]["log"] if status and status["health"] else []
            last = probes[-1]["output"].strip().splitlines()[-1:] if probes else []
            said = f"; last probe: {last[0]}" if last else ""
            until = work.until.value if work.until else "ready"
            tell.progress(work.step, f"waiting until {until}, {seconds:.0f} s{said}")


def spec_of(claim: Record) -> ContainerSpec:
    return cast(ContainerSpec, claim["spec"])


def reached(claim: Record, status: Status | None) -> frozenset[Until]:
    """How far it has come. Without a health check, running is as healthy as it can be seen to be."""
    found = {Until.EXISTS}
    if status is None or status["instance"] != claim["instance"]:
        return frozenset(found)
    if status["state"] == "running":
        found.add(Until.STARTED)
        checked = describe.health(spec_of(claim), claim["given"]["image"])
        if status["health"] and status["health"]["status"] == "healthy" and checked:
            found.add(Until.HEALTHY)
    if status["state"] == "exited" and status["exit_code"] == 0 and not status["stopped"]:
        found |= {Until.STARTED, Until.COMPLETED}
    return frozenset(found)


def why_not_running(status: Status | None, claim: Record) -> str:
    if status is None:
        return "never started"
    if status["state"] == "failed":
        return status["error"]
    if status["stopped"]:
        return "stopped"
    if status["oom"]:
        return out_of_memory(claim)
    return status["error"] or f"exited {status['exit_code']}"


def hopeless(work: Work, claim: Record, status: Status) -> StackupError | None:
    """Why it will not come so far by itself any more; None while it may."""
    name = spec_of(claim)["name"]
    if status["state"] in ("exited", "failed"):
        what = why_not_running(status, claim)
        return HostError(
            f'container "{name}" is not running: {what}', subject=name, hint=f"look at: stackup logs {_service(claim)}"
        )
    if work.until is Until.HEALTHY:
        if not describe.health(spec_of(claim), claim["given"]["image"]):
            hint = "give the service a `healthcheck`, or wait for `service_started`"
            return HostError(f'container "{name}" has no health check', subject=name, hint=hint)
        if status["health"] and status["health"]["status"] == "unhealthy":
            return _unhealthy(name, status, _service(claim))
    return None


def _service(claim: Record) -> str:
    return str(claim["spec"]["service"])


def _unhealthy(name: str, status: Status, service: str) -> StackupError:
    probes = status["health"]["log"] if status["health"] else []
    said = probes[-1]["output"].strip() if probes else ""
    code = probes[-1]["exit_code"] if probes else 0
    detail = f": the last probe exited {code}" + (f" and said: {said}" if said else "")
    return HostError(f'container "{name}" is unhealthy{detail}', subject=name, hint=f"look at: stackup logs {service}")
