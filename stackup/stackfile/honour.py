"""Keys of the specification that load and print but have no effect yet, named in a warning: nothing is silent.

One table from path pattern to what is to be said. A piece that learns to honour a key removes its row. A key is named
once, at its first place, with the other places beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackup import buildcache
from stackup.diagnostics import Diagnostics, Related, Span
from stackup.stackfile.document import Mapping, Node, Scalar, Sequence
from stackup.stackfile.patterns import Table, table

_YET = "it is read and printed, and has no effect yet"
_CACHES = "a build's cache can be in a registry (type=registry) or a folder (type=local)"
_CACHE_KEY = "it changes nothing about a build's cache here"
_ATTEST = "no attestation is made"
_SWARM = "it belongs to a cluster and has no effect on one machine"
_SHARED = "no processor is kept free on one machine; cpu_shares says who comes first when they are busy"
_WINDOWS = "it belongs to Windows and has no effect here"
_ENGINE = "it belongs to an engine, and there is none"

SERVICE_ROWS = {
    "build.provenance": _ATTEST,
    "build.sbom": _ATTEST,
    "build.isolation": _WINDOWS,
    "cpu_count": _WINDOWS,
    "cpu_percent": _WINDOWS,
    "storage_opt": "a container's root has no quota of its own; it can fill what its state lies on",
    "provider": _YET,
    "models": _YET,
    "use_api_socket": _ENGINE,
    "runtime": _ENGINE,
    "isolation": _WINDOWS,
    "credential_spec": _WINDOWS,
    "ports.*.mode": _SWARM,
    "deploy.mode": _SWARM,
    "deploy.labels": _SWARM,
    "deploy.endpoint_mode": _SWARM,
    "deploy.placement": _SWARM,
    "deploy.update_config": _SWARM,
    "deploy.rollback_config": _SWARM,
    "deploy.resources.reservations.cpus": _SHARED,
    "deploy.resources.reservations.generic_resources": _SWARM,
    "volumes.*.bind.selinux": "files are not labelled anew for SELinux",
    "volumes.*.consistency": "it is a hint for desktop platforms and has no effect on Linux",
}

OTHER_ROWS = {
    "networks.*.ipam.driver": _ENGINE,
    "networks.*.ipam.options": _ENGINE,
    "secrets.*.labels": _SWARM,
    "secrets.*.driver": _SWARM,
    "secrets.*.driver_opts": _SWARM,
    "secrets.*.template_driver": _SWARM,
    "configs.*.labels": _SWARM,
    "configs.*.driver": _SWARM,
    "configs.*.driver_opts": _SWARM,
    "configs.*.template_driver": _SWARM,
    "models": _YET,
}

MOUNT_TYPES = {"npipe": _WINDOWS, "cluster": _SWARM}

TABLE: Table[str] = table({f"services.*.{key}": why for key, why in SERVICE_ROWS.items()} | OTHER_ROWS)


def warn_unhonoured(root: Mapping, enabled: frozenset[str], diagnostics: Diagnostics) -> None:
    """One warning a key, for the services of this run."""
    places: dict[tuple[str, str], list[Span]] = {}
    for key, why, span in (*_found(root, TABLE, enabled), *_mounts(root, enabled), *_caches(root, enabled)):
        places.setdefault((key, why), []).append(span)
    for (key, why), spans in places.items():
        diagnostics.warning(
            "SU023",
            "a key is not honoured",
            detail=f'"{key}": {why}',
            span=spans[0],
            label="no effect",
            related=tuple(Related("and here", span) for span in spans[1:]),
        )


def _found(node: Node, place: Table[str], enabled: frozenset[str]) -> Iterator[tuple[str, str, Span]]:
    match node:
        case Mapping():
            for key, entry in node.entries.items():
                below = place.down(key)
                if below is None or (place is TABLE.below["services"] and key not in enabled):
                    continue
                if below.rule is not None and not _says_nothing(entry.value):
                    yield key, below.rule, entry.key
                yield from _found(entry.value, below, enabled)
        case Sequence() if below := place.down("*"):
            for item in node.items:
                yield from _found(item, below, enabled)


def _says_nothing(node: Node) -> bool:
    """An empty list, what is switched off, and the words for what happens anyway ask for nothing."""
    if isinstance(node, Scalar):
        return node.value in (None, False, "", "false", "no", "default", "replicated", "ingress")
    return not (node.items if isinstance(node, Sequence) else node.entries)


def _mounts(root: Mapping, enabled: frozenset[str]) -> Iterator[tuple[str, str, Span]]:
    services = root.get("services")
    for name, entry in services.entries.items() if isinstance(services, Mapping) else ():
        volumes = entry.value.get("volumes") if name in enabled and isinstance(entry.value, Mapping) else None
        for item in volumes.items if isinstance(volumes, Sequence) else ():
            kind = item.get("type") if isinstance(item, Mapping) else None
            if isinstance(kind, Scalar) and str(kind.value) in MOUNT_TYPES:
                yield f"type: {kind.value}", MOUNT_TYPES[str(kind.value)], kind.span


def _caches(root: Mapping, enabled: frozenset[str]) -> Iterator[tuple[str, str, Span]]:
    """Kinds of caches, and what is said of one; what cannot be read at all is an error (`check_texts`)."""
    services = root.get("services")
    for name, entry in services.entries.items() if isinstance(services, Mapping) else ():
        build = entry.value.get("build") if name in enabled and isinstance(entry.value, Mapping) else None
        for key in ("cache_from", "cache_to"):
            items = build.get(key) if isinstance(build, Mapping) else None
            for item in items.items if isinstance(items, Sequence) else ():
                if isinstance(item, Scalar) and item.value:
                    yield from _cache(str(item.value), item.span, writing=key == "cache_to")


def _cache(text: str, span: Span, *, writing: bool) -> Iterator[tuple[str, str, Span]]:
    try:
        said = buildcache.parse(text, writing=writing)
    except ValueError:
        return
    if said.kind not in (buildcache.REGISTRY, buildcache.LOCAL):
        yield f"type={said.kind}", _CACHES, span
    for word in said.unknown:
        yield word, _CACHE_KEY, span
