"""`develop.watch`: which changed path concerns which service, and what is to become of it. Pure but for .dockerignore.

As with docker compose every rule that takes a path has its effect. What is left out: what .dockerignore of the build
names, the rule's own `ignore`, .git, and what editors leave beside a file while they write it.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackup.diagnostics import Diagnostics, Span
from stackup.images.build.context import ignore_rules
from stackup.images.build.ignore import BadPattern, Ignore, read_ignore
from stackup.reconcile.diff import origin_of

if TYPE_CHECKING:
    from stackup.engines.engine import ExecRequest
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.model import Service
    from stackup.stackfile.model.mounts import Hook
    from stackup.stackfile.model.mounts import Watch as Said

REBUILD, RESTART, SYNC_RESTART, SYNC_EXEC = "rebuild", "restart", "sync+restart", "sync+exec"
CODE, SUMMARY = "SU122", "a watch rule cannot work as it is"
SCRATCH = (
    *("**/*~", "**/.*.sw[nopx]", "**/4913"),  # vim
    *("**/.#*", "**/#*#"),  # emacs
    *("**/.*.kate-swp", "**/.goutputstream-*", "**/*___jb_tmp___", "**/*___jb_old___", "**/.idea"),
    "**/.git",
)
"""No rule wants these: they are the tools' own."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Patterns, the folder that they count from, and a path that they do not mean."""

    base: str
    patterns: Ignore
    but: str = ""

    def names(self, path: str) -> bool:
        inner = beneath(self.base, path)
        return bool(inner) and path != self.but and self.patterns.leaves_out(inner or "")


@dataclass(frozen=True, slots=True)
class Rule:
    """`target` is where `path` is in the container; `program` runs there after sync+exec."""

    service: str
    action: str
    path: str
    target: str = ""
    initial_sync: bool = False
    left_out: tuple[Scope, ...] = ()
    included: Scope | None = None
    program: ExecRequest | None = None

    @property
    def syncs(self) -> bool:
        return self.action.startswith("sync")

    def takes(self, path: str) -> bool:
        inner = beneath(self.path, path)
        if inner is None or any(scope.names(path) for scope in self.left_out):
            return False
        return self.included is None or not inner or self.included.names(path)

    def skips(self, folder: str) -> bool:
        """Whether nothing in the folder can be this rule's."""
        if beneath(self.path, folder) is None and beneath(folder, self.path) is None:
            return True
        return any(not scope.patterns.exceptions and scope.names(folder) for scope in self.left_out)

    def place(self, path: str) -> str:
        """A path that it takes, in the container."""
        return posixpath.join("/", self.target, beneath(self.path, path) or "").rstrip("/")


@dataclass(slots=True)
class Work:
    """What a batch of changes means for one service. `files`: path in the container to path on this machine."""

    service: str
    changed: set[str] = field(default_factory=set)
    rebuild: bool = False
    restart: bool = False
    files: dict[str, str] = field(default_factory=dict)
    programs: list[ExecRequest] = field(default_factory=list)


def beneath(folder: str, path: str) -> str | None:
    """The way from a folder to a path in it; empty for the folder itself, None for what is elsewhere."""
    if path == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def work_of(rules: Iterable[Rule], paths: Sequence[str]) -> list[Work]:
    """In the order of the rules; a container that is made anew needs no restart."""
    found: dict[str, Work] = {}
    for rule in rules:
        taken = [path for path in paths if rule.takes(path)]
        if not taken:
            continue
        work = found.setdefault(rule.service, Work(rule.service))
        work.changed.update(taken)
        work.rebuild |= rule.action == REBUILD
        work.restart |= rule.action in (RESTART, SYNC_RESTART)
        if rule.syncs:
            work.files |= {rule.place(path): path for path in taken}
        if rule.action == SYNC_EXEC and rule.program is not None:
            work.programs.append(rule.program)
    return list(found.values())


def rules_of(loaded: Loaded, services: Iterable[str], problems: Diagnostics) -> list[Rule]:
    """Of these services; what cannot work is told with its place, and so are rules that are not needed."""
    assert loaded.stack is not None, "load() has seen to it"
    found = []
    for name in services:
        service = loaded.stack.services[name]
        for number, said in enumerate(service.develop.watch if service.develop else ()):
            judge = _Judge(loaded, problems, name, number)
            if judge.is_sound(service, said):
                found.append(judge.rule(service, said))
    return found


@dataclass(frozen=True, slots=True)
class _Judge:
    loaded: Loaded
    problems: Diagnostics
    service: str
    number: int

    def is_sound(self, service: Service, said: Said) -> bool:
        """Whether it is to be watched for."""
        if said.action == REBUILD and service.build is None:
            self._error("action", "there is no `build`: nothing can be rebuilt", "give it one, or choose restart")
        if said.action == SYNC_EXEC and said.exec is None:
            self._error("action", '"sync+exec" needs an `exec`', "write exec: {command: ...}")
        if said.action != SYNC_EXEC and said.exec is not None:
            self._warning("exec", f'"{said.action}" runs nothing', "choose the action sync+exec")
        binds = [mount.source for mount in service.volumes if mount.type == "bind" and mount.source]
        shared = [source for source in binds if beneath(os.path.normpath(source), said.path) is not None]
        if shared and said.action.startswith("sync"):
            self._warning("path", f'"{shared[0]}" is a bind mount: its changes are there already', "choose restart")
            return False
        return True

    def rule(self, service: Service, said: Said) -> Rule:
        path = os.path.normpath(said.path)
        target = said.target or ""
        if target.endswith("/") and os.path.isfile(path):
            target += os.path.basename(path)
        scratch = Scope("/", Ignore(SCRATCH))
        ignored = Scope(path, self._patterns("ignore", said.ignore))
        included = Scope(path, self._patterns("include", said.include)) if said.include else None
        return Rule(
            service=self.service,
            action=said.action,
            path=path,
            target=target,
            initial_sync=said.initial_sync,
            left_out=(scratch, ignored, *self._dockerignore(service)),
            included=included,
            program=_request(said.exec) if said.exec else None,
        )

    def _patterns(self, key: str, texts: Sequence[str]) -> Ignore:
        try:
            return Ignore([pattern for text in texts for pattern in read_ignore(text)])
        except BadPattern as problem:
            self._error(key, str(problem), "see .dockerignore for what a pattern may be")
            return Ignore(())

    def _dockerignore(self, service: Service) -> tuple[Scope, ...]:
        """The Dockerfile itself may be named there and is of interest all the same, as with docker compose."""
        if service.build is None or not os.path.isdir(service.build.context):
            return ()
        context, dockerfile = os.path.normpath(service.build.context), service.build.dockerfile or "Dockerfile"
        root_fd = os.open(context, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return (Scope(context, ignore_rules(root_fd, dockerfile), os.path.join(context, dockerfile)),)
        finally:
            os.close(root_fd)

    def _error(self, key: str, label: str, hint: str) -> None:
        self.problems.error(CODE, SUMMARY, detail=self._detail(label), span=self._span(key), label=label, hint=hint)

    def _warning(self, key: str, label: str, hint: str) -> None:
        self.problems.warning(CODE, SUMMARY, detail=self._detail(label), span=self._span(key), label=label, hint=hint)

    def _detail(self, label: str) -> str:
        return f'rule {self.number + 1} of service "{self.service}": {label}'

    def _span(self, key: str) -> Span | None:
        return origin_of(self.loaded.origins, ("services", self.service, "develop", "watch", self.number, key))


def _request(hook: Hook) -> ExecRequest:
    return {
        "argv": list(hook.command),
        "env": {key: value for key, value in hook.environment.items() if value is not None},
        "cwd": hook.working_dir or "",
        "user": hook.user or "",
        "privileged": hook.privileged,
        "tty": False,
        "interactive": False,
        "detach": False,
    }
