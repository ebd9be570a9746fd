"""`watch`: what changes in files of this machine is brought into the containers, or makes them anew.

The kernel tells what changed, the rules say for whom, and each service gets its work done: built and made anew, files
brought, restarted, programs run. A failure is told and ends nothing: the next change is another try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from stackup.diagnostics import Diagnostics
from stackup.errors import HostError, StackupError, UsageError
from stackup.images.syncing import Target
from stackup.project.containers import containers
from stackup.project.image import in_use, store
from stackup.project.lifecycle import Selected, restart
from stackup.project.problems import rows_of, tell
from stackup.project.resolve import load
from stackup.project.session import no_such_service
from stackup.project.up import UpOptions, up
from stackup.project.watching.rules import Rule, Work, rules_of, work_of
from stackup.project.watching.tree import Tree

if TYPE_CHECKING:
    from stackup.engines.engine import Container, ExecRequest
    from stackup.project.session import Session
    from stackup.reconcile.apply import Report


@dataclass(frozen=True, slots=True)
class Begun:
    """`doing`: sync, rebuild, restart or exec. `changes`: how many paths were the reason, 0 for none."""

    service: str
    doing: str
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """`report` is there where a plan was applied, which may have failed; `code` where a program ran."""

    service: str
    doing: str
    report: Report | None = None
    code: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    service: str
    doing: str
    problem: StackupError


Told: TypeAlias = Begun | Done | Failed
Tell: TypeAlias = "Callable[[Told], None]"


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """`prune`: the image that a rebuild has replaced goes."""

    services: tuple[str, ...] = ()
    prune: bool = True


class Watch:
    """Rules with the tree that they look at. What changes from now on, and during `up`, will be heard of."""

    def __init__(self, rules: list[Rule], options: WatchOptions) -> None:
        self.rules = rules
        self._options = options
        self._tree = Tree([rule.path for rule in rules], lambda folder: all(rule.skips(folder) for rule in rules))

    def close(self) -> None:
        self._tree.close()

    def wait(self) -> None:
        """Until something may have changed. Sleeps in the kernel; may be called in a thread of its own."""
        self._tree.wait()

    def begin(self, session: Session, tell: Tell) -> None:
        """What rules with `initial_sync` want."""
        for work in self._initial(self.rules):
            _Doing(session, work, tell).sync()

    def handle(self, session: Session, tell: Tell) -> list[str]:
        """Do what the changes so far ask for; the services that were concerned."""
        found = work_of(self.rules, self._tree.changes())
        for work in found:
            if session.interrupt is None or not session.interrupt.cancelled:
                self._do(_Doing(session, work, tell), work)
        return [work.service for work in found]

    def _do(self, doing: _Doing, work: Work) -> None:
        if work.rebuild and doing.rebuild(prune=self._options.prune):
            for more in self._initial(rule for rule in self.rules if rule.service == work.service):
                work.files = more.files | work.files
        if work.files and not doing.sync():
            return
        if work.restart and not work.rebuild:
            doing.restart()
        for program in work.programs:
            doing.run(program)

    def _initial(self, rules: Iterable[Rule]) -> list[Work]:
        chosen = [rule for rule in rules if rule.initial_sync and rule.syncs]
        return [
            work
            for rule in chosen
            for work in work_of([rule], [path for path in self._tree.paths(rule.path) if rule.takes(path)])
        ]


def watch(session: Session, options: WatchOptions) -> Watch:
    """The rules of the named services, or of all. Raises StackInvalid for rules that cannot work."""
    loaded = load(session, options.services)
    assert loaded.stack is not None, "load() has seen to it"
    known = loaded.stack.services
    for name in options.services:
        if name not in known:
            raise no_such_service(name, tuple(known))
    problems = Diagnostics()
    rules = rules_of(loaded, options.services or known, problems)
    tell(session, rows_of(problems, loaded.sources))
    if not rules:
        raise UsageError(
            "none of the selected services is configured for watch, consider setting a 'develop' section",
            hint="write develop.watch with a path, an action and, for sync, a target",
        )
    return Watch(rules, options)


@dataclass(frozen=True, slots=True)
class _Doing:
    """One service's work, each part of it told as it begins and as it ends."""

    session: Session
    work: Work
    tell: Tell

    def rebuild(self, *, prune: bool) -> bool:
        """As `up --build` does for this service; whether its containers are new ones now."""
        service = self.work.service
        before = {row["image_id"] for row in self._rows()}
        options = UpOptions(services=(service,), no_deps=True, ignore_orphans=True, build="all")
        if not self._told("rebuild", lambda: up(self.session, options)):
            return False
        if prune and not self.session.dry_run:
            self._prune(before)
        return True

    def restart(self) -> None:
        chosen = Selected(services=(self.work.service,))
        self._told("restart", lambda: restart(self.session, chosen))

    def sync(self) -> bool:
        """Into all of the service's containers, also into those that do not run."""
        return self._told("sync", self._sync)

    def run(self, program: ExecRequest) -> None:
        self._told("exec", lambda: self._run(program))

    def _told(self, doing: str, verb: Callable[[], Report | int | None]) -> bool:
        service = self.work.service
        self.tell(Begun(service, doing, len(self.work.changed)))
        try:
            found = verb()
        except StackupError as problem:
            self.tell(Failed(service, doing, problem))
            return False
        code = found if isinstance(found, int) else 0
        report = None if isinstance(found, int) else found
        self.tell(Done(service, doing, report, code))
        return code == 0 and (report is None or report.ok)

    def _rows(self) -> list[Container]:
        return [row for row in containers(self.session, (self.work.service,)) if not row["transient"]]

    def _sync(self) -> None:
        rows = self._rows()
        if not rows:
            hint = f"start it with `stackup up -d {self.work.service}`"
            raise HostError(f'service "{self.work.service}" has no container', subject=self.work.service, hint=hint)
        problems = [problem for row in rows if not self.session.dry_run for problem in self._bring(row)]
        for problem in problems[:-1]:
            self.tell(Failed(self.work.service, "sync", problem))
        if problems:
            raise problems[-1]

    def _bring(self, row: Container) -> list[StackupError]:
        """What one container gets; a file that cannot be brought does not keep the others away."""
        problems = []
        direct = self.session.host.direct
        with direct.root(row) as root:
            target = Target(root.fd, direct.owner(row, root))
            for path, source in self.work.files.items():
                try:
                    target.bring(source, path)
                except StackupError as problem:
                    problems.append(problem)
        return problems

    def _run(self, program: ExecRequest) -> int:
        """In a thread of its own, where no Ctrl-C goes to the program: it is the watch's."""
        direct, rows = self.session.host.direct, [row for row in self._rows() if row["pid"]]
        with ThreadPoolExecutor(1) as pool:
            codes = [pool.submit(direct.exec, row, program).result() for row in rows]
        return next((code for code in codes if code), 0)

    def _prune(self, before: set[str]) -> None:
        """Only what this rebuild has left without a name and without a container."""
        images = store(self.session)
        named = {image for _, image in images.tags()}
        for image in before & set(images.image_ids()) - named:
            with suppress(StackupError):
                images.remove(image, keep=lambda: in_use(self.session))
