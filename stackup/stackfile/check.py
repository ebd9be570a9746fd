"""Rules across resources: names resolve, nothing goes in circles, nothing is claimed twice. A list of small rules.

A rule looks at the whole stack and adds diagnostics; it changes nothing and stops nothing. Rules about single values
are in `check_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter

from stackup.diagnostics import Diagnostics, Span
from stackup.stackfile.check_services import SERVICE_RULES
from stackup.stackfile.check_texts import texts_can_be_read
from stackup.stackfile.check_values import VALUE_RULES
from stackup.stackfile.document import Path
from stackup.stackfile.model.network import Port
from stackup.stackfile.model.service import Service
from stackup.stackfile.model.stack import Stack
from stackup.stackfile.view import View


def check(stack: Stack, origins: Mapping[Path, Span], enabled: frozenset[str], diagnostics: Diagnostics) -> Stack:
    """Runs every rule; gives the stack back, so that the pipeline reads as one."""
    view = View(stack, origins, enabled, diagnostics, whole=not diagnostics.failed)
    for rule in (*RULES, *VALUE_RULES, *SERVICE_RULES, texts_can_be_read):
        rule(view)
    return stack


def networks_exist(view: View) -> None:
    for name, service in view.services():
        for key in service.networks:
            if key not in view.stack.networks and key != "default":  # which is made unless its section is no mapping
                _undefined(view, ("services", name, "networks", key), "network", key, view.stack.networks)


def volumes_exist(view: View) -> None:
    for name, service in view.services():
        for index, mount in enumerate(service.volumes):
            if mount.type == "volume" and mount.source and mount.source not in view.stack.volumes:
                path = ("services", name, "volumes", index, "source")
                _undefined(view, path, "volume", mount.source, view.stack.volumes)


def grants_exist(view: View) -> None:
    for name, service in view.services():
        for index, grant in enumerate(service.secrets):
            if grant.source not in view.stack.secrets:
                path: Path = ("services", name, "secrets", index, "source")
                _undefined(view, path, "secret", grant.source, view.stack.secrets)
        for index, grant in enumerate(service.configs):
            if grant.source not in view.stack.configs:
                path = ("services", name, "configs", index, "source")
                _undefined(view, path, "config", grant.source, view.stack.configs)
        for index, grant in enumerate(service.build.secrets if service.build else ()):
            if grant.source not in view.stack.secrets:
                path = ("services", name, "build", "secrets", index, "source")
                _undefined(view, path, "secret", grant.source, view.stack.secrets)


def models_exist(view: View) -> None:
    for name, service in view.services():
        for key in service.models:
            if key not in view.stack.models:
                _undefined(view, ("services", name, "models", key), "model", key, view.stack.models)


def _undefined(view: View, path: Path, kind: str, name: str, known: Mapping[str, object]) -> None:
    view.error(
        "SU030",
        f"a {kind} is used and not defined",
        path,
        f'service "{path[1]}" uses {kind} "{name}"',
        label="not defined",
        hint=view.meant(name, known, f'add "{name}" under "{kind}s:" at the top of the file'),
    )


def dependencies_exist(view: View) -> None:
    for name, service in view.services():
        for target, dependency in service.depends_on.items():
            path = ("services", name, "depends_on", target)
            if target not in view.stack.services:
                view.error(
                    "SU031",
                    "a service depends on one that does not exist",
                    path,
                    f'"{name}" depends on "{target}"',
                    label="no such service",
                    hint=view.meant(target, view.stack.services, "services: " + ", ".join(view.stack.services)),
                )
            elif target not in view.enabled and dependency.required:
                _switched_off(view, path, name, target)


def _switched_off(view: View, path: Path, name: str, target: str) -> None:
    profiles = view.stack.services[target].profiles
    words = " or ".join(f'"{profile}"' for profile in profiles)
    view.error(
        "SU014",
        "a service depends on one that is switched off",
        path,
        f'service "{name}" depends on "{target}", which is only in profile {words}',
        label="not enabled by this run",
        related=view.related(f'"{target}" is defined here', "services", target),
        hint=f"run with --profile {profiles[0] if profiles else 'NAME'}, or write `required: false`",
    )


def dependencies_end(view: View) -> None:
    graph = {name: [t for t in s.depends_on if t in view.stack.services] for name, s in view.stack.services.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as problem:
        cycle: list[str] = list(reversed(problem.args[1]))
        first, then = cycle[0], cycle[1]
        view.error(
            "SU032",
            "services wait for each other in a circle",
            ("services", first, "depends_on", then),
            " -> ".join(cycle),
            label="closes the circle",
            hint="remove one of these dependencies",
        )


def health_can_come(view: View) -> None:
    for name, service in view.services():
        for target, dependency in service.depends_on.items():
            other = view.stack.services.get(target)
            health = other.healthcheck if other else None
            if dependency.condition != "service_healthy" or health is None:
                continue
            if health.disable or (health.test and health.test[0] == "NONE"):
                view.error(
                    "SU039",
                    "a service waits for health that is never probed",
                    ("services", name, "depends_on", target, "condition"),
                    f'"{name}" waits for "{target}" to be healthy, whose health check is disabled',
                    related=view.related("disabled here", "services", target, "healthcheck"),
                    hint="wait for service_started, or give it a health check",
                )


def ports_are_free(view: View) -> None:
    """Two claims on one host port; replicas share theirs, ranges and free ports are the runtime's to choose."""
    taken: dict[tuple[str, str], dict[str, Path]] = {}
    for name, service in view.services():
        for index, port in enumerate(service.ports):
            if not port.published or "-" in port.published or port.published == "0":
                continue
            path: Path = ("services", name, "ports", index)
            others = taken.setdefault((port.published, port.protocol), {})
            address = _EVERY if port.host_ip in _WILD else str(port.host_ip)
            other = others.get(address) or others.get(_EVERY) or (_first(others) if address == _EVERY else None)
            if other:
                _port_twice(view, path, port, other)
            others.setdefault(address, path)


_WILD = (None, "", "0.0.0.0", "::")
_EVERY = "*"


def _first(others: dict[str, Path]) -> Path | None:
    return next(iter(others.values()), None)


def _port_twice(view: View, path: Path, port: Port, other: Path) -> None:
    view.error(
        "SU033",
        "a host port is published twice",
        path,
        f'port {port.published}/{port.protocol} of services "{other[1]}" and "{path[1]}"',
        label="taken",
        related=view.related("published here already", *other),
        hint="publish one of them on another port or address",
    )


def ports_were_replaced(view: View) -> None:
    """Lists of two files are appended: whoever wanted to change a port has now two."""
    for name, service in view.services():
        seen: dict[tuple[int, str, str | None], Span | None] = {}
        for index, port in enumerate(service.ports):
            span = view.span("services", name, "ports", index)
            key = (port.target, port.protocol, port.host_ip)
            first = seen.setdefault(key, span)
            if first and span and first.source != span.source and port.published:
                view.diagnostics.warning(
                    "SU043",
                    "an override leaves a container port published twice",
                    detail=f'port {port.target} of service "{name}"',
                    span=span,
                    related=view.related("still published here", "services", name, "ports", _index(service, key)),
                    hint="write `ports: !override` to replace the list",
                )


def _index(service: Service, key: tuple[int, str, str | None]) -> int:
    return next(i for i, port in enumerate(service.ports) if (port.target, port.protocol, port.host_ip) == key)


def container_names_are_single(view: View) -> None:
    seen: dict[str, str] = {}
    for name, service in view.services():
        fixed = service.container_name
        if fixed is None:
            continue
        path = ("services", name, "container_name")
        if service.replicas > 1:
            detail = f'"{name}" has {service.replicas} containers and one container_name'
            view.error("SU034", "several containers cannot have one name", path, detail, hint="remove container_name")
        if fixed in seen:
            view.error(
                "SU035",
                "a container name is given twice",
                path,
                f'"{fixed}" for services "{seen[fixed]}" and "{name}"',
                related=view.related("first given here", "services", seen[fixed], "container_name"),
            )
        seen.setdefault(fixed, name)


def network_mode_is_alone(view: View) -> None:
    for name, service in view.services():
        if service.network_mode and service.networks:
            view.error(
                "SU036",
                "network_mode excludes networks",
                ("services", name, "network_mode"),
                f'service "{name}" has both',
                related=view.related("and here", "services", name, "networks"),
                hint="keep one of them",
            )


def mounts_do_not_collide(view: View) -> None:
    for name, service in view.services():
        seen: dict[str, Path] = {}
        for path, target in _targets(name, service):
            if target in seen:
                view.error(
                    "SU038",
                    "two things are mounted at one place",
                    path,
                    f'"{target}" in service "{name}"',
                    related=view.related("first mounted here", *seen[target]),
                    hint="give one of them another target",
                )
            seen.setdefault(target, path)


def _targets(name: str, service: Service) -> list[tuple[Path, str]]:
    home: Path = ("services", name)
    found: list[tuple[Path, str]] = [((*home, "volumes", i), mount.target) for i, mount in enumerate(service.volumes)]
    found += [((*home, "tmpfs", i), _clean(entry.split(":", 1)[0])) for i, entry in enumerate(service.tmpfs)]
    for key, folder, grants in (("secrets", "/run/secrets/", service.secrets), ("configs", "/", service.configs)):
        for index, grant in enumerate(grants):
            target = grant.target or grant.source
            found.append(((*home, key, index), _clean(target if target.startswith("/") else folder + target)))
    return found


def _clean(path: str) -> str:
    return path.rstrip("/") or "/"


RULES: tuple[Callable[[View], None], ...] = (
    networks_exist,
    volumes_exist,
    grants_exist,
    models_exist,
    dependencies_exist,
    dependencies_end,
    health_can_come,
    ports_are_free,
    ports_were_replaced,
    container_names_are_single,
    network_mode_is_alone,
    mounts_do_not_collide,
)
