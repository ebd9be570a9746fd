"""Bring images to their registries: those of a stack's services that are built, or one by its name.

No plan, since nothing of this machine changes; the events are those of a plan's steps, so that every view shows them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stackup.errors import StackupError
from stackup.events import PlanMade, StepEnded, StepStarted, StepTransfer
from stackup.images.pull import Client, connect
from stackup.images.push import Pushed, Pusher
from stackup.images.reference import parse
from stackup.images.registry import Pause
from stackup.images.store import Store
from stackup.project.pull import PullOptions, with_needs
from stackup.project.resolve import load
from stackup.project.session import Session, no_such_service

VERB = "push"


@dataclass(frozen=True, slots=True)
class Sent:
    """By the image's name: what its registry has now, and why it has not the others."""

    pushed: Mapping[str, Pushed]
    failures: Mapping[str, StackupError]


def push(session: Session, services: tuple[str, ...] = (), *, include_deps: bool = False) -> Sent:
    """As docker compose does: what is not built here is somebody else's to push, and is named."""
    loaded = load(session, services)
    assert loaded.stack is not None, "load() has seen to it"
    there = loaded.stack.services
    for name in services:
        if name not in there:
            raise no_such_service(name, tuple(there))
    chosen = with_needs(there, PullOptions(services, include_deps=include_deps)) if services else tuple(there)
    names = []
    for name in chosen:
        service = there[name]
        if service.build and service.image:
            names.append(service.image)
        else:
            why = "it is not built here" if not service.build else "it has no `image:` to be pushed as"
            session.notice(f'service "{name}" is skipped: {why}', level="info")
    return push_images(session, dict.fromkeys(names))


def push_images(session: Session, names: Iterable[str]) -> Sent:
    """One after the other: an image's layers go at the same time."""
    client = connect(session.where.environ, _pause(session))
    wanted = list(names)
    session.sink(PlanMade(time.time(), len(wanted), tuple(map(_address, wanted))))
    pushed: dict[str, Pushed] = {}
    failures: dict[str, StackupError] = {}
    for step, name in enumerate(wanted, 1):
        begun, problem = time.monotonic(), None
        session.sink(StepStarted(time.time(), step, VERB, _address(name)))
        try:
            if not session.dry_run:
                pushed[name] = _push(session, client, step, name)
        except StackupError as error:
            problem = failures[name] = error
        seconds, message = time.monotonic() - begun, problem.message if problem else ""
        session.sink(StepEnded(time.time(), step, VERB, _address(name), seconds, message))
    return Sent(pushed, failures)


def _push(session: Session, client: Client, step: int, name: str) -> Pushed:
    def told(part: str, done: int, total: int) -> None:
        session.sink(StepTransfer(time.time(), step, VERB, _address(name), part, done, total))

    return Pusher(Store(session.layout.images_dir), client, parse(name), told).push()


def _address(name: str) -> str:
    return f"image/{name}"


def _pause(session: Session) -> Pause:
    def pause(seconds: float) -> bool:
        if session.interrupt is not None:
            return session.interrupt.wait(seconds)
        time.sleep(seconds)
        return False

    return pause
