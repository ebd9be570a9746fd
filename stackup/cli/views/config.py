"""The resolved stack in the forms of docker compose's `config`. Hot."""

from __future__ import annotations

from stackup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.cli.options import Options

FORMATS = ("", "yaml", "json")


def lines(found: dict[str, Any], options: Options) -> str:
    """The text that the options ask for, with its ends of lines."""
    stack = found["stack"]
    services: dict[str, Any] = stack.get("services", {})
    for section in ("services", "volumes", "networks"):
        if options.flag(section):
            return _each(sorted(stack.get(section) or ()))
    if options.flag("images"):
        return _each(sorted({_image(stack["name"], name, item) for name, item in services.items()}))
    if options.flag("profiles"):
        return _each(found["profiles"])
    if options.flag("variables"):
        return _each(f"{name}={'' if value is None else value}" for name, value in found["variables"].items())
    if options.text("hash"):
        return _each(_hashes(services, options.text("hash")))
    return _whole(found, options.text("format"))


def _each(words: Any) -> str:
    return "".join(f"{word}\n" for word in words)


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

    chosen = sorted(services) if names == "*" else names.split(",")
    for name in chosen:
        if name not in services:
            raise UsageError(f"no such service: {name}", subject=name)
    return [f"{name} {sha256(json.dumps(services[name], sort_keys=True).encode()).hexdigest()}" for name in chosen]
