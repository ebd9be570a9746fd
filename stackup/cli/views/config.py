"""The resolved stack in the forms of docker compose's `config`. Hot."""

from __future__ import annotations

from stackup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from stackup.cli.options import Options

FORMATS = ("", "yaml", "json")
LISTS = ("environment", "services", "volumes", "networks", "models", "images", "profiles")


def is_list(options: Options) -> bool:
    """Whether names are asked for, not the stack."""
    return any(options.flag(name) for name in LISTS) or bool(options.text("hash"))


def lines(found: dict[str, Any], options: Options, environ: Mapping[str, str]) -> str:
    """The text that the options ask for, with its ends of lines."""
    stack = found["stack"]
    services: dict[str, Any] = stack.get("services", {})
    if options.flag("environment"):
        return _each(f"{name}={value}" for name, value in sorted({**found["environment"], **environ}.items()))
    if options.flag("services"):
        return _each(_in_order(services))
    for section in ("volumes", "networks"):
        if options.flag(section):
            return _each(sorted(stack.get(section) or ()))
    if options.flag("models"):
        return _each(sorted(str(item["model"]) for item in (stack.get("models") or {}).values()))
    if options.flag("images"):
        return _each(sorted(_image(stack["name"], name, item) for name, item in services.items()))
    if options.flag("profiles"):
        return _each(found["profiles"])
    if options.text("hash"):
        return _each(_hashes(services, options.text("hash")))
    return _whole(found, options.text("format"))


def variables(rows: list[tuple[str, bool, str, str]], form: str) -> str:
    """The variables of the files as docker compose's table, or as its JSON."""
    if form == "json":
        import json

        keys = ("Name", "Required", "DefaultValue", "PresenceValue")
        found = {row[0]: dict(zip(keys, row, strict=True)) for row in rows}
        return json.dumps(found, indent=4, ensure_ascii=False) + "\n"
    table = [("NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE")]
    table += [(name, str(required).lower(), default, other) for name, required, default, other in rows]
    widths = [max(20, *(len(row[column]) + 3 for row in table)) for column in range(3)]
    return _each("".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)) for row in table)


def _each(words: Any) -> str:
    return "".join(f"{word}\n" for word in words)


def _in_order(services: dict[str, Any]) -> list[str]:
    """What is needed before who needs it; by name where that says nothing."""
    from graphlib import TopologicalSorter

    needs = {name: [key for key in item.get("depends_on") or () if key in services] for name, item in services.items()}
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += ready
        sorter.done(*ready)
    return found


def _image(stack: str, name: str, service: dict[str, Any]) -> str:
    return str(service.get("image") or f"{stack}-{name}")


def _whole(found: dict[str, Any], form: str) -> str:
    if form not in FORMATS:
        raise UsageError(f'"{form}" is not a format', subject=form, hint="choose yaml or json")
    text = str(found["json" if form == "json" else "yaml"])
    return text if text.endswith("\n") else f"{text}\n"


def _hashes(services: dict[str, Any], names: str) -> list[str]:
    import json
    from hashlib import sha256

    chosen = sorted(services) if names == "*" else sorted(names.split(","))
    for name in chosen:
        if name not in services:
            raise UsageError(f"no such service: {name}", subject=name)
    return [f"{name} {sha256(json.dumps(services[name], sort_keys=True).encode()).hexdigest()}" for name in chosen]
