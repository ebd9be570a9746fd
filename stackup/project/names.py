"""Names that a shell may offer: of services, profiles and stacks. Quick, silent, and without a word from the network.

Hot. The cache answers when it holds; else the files are glanced at, as far as they lie on this machine.
"""

from __future__ import annotations

import os

from stackup.errors import StackupError
from stackup.project.resolve import cached
from stackup.stackfile.discover import STDIN, Request, find, read_disk
from stackup.stackfile.glance import Glance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.project.session import Session

MOST_FILES = 50


def services(session: Session) -> list[str]:
    """Those of switched-off profiles as well, since naming one switches it on."""
    found = cached(session, complete=False)
    if found is not None:
        return sorted([*found.services, *found.disabled])
    return _distinct([name for seen in _glances(session) for name in seen.services])


def profiles(session: Session) -> list[str]:
    return _distinct([name for seen in _glances(session) for name in seen.profiles])


def stacks(session: Session) -> list[str]:
    return session.host.direct.stacks()


def _distinct(names: list[str]) -> list[str]:
    return sorted(set(names))


def _glances(session: Session) -> list[Glance]:
    where = session.where
    request = Request(
        where.directory,
        files=where.files,
        environ=where.environ,
        env_files=where.env_files,
        project_directory=where.project_directory,
    )
    todo = [path for path in find(request).files if path != STDIN]
    seen: dict[str, Glance] = {}
    while todo and len(seen) < MOST_FILES:
        path = todo.pop(0)
        if path not in seen:
            seen[path] = Glance(_text(path))
            folder = os.path.dirname(path)
            todo += [os.path.normpath(os.path.join(folder, name)) for name in seen[path].includes if "://" not in name]
    return list(seen.values())


def _text(path: str) -> str:
    try:
        return (read_disk(path) or b"").decode(errors="replace")
    except StackupError:
        return ""
