"""The resolved stack as docker compose's `config` shows it. Hot when the cache has it."""

from __future__ import annotations

from stackup.project import cache
from stackup.project.problems import rows_of, tell
from stackup.project.resolve import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.project.session import Session

PURPOSE = "config"


def config(session: Session, services: tuple[str, ...] = (), *, all_resources: bool = False) -> dict[str, Any]:
    """`stack` (plain data, long forms), `yaml` and `json` (its text), `profiles`, `variables`; problems are told."""
    found = _config(session, services, all_resources)
    tell(session, found["problems"])
    return found


def _config(session: Session, services: tuple[str, ...], all_resources: bool) -> dict[str, Any]:
    key = cache.key_of(session.where, f"{PURPOSE} of all" if all_resources else PURPOSE, services)
    found = cache.read(session.layout, session.where, key)
    if found is not None and {"stack", "yaml", "json", "profiles", "variables", "problems"} <= found.keys():
        return found
    value, inputs = _load(session, services, all_resources)
    if not session.dry_run:
        cache.write(session.layout, key, value, inputs)
    return value


def _load(
    session: Session, services: tuple[str, ...], all_resources: bool
) -> tuple[dict[str, Any], tuple[dict[str, Any], dict[str, Any]]]:
    from stackup.stackfile.render import json_text, render, yaml_text

    loaded = load(session, services, all_resources=all_resources)
    assert loaded.stack is not None, "load() has seen to it"
    inputs = (dict(loaded.inputs.files), dict(loaded.inputs.variables))
    value = {
        "stack": render(loaded.stack),
        "yaml": yaml_text(loaded.stack),
        "json": json_text(loaded.stack),
        "profiles": sorted({name for item in loaded.stack.services.values() for name in item.profiles}),
        "variables": dict(sorted(loaded.inputs.variables.items())),
        "problems": rows_of(loaded.diagnostics, loaded.sources),
    }
    return value, inputs
