"""What a RUN runs: its command line, its mounts, and the script that a heredoc may be. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace

from stackup.images.build.commands import Run
from stackup.images.build.dockerfile import Instruction
from stackup.images.build.expansion import WordError
from stackup.images.build.flags import Refused
from stackup.images.build.heredoc import Heredoc, parse_heredoc
from stackup.images.build.mounts import Mount, parse_mount
from stackup.images.build.scope import Scope

SCRIPTS = "/dev/pipes"
"""Where a heredoc with `#!` is put, read-only, for its RUN."""


@dataclass(frozen=True, slots=True)
class Execute:
    """A process in the root of the stage; what it leaves there is the result."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    """ENV and ARG, sorted; proxies of the build come on top and are no part of what it is."""
    workdir: str
    user: str
    mounts: tuple[Mount, ...]
    """Targets are absolute, ids are filled in."""
    network: str
    security: str
    script: Heredoc | None = None
    """To be put at SCRIPTS/name, mode 0755."""


def execution(run: Run, written: Instruction, scope: Scope, expand: Callable[[str], str]) -> Execute:
    """Raises Refused."""
    words, script = _command(run, written)
    return Execute(
        scope.shell(words) if run.line.shell and not script else words,
        tuple(sorted(scope.variables.items())),
        scope.workdir,
        scope.config.user,
        tuple(_placed(parse_mount(written, spec, expand), written, scope) for spec in run.mounts),
        run.network,
        run.security,
        script,
    )


def _command(run: Run, written: Instruction) -> tuple[tuple[str, ...], Heredoc | None]:
    """A heredoc alone is the script itself; others are handed to the shell as they are written."""
    words = run.line.words
    if not run.heredocs:
        return words, None
    if _is_heredoc(words[0]):
        document = run.heredocs[0]
        if document.text.startswith("#!"):
            if "/" in document.name or document.name in {".", ".."}:
                raise Refused("SU203", f'"{document.name}" is no name for a script', written.span)
            return (f"{SCRIPTS}/{document.name}",), document
        return (document.text,), None
    documents = "".join(f"\n{document.content}{document.name}" for document in run.heredocs)
    return (words[0] + documents,), None


def _is_heredoc(word: str) -> bool:
    try:
        return parse_heredoc(word) is not None
    except WordError:
        return False


def _placed(mount: Mount, written: Instruction, scope: Scope) -> Mount:
    if mount.kind == "ssh":
        return replace(mount, id=mount.id or "default")
    if mount.kind == "secret":
        name = mount.id or mount.source or posixpath.basename(mount.target)
        name = posixpath.basename(name) if mount.source else name
        target = mount.target or ("" if mount.env else f"/run/secrets/{posixpath.basename(name)}")
        return replace(mount, id=name, source="", target=target and scope.path(target).rstrip("/"))
    target = scope.path(mount.target).rstrip("/")
    if not target:
        raise Refused("SU203", "a mount cannot have / as its target", written.written.find("--mount"))
    if mount.kind == "cache":
        return replace(mount, target=target, id=mount.id or target)
    return replace(mount, target=target)
