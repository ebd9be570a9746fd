"""Take a stack down: the empty desired set, volumes kept unless asked."""

from __future__ import annotations

from dataclasses import dataclass

from stackup.errors import StackupError
from stackup.project import edits, image
from stackup.project.change import Aim, change, erase_history, orphans
from stackup.project.resolve import Resolved, identify
from stackup.project.session import Session
from stackup.reconcile.apply import Report
from stackup.reconcile.decide import Policy
from stackup.reconcile.resource import Observed


@dataclass(frozen=True, slots=True)
class DownOptions:
    services: tuple[str, ...] = ()
    volumes: bool = False
    images: str = ""
    """`all` images of the services, or only `local` ones, those without a name of their own; empty: none."""
    remove_orphans: bool = False
    ignore_orphans: bool = False
    stop_timeout: float | None = None


def down(session: Session, options: DownOptions) -> Report:
    """Works without a file when the stack is named: then everything of that name goes."""
    found = identify(session)
    if found.known is not None:
        found.require(options.services)

    images: set[str] = set()

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        if not observed:
            session.notice(f'no resource found to remove for stack "{found.name}"')
        images.update(_images(found.name, options, observed))
        return _aim(session, found, options, observed)

    report = change(session, found.name, aiming, stop_timeout=options.stop_timeout)
    if report.ok and not session.dry_run:
        erase_history(session, found.name)
        for reference in sorted(images):
            _remove_image(session, reference)
    return report


def _images(stack: str, options: DownOptions, observed: tuple[Observed, ...]) -> set[str]:
    """What the containers that go were made of. The machine's own root is no image to remove."""
    names = set()
    for seen in edits.seen_of(observed, options.services):
        name, service = str(seen.recorded["image_name"]), edits.service_of(seen.address, seen.recorded)
        if seen.recorded["image"] != "host" and (options.images == "all" or name == f"{stack}-{service}"):
            names.add(name)
    return names if options.images else set()


def _remove_image(session: Session, reference: str) -> None:
    """One that another stack uses stays, and that is said; so is one that has gone already."""
    try:
        image.remove(session, reference)
    except StackupError as problem:
        session.notice(f'image "{reference}" stays: {problem.message}')
    else:
        session.notice(f"image {reference} removed", level="info")


def _aim(session: Session, found: Resolved, options: DownOptions, observed: tuple[Observed, ...]) -> Aim:
    known = found.pairs if found.known is not None else _everything(observed)
    if options.services:
        chosen = frozenset(seen.address for seen in edits.seen_of(observed, options.services))
        return Aim((), Policy(known=known, scope=chosen, clear=True))
    left = orphans(observed, known)
    if left and not options.remove_orphans and not options.ignore_orphans:
        names = ", ".join(str(seen.recorded.get("name", seen.address)) for seen in left)
        session.notice(f"found orphan containers ({names}) for this stack: --remove-orphans removes them as well")
    return Aim((), Policy(known=known, clear=True, orphans=options.remove_orphans, data=options.volumes))


def _everything(observed: tuple[Observed, ...]) -> frozenset[tuple[str, str]]:
    return frozenset((seen.address.kind, seen.address.name) for seen in observed)
