"""What a file means without saying it, made explicit on the merged tree: names, the default network, dependencies.

Every made-up value stands where the value stands that implies it. After this stage the tree is what `config` prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from stackup.diagnostics import Span
from stackup.stackfile.document import (
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    mapping_at,
    section,
    spell,
    text_at,
    texts,
    with_entries,
    with_value,
)

RESOURCES = ("networks", "volumes", "secrets", "configs")
_REQUESTS = (("gpus",), ("deploy", "resources", "reservations", "devices"))
_NAMESPACES = ("network_mode", "pid", "ipc", "uts")


def complete(root: Mapping, name: str, folder: str = ".", *, normal: bool = True) -> Mapping:
    """`name` and `folder` are the stack's. Without `normal` only what is left out of a value is made explicit."""
    root = with_value(
        root, "name", text_at(root.entries["name"].value.span if "name" in root.entries else root.span, name)
    )
    root = _services(root, lambda service, key: _spelled_out(service, folder))
    if not normal:
        return root
    root = _services(root, _normal)
    root = _default_network(root)
    for kind in RESOURCES:
        root = _named(root, kind, name)
    return root


def _services(root: Mapping, done: Callable[[Mapping, Span], Mapping]) -> Mapping:
    services = section(root, "services")
    if not services.entries:
        return root
    entries = {
        name: Entry(entry.key, done(entry.value, entry.key) if isinstance(entry.value, Mapping) else entry.value)
        for name, entry in services.entries.items()
    }
    return with_value(root, "services", with_entries(services, entries))


def _spelled_out(service: Mapping, folder: str) -> Mapping:
    for kind, parent in (("secrets", "/run/secrets/"), ("configs", "/")):
        grants = service.get(kind)
        if isinstance(grants, Sequence):
            items = tuple(_granted(item, parent) for item in grants.items)
            service = with_value(service, kind, Sequence(items, grants.span))
    build = service.get("build")
    if isinstance(build, Mapping) and "context" not in build.entries:
        service = with_value(service, "build", with_value(build, "context", text_at(build.span, folder)))
    for path in _REQUESTS:
        service = _counted(service, path)
    policy = service.get("pull_policy")
    if isinstance(policy, Scalar) and policy.value == "if_not_present":
        service = with_value(service, "pull_policy", text_at(policy.span, "missing"))
    return service


def _counted(service: Mapping, path: tuple[str, ...]) -> Mapping:
    """A request for devices that neither counts nor names them means all."""
    value = service.get(path[0])
    if len(path) > 1:
        return with_value(service, path[0], _counted(value, path[1:])) if isinstance(value, Mapping) else service
    if not isinstance(value, Sequence):
        return service
    every = tuple(
        with_value(item, "count", Scalar(-1, item.span, "all"))
        if isinstance(item, Mapping) and not {"count", "device_ids"} & item.entries.keys()
        else item
        for item in value.items
    )
    return with_value(service, path[0], replace(value, items=every))


def _normal(service: Mapping, key: Span) -> Mapping:
    networks = service.get("networks")
    is_alone = networks is None or (isinstance(networks, Mapping) and not networks.entries)
    if is_alone and "network_mode" not in service.entries and "provider" not in service.entries:
        service = with_value(service, "networks", mapping_at(key, {"default": Mapping({}, key)}))
    return _replicas(_dockerfile(_dependencies(service)))


def _dockerfile(service: Mapping) -> Mapping:
    build = service.get("build")
    if not isinstance(build, Mapping) or {"dockerfile", "dockerfile_inline"} & build.entries.keys():
        return service
    return with_value(service, "build", with_value(build, "dockerfile", text_at(build.span, "Dockerfile")))


def _replicas(service: Mapping) -> Mapping:
    """`scale` and `deploy.replicas` are one number."""
    deploy, scale = service.get("deploy"), service.get("scale")
    if not isinstance(deploy, Mapping) or scale is None or "replicas" in deploy.entries:
        return service
    return with_value(service, "deploy", with_value(deploy, "replicas", scale))


def _granted(item: Node, folder: str) -> Node:
    source = item.get("source") if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or not isinstance(source, Scalar) or "target" in item.entries:
        return item
    return with_value(item, "target", text_at(source.span, f"{folder}{source.value}"))


def _dependencies(service: Mapping) -> Mapping:
    known = service.get("depends_on")
    if known is not None and not isinstance(known, Mapping):
        return service
    depends = known or Mapping({}, service.span)
    for target, span, restart in _implied(service):
        if target not in depends.entries:
            fields: dict[str, Node] = {"condition": text_at(span, "service_started")}
            if restart:
                fields["restart"] = Scalar(True, span, "true")
            depends = with_value(depends, target, mapping_at(span, fields))
    return with_value(service, "depends_on", depends) if depends.entries else service


def _implied(service: Mapping) -> Iterator[tuple[str, Span, bool]]:
    """Services that this one cannot do without, and whether their restart is its own. Source: compose-go's loader."""
    for key in _NAMESPACES:
        node = service.get(key)
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.startswith("service:"):
            yield node.value.removeprefix("service:"), node.span, True
    for key, restart in (("links", True), ("volumes_from", False)):
        node = service.get(key)
        for item in node.items if isinstance(node, Sequence) else ():
            text = spell(item.value) if isinstance(item, Scalar) and not isinstance(item.value, bool) else ""
            if text and not text.startswith("container:"):
                yield text.split(":", 1)[0], item.span, restart


def _default_network(root: Mapping) -> Mapping:
    networks = section(root, "networks")
    if "default" in networks.entries or not isinstance(root.get("networks"), Mapping | None):
        return root
    for entry in section(root, "services").entries.values():
        attached = entry.value.get("networks") if isinstance(entry.value, Mapping) else None
        if isinstance(attached, Mapping) and "default" in attached.entries:
            made = with_value(networks, "default", Mapping({}, entry.key))
            return with_value(root, "networks", made)
    return root


def _named(root: Mapping, kind: str, stack: str) -> Mapping:
    found = section(root, kind)
    if not found.entries:
        return root
    entries = {
        key: Entry(e.key, _name(e.value, key, e.key, stack) if isinstance(e.value, Mapping) else e.value)
        for key, e in found.entries.items()
    }
    return with_value(root, kind, with_entries(found, entries))


def _name(node: Mapping, key: str, span: Span, stack: str) -> Mapping:
    if "name" in node.entries:
        return node
    external = node.get("external")
    is_external = isinstance(external, Scalar) and str(external.value).lower() in ("true", "yes", "on", "y", "1")
    return with_value(node, "name", text_at(span, key if is_external else f"{stack}_{key}"))


def enabled_services(root: Mapping, profiles: tuple[str, ...], named: tuple[str, ...]) -> frozenset[str]:
    """Services without a profile or with an active one. Naming a service activates its profiles for all."""
    services = section(root, "services").entries
    own = {name: profiles_of(entry.value) for name, entry in services.items()}
    active = set(profiles)
    for name in named:
        active |= set(own.get(name, ()))
    return frozenset(name for name, wants in own.items() if not wants or "*" in active or active & set(wants))


def profiles(root: Mapping) -> list[str]:
    """Of all services, the enabled and the others."""
    return sorted({name for entry in section(root, "services").entries.values() for name in profiles_of(entry.value)})


def profiles_of(service: Node) -> tuple[str, ...]:
    return texts(service.get("profiles")) if isinstance(service, Mapping) else ()
