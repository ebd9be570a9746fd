"""Dockerfile-like instructions that edit an image's configuration: `import --change 'CMD ["nginx"]'`.

Pure. The instructions that only describe: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME,
WORKDIR. Source: the Dockerfile reference, and what `docker import --change` takes.
"""

from __future__ import annotations

import json
import posixpath
import shlex
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace

from stackup.errors import UsageError
from stackup.images.manifest import Healthcheck, ImageConfig
from stackup.values import parse_duration

SHELL = ("/bin/sh", "-c")


def apply_changes(config: ImageConfig, changes: Iterable[str]) -> ImageConfig:
    """The configuration after all instructions, in order. Raises UsageError naming the instruction."""
    for change in changes:
        word, _, rest = change.strip().partition(" ")
        edit = _EDITS.get(word.upper())
        if edit is None:
            known = ", ".join(sorted(_EDITS))
            raise UsageError(f'"{change}" is no instruction that can be applied here', subject=change, hint=known)
        if not rest.strip():
            raise UsageError(f'"{change}" says nothing after "{word}"', subject=change)
        try:
            config = edit(config, rest.strip())
        except ValueError as error:
            raise UsageError(f'"{change}": {str(error).lower()}', subject=change) from error
    return config


def command(text: str) -> tuple[str, ...]:
    """The exec form (a JSON list) or the shell form."""
    return _json_list(text) or (() if text == "[]" else (*SHELL, text))


def _json_list(text: str) -> tuple[str, ...] | None:
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None  # as BuildKit reads it: a broken list is a shell line
    if isinstance(found, list) and all(isinstance(item, str) for item in found):
        return tuple(found)
    return None


def _pairs(text: str) -> dict[str, str]:
    """`a=b "c d"=e`, or the old form `name the rest`."""
    head, _, rest = text.partition(" ")
    if "=" not in head:
        if not rest.strip():
            raise ValueError("write name=value")
        return {head: rest.strip()}
    pairs = {}
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ValueError(f'"{word}" is not name=value')
        pairs[name] = value
    return pairs


def _env(config: ImageConfig, text: str) -> ImageConfig:
    merged = {name: value for name, _, value in (entry.partition("=") for entry in config.env)} | _pairs(text)
    return replace(config, env=tuple(f"{name}={value}" for name, value in merged.items()))


def _label(config: ImageConfig, text: str) -> ImageConfig:
    return replace(config, labels={**config.labels, **_pairs(text)})


def _expose(config: ImageConfig, text: str) -> ImageConfig:
    ports = {port for word in text.split() for port in _ports(word)}
    return replace(config, exposed=tuple(sorted({*config.exposed, *ports})))


def _ports(word: str) -> list[str]:
    numbers, _, protocol = word.lower().partition("/")
    first, _, last = numbers.partition("-")
    if not (first.isdigit() and (last or first).isdigit()) or (protocol or "tcp") not in {"tcp", "udp", "sctp"}:
        raise ValueError(f'"{word}" is not a port such as 80 or 53/udp')
    low, high = int(first), int(last or first)
    if not 0 < low <= high < 65536:
        raise ValueError(f'"{word}" is not a port such as 80 or 53/udp')
    return [f"{port}/{protocol or 'tcp'}" for port in range(low, high + 1)]


def _volume(config: ImageConfig, text: str) -> ImageConfig:
    paths = _json_list(text) or tuple(shlex.split(text))
    return replace(config, volumes=tuple(sorted({*config.volumes, *paths})))


def _workdir(config: ImageConfig, text: str) -> ImageConfig:
    return replace(config, workdir=posixpath.normpath(posixpath.join(config.workdir or "/", text)))


def _stop_signal(config: ImageConfig, text: str) -> ImageConfig:
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    sound = 0 < int(text) < 65 if text.isdigit() else name.partition("+")[0] in signal.Signals.__members__
    if not sound:
        raise ValueError(f'"{text}" is not a signal')
    return replace(config, stop_signal=text if text.isdigit() else name)


def _healthcheck(config: ImageConfig, text: str) -> ImageConfig:
    numbers: dict[str, int] = {}
    while text.startswith("--"):
        option, _, text = text.partition(" ")
        name, _, value = option.removeprefix("--").partition("=")
        if name == "retries":
            numbers["retries"] = int(value)
        elif name in {"interval", "timeout", "start-period", "start-interval"}:
            numbers[f"{name.replace('-', '_')}_ns"] = parse_duration(value)
        else:
            raise ValueError(f'"{option}" is not an option of HEALTHCHECK')
        text = text.strip()
    word, _, rest = text.partition(" ")
    if word.upper() == "NONE" and not rest:
        return replace(config, healthcheck=Healthcheck(("NONE",)))
    if word.upper() != "CMD" or not rest.strip():
        raise ValueError("write NONE or CMD and a command")
    words = _json_list(rest.strip())
    test = ("CMD", *words) if words else ("CMD-SHELL", rest.strip())
    return replace(config, healthcheck=Healthcheck(test, **numbers))


_EDITS: dict[str, Callable[[ImageConfig, str], ImageConfig]] = {
    "CMD": lambda config, text: replace(config, cmd=command(text)),
    "ENTRYPOINT": lambda config, text: replace(config, entrypoint=command(text)),
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "STOPSIGNAL": _stop_signal,
    "USER": lambda config, text: replace(config, user=text),
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
