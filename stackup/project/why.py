"""Why a resource is as it is: what its history says, and what a plan would do to it now and for which reason."""

from __future__ import annotations

from typing import Any

from stackup.errors import UsageError
from stackup.project.plan import plan
from stackup.project.session import Session
from stackup.project.up import UpOptions
from stackup.reconcile.journal import entries
from stackup.reconcile.plan import Change, Plan
from stackup.values import Address


def why(session: Session, text: str) -> tuple[list[Change], list[dict[str, Any]]]:
    """Changes that a plan holds for it now (idle ones included), and its past ones from the journal, oldest first."""
    made = plan(session, UpOptions(ignore_orphans=True))
    found = [change for change in made.changes if matches(change.address, text)]
    past = _history(session, made, text)
    if not found and not past:
        near = ", ".join(sorted({change.address.name for change in made.changes}))
        raise UsageError(f'nothing here is called "{text}"', subject=text, hint=f"there are: {near}" if near else "")
    return found, past


def matches(address: Address, text: str) -> bool:
    """By address, by kind and name, or by name alone."""
    return text in (str(address), f"{address.kind}/{address.name}", address.name)


def _history(session: Session, made: Plan, text: str) -> list[dict[str, Any]]:
    found = []
    for entry in entries(session.layout.journal_file(made.stack)):
        if entry.get("entry") != "plan":
            continue
        for item in entry.get("changes", ()):
            if matches(Address.parse(str(item.get("address"))), text):
                found.append({"at": entry.get("at", 0.0), "command": entry.get("command", ""), **item})
    return found
