"""From where the user stands to a resolved stack: out of the cache when nothing has changed, else by loading.

Hot until it has to load. `identify` answers who the stack is (name, services, what its file knows), which is all that
most verbs ask; `resolve` also wants the desired set.
"""

from __future__ import annotations

from math import inf

from stackup.errors import StackupError, UsageError
from stackup.project import cache
from stackup.project.problems import readable, refuse, rows_of, tell
from stackup.project.session import no_such_service
from stackup.stamps import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from stackup.diagnostics import Diagnostic
    from stackup.engines.desire import Wish
    from stackup.project.remote import Remotes
    from stackup.project.session import Session
    from stackup.reconcile.resource import Desired
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.remote import RemoteCopy
    from stackup.stamps import Stamp
    from stackup.values import Data


class Resolved:
    """A stack as commands see it. `rows`: the desired set as plain data (`codec.desired_out`), None when not asked."""

    __slots__ = ("_desired", "directory", "disabled", "files", "known", "name", "problems", "rows", "services")

    def __init__(self, value: Mapping[str, Any], desired: tuple[Desired, ...] | None = None) -> None:
        self.name: str = value["name"]
        self.directory: str = value["directory"]
        self.files: list[str] = value["files"]
        self.known: list[list[str]] | None = value["known"]
        self.services: list[str] = value["services"]
        self.disabled: list[str] = value["disabled"]
        self.problems: list[dict[str, Any]] = value["problems"]
        self.rows: list[dict[str, Any]] | None = value["rows"]
        self._desired = desired

    @property
    def desired(self) -> tuple[Desired, ...]:
        if self._desired is None:
            from stackup.reconcile.codec import desired_in  # dataclasses and enums: not on the way of a no-op

            self._desired = tuple(desired_in(row) for row in self.rows or ())
        return self._desired

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """(kind, name) of everything that the file speaks of."""
        return frozenset((kind, name) for kind, name in self.known or ())

    def require(self, services: tuple[str, ...]) -> None:
        """Raises UsageError for a name that the file does not have."""
        for name in services:
            if name not in self.services and name not in self.disabled:
                raise no_such_service(name, (*self.services, *self.disabled))


def cached(session: Session, services: tuple[str, ...] = (), *, complete: bool = True) -> Resolved | None:
    """The cached answer, if there is one that still holds; `complete` wants the desired set in it."""
    for purpose in ("stack",) if complete else ("stack", "name"):
        value = cache.read(session.layout, session.where, cache.key_of(session.where, purpose, services))
        if value is not None:
            try:
                return Resolved(value)
            except (KeyError, TypeError):
                continue
    return None


def identify(session: Session) -> Resolved:
    """Who the stack is. With a name given and no file to be found, that name, of which nothing is known."""
    found = cached(session, complete=False)
    if found:
        return found
    try:
        loaded = load(session)
    except UsageError:
        if session.where.files or not session.where.named:
            raise
        return nameless(session.where.named)
    value = _value(loaded, None, loaded.diagnostics)
    _keep(session, "name", (), value, _inputs(loaded))
    return Resolved(value)


def nameless(name: str) -> Resolved:
    """A stack of which only the name is known."""
    value: dict[str, Any] = {key: [] for key in ("services", "disabled", "files", "problems")}
    return Resolved({**value, "name": name, "directory": "", "known": None, "rows": None})


def stack_name(session: Session) -> str:
    """The cheapest answer: what the user said, else what the cache knows, else what the file says."""
    return session.where.named or identify(session).name


def resolve(session: Session, services: tuple[str, ...] = (), *, wish: Wish | None = None) -> Resolved:
    """The stack with its desired set; its warnings are told. A wish bends the set and is never cached."""
    found = cached(session, services) if wish is None and not session.locked else None
    if found is None:
        found = _resolve(session, services, wish)
    session.directory = found.directory
    tell(session, found.problems)
    found.require(services)
    return found


def load(
    session: Session,
    services: tuple[str, ...] = (),
    *,
    all_resources: bool = True,
    without: frozenset[str] = frozenset(),
    fresh: bool = False,
) -> Loaded:
    """Parse the files; `fresh` looks anew at those that are elsewhere.

    Raises StackInvalid with every problem of every file.
    """
    loaded = read(session, services, all_resources=all_resources, without=without, fresh=fresh)
    refuse(session, loaded.diagnostics, loaded.sources)
    return loaded


def read(
    session: Session,
    services: tuple[str, ...] = (),
    *,
    all_resources: bool = True,
    without: frozenset[str] = frozenset(),
    fresh: bool = False,
) -> Loaded:
    """The same for files with problems, as far as they can be read."""
    from stackup.stackfile.discover import Request, read_nothing
    from stackup.stackfile.load import load  # pydantic and ruamel: 150 ms and more

    where = session.where
    return load(
        Request(
            where.directory,
            files=where.files,
            environ=where.environ,
            env_files=where.env_files,
            profiles=where.profiles,
            stack_name=where.stack_name,
            project_directory=where.project_directory,
            services=services,
            all_resources=all_resources,
            stdin=where.stdin or read_nothing,
            remote=_remote(session, fresh=fresh),
            without=without,
        )
    )


def _remote(session: Session, *, fresh: bool) -> Callable[[str], RemoteCopy]:
    """The client of registries is loaded by the first name that asks for it."""

    remotes: Remotes | None = None

    def copy(name: str) -> RemoteCopy:
        nonlocal remotes
        if remotes is None:
            from stackup.project.remote import Remotes

            remotes = Remotes(session, fresh=fresh)
        return remotes(name)

    return copy


def _resolve(session: Session, services: tuple[str, ...], wish: Wish | None) -> Resolved:
    from dataclasses import replace

    from stackup.engines.desire import Wish
    from stackup.project import autoports, lockfile
    from stackup.reconcile.codec import desired_out

    loaded = load(session, services)
    seen = {path: stamp(path) for path in lockfile.paths_of(session, loaded)}  # before it is read
    files = {path: stamp(path) for path in session.host.inputs()} | seen
    facts = facts_of(session, loaded)
    reservation = autoports.path_of(session.layout, loaded.name)
    files[reservation] = stamp(reservation)
    reserved = autoports.read(session.layout, loaded.name)
    bent = replace(wish or Wish(), ports=reserved, variables=autoports.variables(reserved))
    desired, problems = translate(session, loaded, facts, bent)
    value = _value(loaded, [desired_out(item) for item in desired], (*loaded.diagnostics, *problems))
    if wish is None and facts.until and not session.locked:
        read, variables = _inputs(loaded)
        rests_on = (read | facts.files | files, {**variables, **facts.variables})
        _keep(session, "stack", services, value, rests_on, facts.until)
    return Resolved(value, desired)


def translate(
    session: Session, loaded: Loaded, facts: Noting, wish: Wish
) -> tuple[tuple[Desired, ...], tuple[Diagnostic, ...]]:
    """Stack to desired set; raises StackInvalid when the engine cannot have it so."""
    from dataclasses import replace

    from stackup.engines.desire import desire
    from stackup.project.held import built_of, require_locked, tell_held
    from stackup.project.lockfile import held

    whole = loaded
    loaded, locked = held(session, whole)
    if wish.build == "all":
        tell_held(session, whole, loaded)
    bent = replace(wish, locked=locked)
    require_locked(session, loaded, locked, built_of(loaded))
    assert loaded.stack is not None, "load() has seen to it"
    try:
        desired, problems = desire(loaded.stack, dict(loaded.origins), facts, bent, loaded.directory)
    except StackupError as problem:
        raise readable(problem) from problem
    if any(item.severity.value == "error" for item in problems):
        refuse(session, (*loaded.diagnostics, *problems), loaded.sources)
    return desired, problems


def facts_of(session: Session, loaded: Loaded) -> Noting:
    """What the host knows, and the variables of the run's env files."""

    def given(form: Data) -> Data:
        from stackup.project.piped import with_input

        return with_input(session, form)

    return Noting(session.host.facts(), loaded.environment, given)


class Noting:
    """Facts that remember what was asked, so that the cache knows what the answer rests on."""

    def __init__(self, facts: Any, environment: Mapping[str, str], given: Callable[[Data], Data]) -> None:
        self._facts = facts
        self._environment = environment
        self._given = given
        self.expect = facts.expect
        self.seal = facts.seal
        self.stored = facts.stored
        self.until = inf
        self.files: dict[str, Stamp | None] = {}
        self.variables: dict[str, str | None] = {}

    def image(self, reference: str, look: Any) -> Any:
        """What must be fetched is not kept: once it is here, the set is another one."""
        try:
            fact = self._facts.image(reference, look)
        except StackupError:
            self.until = 0.0  # it may be had next time
            raise
        if fact is not None:
            self.until = min(self.until, 0.0 if fact.fetch else fact.until)
        return fact

    def built(self, form: Any, *, anyway: bool = False) -> Any:
        whole = self._given(form)
        fact = self._facts.built(whole, anyway=anyway)
        self.until = min(self.until, 0.0 if fact.fetch or whole is not form else fact.until)
        self.files = {**fact.reads, **self.files}
        return fact

    def file_digest(self, path: str) -> str:
        self.files[path] = stamp(path)  # before it is read
        digest: str = self._facts.file_digest(path)
        return digest

    def exists(self, path: str) -> bool:
        """What is missing is an error, and errors are not kept."""
        return bool(self._facts.exists(path))

    def mounts_of(self, container: str) -> Any:
        """Another stack's business, which may be otherwise next time."""
        self.until = 0.0
        return self._facts.mounts_of(container)

    def has_security_module(self, name: str) -> bool:
        return bool(self._facts.has_security_module(name))

    def file_text(self, path: str, limit: int) -> str | None:
        self.files[path] = stamp(path)
        text: str | None = self._facts.file_text(path, limit)
        return text

    def variable(self, name: str) -> str | None:
        """The caller's own; an env file is an input like any other file."""
        own = self.variables[name] = self._facts.variable(name)
        return self._environment.get(name) if own is None else own


def _inputs(loaded: Loaded) -> tuple[dict[str, Any], dict[str, Any]]:
    return dict(loaded.inputs.files), dict(loaded.inputs.variables)


def _value(loaded: Loaded, rows: list[dict[str, Any]] | None, problems: tuple[Diagnostic, ...]) -> dict[str, Any]:
    from stackup.engines.desire import known

    assert loaded.stack is not None, "load() has seen to it"
    return {
        "name": loaded.name,
        "directory": loaded.directory,
        "files": list(loaded.files),
        "known": sorted(list(pair) for pair in known(loaded.stack, tuple(loaded.disabled))),
        "services": sorted(loaded.stack.services),
        "disabled": sorted(loaded.disabled),
        "problems": rows_of(problems, loaded.sources),
        "rows": rows,
    }


def _keep(
    session: Session,
    purpose: str,
    services: tuple[str, ...],
    value: dict[str, Any],
    inputs: tuple[Any, Any],
    until: float = inf,
) -> None:
    if not session.dry_run:
        cache.write(session.layout, cache.key_of(session.where, purpose, services), value, inputs, until)
