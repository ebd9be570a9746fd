"""Before a stack is translated its images are brought up to date: those whose inputs have changed are built anew.
One that came from elsewhere under its name (pulled, loaded) is left as it is, unless the user says --build.

Where nothing may be built (`plan`, --no-build) it is said what would be, and which file is to blame. What was looked at
is an input of the cached stack, so that a command with nothing to do only looks at stamps.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from stackup.engines.desire.builds import build_form, in_order
from stackup.images.build.request import Unbuildable
from stackup.kernel import files
from stackup.project.build import invalid
from stackup.project.held import held_bases
from stackup.stamps import NEVER, holds, stamp

if TYPE_CHECKING:
    from stackup.engines.engine import Builder
    from stackup.project.session import Session
    from stackup.stackfile.load import Loaded
    from stackup.stamps import Stamp
    from stackup.values import Data

_SHOWN = 3


def prepare(session: Session, loaded: Loaded) -> dict[str, Stamp | None]:
    """What the images rest on; an image that is due and was not built makes an answer that is not kept."""
    stack = loaded.stack
    assert stack is not None, "load() has seen to it"
    builder = session.host.builder() if any(service.build for service in stack.services.values()) else None
    if builder is None:
        return {}
    held = held_bases(session, loaded)
    found: dict[str, Stamp | None] = {}
    for name in in_order(stack.services, tuple(stack.services)):
        form = build_form(stack, name, session.where.environ.get) | held
        try:
            found |= _one(session, builder, name, form)
        except Unbuildable as problem:
            raise invalid(problem, name) from problem
    return found


def _one(session: Session, builder: Builder, name: str, form: Data) -> dict[str, Stamp | None]:
    state, paths = builder.look(form)
    if state == "current" or (state == "foreign" and not session.rebuild):
        return {path: stamp(path) for path in paths}
    note = _note(session, form)
    if session.build is None or session.dry_run:
        session.due.append(f'image "{form["name"]}" would be built: {_reason(files.read_json(note), paths)}')
        return {f"image {form['name']}": NEVER}
    tell = session.build
    builder.build(form, lambda told: tell(name, told))
    _, paths = builder.look(form)
    files.make_dir(os.path.dirname(note))
    stamps = {path: stamp(path) for path in paths}
    files.write_json(note, stamps, durable=False)
    return stamps


def _note(session: Session, form: Data) -> str:
    """What the paths were when the image was last built here."""
    name = hashlib.sha256(str(form["name"]).encode()).hexdigest()[:32]
    return os.path.join(session.layout.state, "build", "inputs", f"{name}.json")


def _reason(before: Any, paths: list[str]) -> str:
    if not isinstance(before, dict):
        return "it is not here" if before is None else "its inputs changed"
    changed = [path for path, seen in before.items() if not os.path.isdir(path) and not holds(path, seen)]
    changed += [path for path in paths if path not in before]
    if not changed:
        return "what the file says of it, or its base, changed"
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return f"{', '.join(changed[:_SHOWN])} changed{more}"
