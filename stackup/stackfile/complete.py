"""What a file means without saying it, made explicit on the merged tree: names, the default network, dependencies.

Every made-up value stands where the value stands that implies it. After this stage the tree is what `config` prints.
"""

from __future__ import annotations

from collections.abc import Iterator

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
_NAMESPACES = ("network_mode", "pid", "ipc", "uts")


def complete(root: Mapping, name: str, directory: str) -> Mapping:
    """`name` is the stack's, and `directory` its folder, which is what a build without a context is made of."""
    root = with_value(
        root, "name", text_at(root.entries["name"].value.span if "name" in root.entries else root.span, name)
    )
    root = _services(root, directory)
    root = _default_network(root)
    for kind in RESOURCES:
        root = _named(root, kind, name)
    return root


def _services(root: Mapping, directory: str) -> Mapping:
    services = section(root, "services")
    if not services.entries:
        return root
    entries = dict(services.entries)
    for name, entry in services.entries.items():
        if isinstance(entry.value, Mapping):
            entries[name] = Entry(entry.key, _service(entry.value, entry.key, directory))
    return with_value(root, "services", with_entries(services, entries))


def _service(service: Mapping, key: Span, directory: str) -> Mapping:
    networks = service.get("networks")
    is_alone = networks is None or (isinstance(networks, Mapping) and not networks.entries)
    if is_alone and "network_mode" not in service.entries and "provider" not in service.entries:
        service = with_value(service, "networks", mapping_at(key, {"default": Mapping({}, key)}))
    service = _dependencies(service)
    build = service.get("build")
    if isinstance(build, Mapping) and "context" not in build.entries:
        service = with_value(service, "build", with_value(build, "context", text_at(build.span, directory)))
    for kind, folder in (("secrets", "/run/secrets/"), ("configs", "/")):
        grants = service.get(kind)
        if isinstance(grants, Sequence):
            items = tuple(_granted(item, folder) for item in grants.items)
            service = with_value(service, kind, Sequence(items, grants.span))
    return service


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
    if "default" in networks.entries:
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


def profiles_of(service: Node) -> tuple[str, ...]:
    return texts(service.get("profiles")) if isinstance(service, Mapping) else ()
