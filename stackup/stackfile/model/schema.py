"""The JSON schema of stack files, made from the models, for editors: every key with its description.

The models know long forms only, so places that have a short form also take texts, lists and mappings here; what they
may hold is the loader's to say. Keys are exact.
"""

from __future__ import annotations

from typing import Any

from stackup.stackfile.model.stack import Stack

_SHORT_KEYS = """
    additional_contexts annotations args build cache_from cache_to command config configs depends_on devices dns
    dns_opt dns_search driver_opts entrypoint env_file environment expose external extends extra_hosts gpus ignore
    include label_file labels links models networks no_cache_filter options ports post_start pre_start pre_stop
    profiles secrets services ssh storage_opt sysctls tags test tmpfs ulimits volumes
"""
SHORT = frozenset(_SHORT_KEYS.split())
_ANYTHING = {"type": ["string", "number", "boolean", "array", "object", "null"]}
_ALSO_FILES: dict[str, Any] = {
    "include": {"description": "Other stack files, each with a folder and an environment of its own."} | _ANYTHING,
    "version": {"description": "Obsolete and ignored.", "deprecated": True} | _ANYTHING,
}
_EXTENDS = {"description": "A service that this one is built on: its name, or {service, file}."} | _ANYTHING


def schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12."""
    found = Stack.model_json_schema()
    definitions = {name: _loose(part) for name, part in found.pop("$defs").items()}
    definitions["Service"]["properties"]["extends"] = _EXTENDS
    root = _loose(found)
    root["properties"] |= _ALSO_FILES
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stackup stack file",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _loose(part: dict[str, Any]) -> dict[str, Any]:
    """One model: without the models' own bookkeeping, with `x-*`, values as texts too."""
    properties = {key: _property(key, value) for key, value in part["properties"].items() if key != "extensions"}
    required = [key for key in part.get("required", ()) if key in properties]
    return {
        "type": ["object", "null"],
        "description": part.get("description", ""),
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    } | ({"required": required} if required else {})


def _property(key: str, value: dict[str, Any]) -> dict[str, Any]:
    description = {"description": value["description"]} if "description" in value else {}
    rest = {name: item for name, item in value.items() if name not in ("title", "default", "description")}
    if not rest or "enum" in rest or "const" in rest:
        return description | rest
    if key in SHORT:
        return description | {"anyOf": [rest, _ANYTHING]}
    return description | _spelled(rest)


def _spelled(value: dict[str, Any]) -> dict[str, Any]:
    """Numbers and booleans may be written as texts, so that a variable can stand there; null is as good as absent."""
    if value.get("type") in ("integer", "number", "boolean", "string"):
        return {"type": ["string", "number", "boolean", "null"]}
    if "anyOf" in value:
        kinds = {branch.get("type") for branch in value["anyOf"]}
        if kinds <= {"integer", "number", "boolean", "string", "null"} and not any("enum" in b for b in value["anyOf"]):
            return {"type": ["string", "number", "boolean", "null"]}
    return value
