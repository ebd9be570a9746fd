"""A one-off container of a service: its spec with a few things changed, wanted beside the stack, never by it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from stackup.diagnostics import Diagnostics
from stackup.engines.desire import Wish
from stackup.engines.engine import ONE_OFF, Container
from stackup.errors import UsageError
from stackup.project import edits
from stackup.project.change import Aim, change, orphans
from stackup.project.containers import containers
from stackup.project.problems import rows_of, tell
from stackup.project.resolve import Resolved, facts_of, load, resolve, translate
from stackup.project.session import Session, no_such_service
from stackup.reconcile.apply import Report
from stackup.reconcile.decide import Policy
from stackup.reconcile.resource import Desired, Observed
from stackup.values import Address

if TYPE_CHECKING:
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.model import Mount, Port


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`changes` are values of the service in the file's words (`command`, `user`, `environment`, ...)."""

    service: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str | None] = field(default_factory=dict)
    environment_files: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    attached: bool = False
    """The command attaches to it, and it must not begin before."""
    service_ports: bool = False
    use_aliases: bool = False
    no_deps: bool = False
    remove_orphans: bool = False
    pull: str = ""
    build: Literal["due", "all", "none"] = "due"


@dataclass(frozen=True, slots=True)
class OneOff:
    """A one-off that was set going: who it is, and how that went."""

    stack: str
    address: Address
    name: str
    report: Report


def start(session: Session, options: RunOptions) -> OneOff:
    """Make and start it, and what it needs before it."""
    wish = Wish(pull=options.pull, build=options.build)
    resolved = resolve(session, (options.service,), wish=wish if options.pull or options.build != "due" else None)
    one = one_off(session, options, resolved)

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        needed = () if options.no_deps else edits.with_needs(resolved.desired, (options.service,))
        others = tuple(item for item in needed if edits.service_of(item.address, item.spec) != options.service)
        direct = {need.on for need in one.needs if need.on.kind != edits.CONTAINER}
        own = tuple(item for item in resolved.desired if item.address in direct)
        desired = tuple({item.address: item for item in (*others, *own, one)}.values())
        left = orphans(observed, resolved.pairs) if options.remove_orphans else []
        scope = frozenset(item.address for item in desired) | {seen.address for seen in left}
        return Aim(desired, Policy(known=resolved.pairs, scope=scope, orphans=options.remove_orphans))

    report = change(session, resolved.name, aiming)
    return OneOff(resolved.name, one.address, str(one.spec["name"]), report)


def one_off(session: Session, options: RunOptions, resolved: Resolved) -> Desired:
    """The service's first container, changed, under an address and a name of its own."""
    token = secrets.token_hex(6)
    bent = _bent(session, options)
    changed, _ = translate(session, bent, facts_of(session, bent), Wish(pull=options.pull, build=options.build))
    wanted = Address(edits.CONTAINER, options.service, 1)
    found = next((item for item in changed if item.address == wanted), None)
    if found is None:
        raise no_such_service(options.service, tuple(resolved.services))
    spec = dict(found.spec)
    spec["name"] = options.name or f"{resolved.name}-{options.service}-run-{token}"
    spec["await_attach"] = options.attached
    spec["restart"] = {"policy": "no", "attempts": 0, "delay": 0, "window": 0}
    labels = spec["labels"] if isinstance(spec["labels"], dict) else {}
    spec["labels"] = {**labels, ONE_OFF: "True"}
    names = [options.service] if options.use_aliases else None
    spec["networks"] = _answering_to(spec["networks"], names)
    return replace(found, address=Address(edits.CONTAINER, f"{options.service}-run-{token}", 1), spec=spec)


def _answering_to(networks: Any, more: list[str] | None) -> Any:
    """By default to its own name only; with `more` as the service's containers do."""
    return {
        key: {**place, "aliases": [] if more is None else [*more, *place["aliases"]]} for key, place in networks.items()
    }


def _bent(session: Session, options: RunOptions) -> Loaded:
    """The loaded stack in which the service is as `run` wants it: one replica, no ports of its own unless asked."""
    loaded = load(session, (options.service,))
    assert loaded.stack is not None, "load() has seen to it"
    service = loaded.stack.services.get(options.service)
    if service is None:
        raise no_such_service(options.service, tuple(loaded.stack.services))
    changes: dict[str, Any] = {"scale": 1, "container_name": None, "pre_start": (), **options.changes}
    changes["environment"] = {**service.environment, **_read(session, options), **options.environment}
    changes["labels"] = {**service.labels, **options.labels}
    if options.volumes:
        changes["volumes"] = (*service.volumes, *(_mount(text, loaded) for text in options.volumes))
    if not options.service_ports:
        changes["ports"] = ()
    if options.ports:
        changes["ports"] = (
            *changes.get("ports", service.ports),
            *(port for text in options.ports for port in _ports(text)),
        )
    bent = service.model_copy(update=changes)
    services = {**loaded.stack.services, options.service: bent}
    return replace(loaded, stack=loaded.stack.model_copy(update={"services": services}))


def _read(session: Session, options: RunOptions) -> dict[str, str]:
    """What `--env-from-file` sets; of several files, the later wins."""
    from stackup.stackfile.dotenv import parse_env

    found: dict[str, str] = {}
    for name in options.environment_files:
        problems = Diagnostics()
        try:
            with open(os.path.join(session.where.directory, name), encoding="utf-8") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as problem:
            why = (problem.strerror or "").lower() if isinstance(problem, OSError) else "it is not UTF-8"
            raise UsageError(f'cannot read "{name}": {why}', subject=name) from problem
        bindings = parse_env(text, name, session.where.environ.get, problems)
        tell(session, rows_of(problems, {name: text}))
        found |= {key: binding.value for key, binding in bindings.items()}
    return found


def _mount(text: str, loaded: Loaded) -> Mount:
    from stackup.stackfile import shortforms
    from stackup.stackfile.model import Mount

    try:
        fields, _ = shortforms.mount(text)
    except ValueError as problem:
        raise UsageError(str(problem), subject=text, hint="write [SOURCE:]TARGET[:OPTIONS]") from problem
    source = str(fields.get("source", ""))
    if fields["type"] == "bind":
        fields["source"] = os.path.normpath(os.path.join(loaded.directory, source))
    elif source and loaded.stack is not None and source not in loaded.stack.volumes:
        raise UsageError(f'no such volume: "{source}"', subject=source, hint="declare it under `volumes:` of the stack")
    return Mount.model_validate(fields)


def _ports(text: str) -> tuple[Port, ...]:
    from stackup.stackfile import shortforms
    from stackup.stackfile.model import Port

    try:
        return tuple(Port.model_validate(fields) for fields in shortforms.ports(text))
    except ValueError as problem:
        raise UsageError(str(problem), subject=text, hint="write [ADDRESS:]PUBLISHED:TARGET") from problem


def row_of(session: Session, one: OneOff) -> Container:
    """The container that was made, as the host sees it."""
    for row in containers(session):
        if row["address"] == str(one.address):
            return row
    raise UsageError(f'the container "{one.name}" has gone', subject=one.name)


def remove(session: Session, one: OneOff) -> Report:
    """`--rm`: its anonymous volumes go along."""

    def aiming(observed: tuple[Observed, ...]) -> Aim:
        own = {one.address}
        known = frozenset((seen.address.kind, seen.address.name) for seen in observed)
        return Aim((), Policy(known=known, scope=frozenset(own), clear=True))

    return change(session, one.stack, aiming)
