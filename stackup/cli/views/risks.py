"""The block that says what a plan gives away of the machine; nothing where there is nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stackup.cli.terminal import BOLD, YELLOW
from stackup.project.risks import Places, Risk, outside, risks

if TYPE_CHECKING:
    from stackup.cli.call import Call
    from stackup.project.session import Session
    from stackup.reconcile.plan import Plan

HEAD = "Beyond its containers this stack gets"


def found(call: Call, session: Session, plan: Plan) -> list[Risk]:
    """The risks, and as such the files from outside of the stack's folder."""
    layout, project = call.layout, session.directory or session.where.directory
    places = Places((layout.state, layout.run), call.environ.get("HOME", ""), project)
    files = [
        Risk(name, "is read from outside of the project", "")
        for name in outside(plan, session.where.directory, project)
    ]
    return [*risks(plan, places), *files]


def show(rows: list[Risk], say: Callable[[str], None], paint: Callable[[str, str], str]) -> None:
    """Subjects and words aligned, the line last."""
    if not rows:
        return
    say(paint(f"{HEAD}:", BOLD + YELLOW))
    subjects, texts = (max(len(getattr(row, key)) for row in rows) for key in ("subject", "text"))
    for row in rows:
        say(f"  {row.subject:<{subjects}}  {row.text:<{texts}}  {row.place}".rstrip())


def rows(found: list[Risk]) -> list[dict[str, str | None]]:
    """For programs."""
    return [{"subject": risk.subject, "text": risk.text, "place": risk.place or None} for risk in found]
