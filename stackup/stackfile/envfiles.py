"""Env files where they meet a stack: the run's own (`.env`, --env-file), a service's `env_file` and `label_file`.

A stage on the merged tree: what a file sets becomes entries of `environment`, each with the span of its line, so that
a plan can say where a value came from. What stands in `environment` itself wins, even when it is empty.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingLike

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import (
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    section,
    text_at,
    texts,
    with_value,
)
from stackup.stackfile.dotenv import parse_env, parse_raw
from stackup.stackfile.environment import Binding, Environment, Layers
from stackup.stackfile.interpolate import Lookup
from stackup.stackfile.parse import decode
from stackup.stackfile.sources import Sources


def settings_of(content: bytes, path: str, lookup: Lookup) -> dict[str, str]:
    """The COMPOSE_* variables of an env file, for discovery; its problems are reported when it is loaded."""
    ignored = Diagnostics()
    text = decode(content, path, ignored) or ""
    found = parse_env(text, path, lookup, ignored)
    return {name: binding.value for name, binding in found.items() if name.startswith("COMPOSE_")}


def read_env_files(paths: tuple[str, ...], caller: Environment, sources: Sources) -> Layers:
    """The variables of the run's env files, one layer a file; of several, the later wins."""
    layers: list[dict[str, Binding]] = []
    found: dict[str, Binding] = {}
    for path in paths:
        text = sources.text(path)
        if text is not None:
            layers.append(parse_env(text, sources.name(path), caller.get, sources.diagnostics, found))
            found |= layers[-1]
    return tuple(layers)


def fill_environment(root: Mapping, enabled: frozenset[str], environment: Environment, sources: Sources) -> Mapping:
    """The tree with `environment` and `labels` of the enabled services final."""
    services = section(root, "services")
    for name, entry in services.entries.items():
        if name in enabled and isinstance(entry.value, Mapping):
            filled = _labels(_variables(entry.value, environment, sources), sources)
            filled = _build_args(filled, environment)
            services = with_value(services, name, filled)
    return with_value(root, "services", services) if services.entries else root


def _variables(service: Mapping, environment: Environment, sources: Sources) -> Mapping:
    bindings: dict[str, Binding] = {}
    files = service.get("env_file")
    for item in files.items if isinstance(files, Sequence) else ():
        if isinstance(item, Mapping):
            bindings |= _env_file(item, environment.get, bindings, sources)
    own = service.get("environment")
    if own is not None and not isinstance(own, Mapping):
        return service
    entries = {name: Entry(found.span, text_at(found.span, found.value)) for name, found in bindings.items()}
    for name, entry in own.entries.items() if own else ():
        entries[name] = Entry(entry.key, _inherited(name, entry.value, environment))
    if not entries:
        return service
    return with_value(service, "environment", Mapping(entries, own.span if own else service.span))


def _inherited(name: str, value: Node, environment: Environment) -> Node:
    """A variable without a value takes the run's."""
    if isinstance(value, Scalar) and value.value is None:
        return text_at(value.span, environment.get(name))
    return value


def _build_args(service: Mapping, environment: Environment) -> Mapping:
    """Like variables; one that is set nowhere is left to the Dockerfile's default."""
    build = service.get("build")
    args = build.get("args") if isinstance(build, Mapping) else None
    if not isinstance(build, Mapping) or not isinstance(args, Mapping):
        return service
    found = {name: Entry(entry.key, _inherited(name, entry.value, environment)) for name, entry in args.entries.items()}
    kept = {name: e for name, e in found.items() if not isinstance(e.value, Scalar) or e.value.value is not None}
    return with_value(service, "build", with_value(build, "args", Mapping(kept, args.span)))


def _env_file(
    item: Mapping, lookup: Lookup, earlier: MappingLike[str, Binding], sources: Sources
) -> dict[str, Binding]:
    path = item.get("path")
    if not isinstance(path, Scalar) or not isinstance(path.value, str):
        return {}
    text = sources.text(path.value)
    if text is None:
        if _says(item, "required", True):
            sources.missing(path, "an env file does not exist", "create it, or write required: false")
        return {}
    name = sources.name(path.value)
    form = item.get("format")
    if isinstance(form, Scalar) and form.value == "raw":
        return parse_raw(text, name, lookup, sources.diagnostics)
    return parse_env(text, name, lookup, sources.diagnostics, earlier)


def _says(item: Mapping, key: str, default: bool) -> bool:
    node = item.get(key)
    if not isinstance(node, Scalar):
        return default
    return str(node.value).lower() in ("true", "yes", "on", "y", "1")


def _labels(service: Mapping, sources: Sources) -> Mapping:
    """docker compose gives label files no variables but their own."""
    found: dict[str, Binding] = {}
    files = service.get("label_file")
    nodes = files.items if isinstance(files, Sequence) else ()
    for node, path in zip(nodes, texts(files), strict=False):
        text = sources.text(path)
        if text is None:
            sources.missing(node, "a label file does not exist", "create it")
        else:
            found |= parse_env(text, sources.name(path), lambda name: None, sources.diagnostics, found)
    if not found:
        return service
    entries = {name: Entry(label.span, text_at(label.span, label.value)) for name, label in found.items()}
    own = service.get("labels")
    entries |= dict(own.entries) if isinstance(own, Mapping) else {}
    return with_value(service, "labels", Mapping(entries, own.span if own else service.span))
