"""The resolved stack as docker compose's `config` shows it. Hot when the cache has it.

`without` names steps of the loader that are left out (`discover.STEPS`, `discover.UNMASKED`). What
variables the files ask for is never cached, being asked rarely.
"""

from __future__ import annotations

from stackup.project import cache
from stackup.project.problems import rows_of, tell
from stackup.project.resolve import load
from stackup.project.session import no_such_service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.project.session import Session
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.model import Stack

PARTS = {"stack", "yaml", "json", "profiles", "problems"}
"""What is kept; the variables of env files are not, since passwords are among them."""


def config(
    session: Session,
    services: tuple[str, ...] = (),
    *,
    all_resources: bool = False,
    without: frozenset[str] = frozenset(),
    fresh: bool = False,
) -> dict[str, Any]:
    """`stack` (plain data), `yaml` and `json` (its text), `profiles`; the problems are told. `environment` is among
    them where nothing was taken from the cache, as `fresh` asks.
    """
    purpose = " ".join(("config", "of all" if all_resources else "of what is used", "without", *sorted(without)))
    key = cache.key_of(session.where, purpose, services)
    found = None if fresh else cache.read(session.layout, session.where, key)
    if found is None or not found.keys() >= PARTS:
        loaded = load(session, services, all_resources=all_resources, without=without)
        found = _value(loaded, services, without, all_resources)
        if not session.dry_run and not _tells(loaded):
            kept = {part: found[part] for part in PARTS}
            cache.write(session.layout, key, kept, (dict(loaded.inputs.files), dict(loaded.inputs.variables)))
    tell(session, found["problems"])
    return found


def _tells(loaded: Loaded) -> bool:
    """Whether the text has what is in a config's file: that is on no disk."""
    return loaded.stack is not None and any(one.content is not None for one in loaded.stack.configs.values())


def _value(loaded: Loaded, services: tuple[str, ...], without: frozenset[str], all_resources: bool) -> dict[str, Any]:
    from stackup.stackfile.complete import profiles

    shown = _raw(loaded) if "interpolate" in without else texts(needed(loaded, services, all_resources), without)
    return shown | {
        "profiles": profiles(loaded.root),
        "environment": {**loaded.environment, "COMPOSE_PROJECT_NAME": loaded.name},
        "problems": rows_of(loaded.diagnostics, loaded.sources),
    }


def _raw(loaded: Loaded) -> dict[str, Any]:
    from stackup.stackfile.emit import to_yaml
    from stackup.stackfile.raw import outline
    from stackup.stackfile.render import go_json

    data = outline(loaded.root)
    return {"stack": data, "yaml": to_yaml(data), "json": go_json(data)}


def texts(stack: Stack, without: frozenset[str]) -> dict[str, Any]:
    from stackup.stackfile.render import json_text, render, yaml_text

    named = "env_resolution" in without
    return {
        "stack": render(stack, env_files=named),
        "yaml": yaml_text(stack, env_files=named),
        "json": json_text(stack, env_files=named),
    }


def needed(loaded: Loaded, services: tuple[str, ...], all_resources: bool) -> Stack:
    """The named services with what they depend on; all of them without a name."""
    from stackup.stackfile.select import chosen, closure

    stack = loaded.stack
    assert stack is not None, "load() has seen to it"
    for name in services:
        if name not in stack.services:
            raise no_such_service(name, tuple(stack.services))
    return chosen(stack, closure(stack, services), everything=all_resources) if services else stack


def variables(session: Session) -> list[tuple[str, bool, str, str]]:
    """(name, required, default, alternative) of every variable of the files, sorted; their problems are told."""
    from stackup.stackfile.raw import variables

    loaded = load(session, without=frozenset(("interpolate", "consistency", "env_resolution", "normalize")))
    tell(session, rows_of(loaded.diagnostics, loaded.sources))
    return variables(loaded.root)
