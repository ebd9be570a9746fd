"""What `up` would do, without doing it."""

from __future__ import annotations

from stackup.errors import HostError
from stackup.project.change import plan as make
from stackup.project.session import Session
from stackup.project.up import UpOptions, aim_of, resolve_for
from stackup.reconcile.codec import plan_to_json
from stackup.reconcile.plan import Plan


def plan(session: Session, options: UpOptions) -> Plan:
    """The plan of `up` with these options; nothing is locked or written."""
    session.dry_run = True  # the cache is not written either
    resolved = resolve_for(session, options)
    return make(session, resolved.name, lambda observed: aim_of(resolved, options, observed))


def save(plan: Plan, path: str) -> None:
    """Write a plan for `apply`. It holds environments, so it is its owner's alone."""
    import os

    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(plan_to_json(plan))
    except OSError as problem:
        raise HostError(f'cannot write "{path}": {(problem.strerror or "").lower()}', subject=path) from problem
