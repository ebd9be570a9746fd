"""A real docker compose, asked what it makes of a stack; `config` needs no daemon. And what is alike in two answers.

It is found on the PATH, where distributions put it, or where COMPOSE_ORACLE says. The differences that `alike` levels
are those of docs/conformance-notes.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

PLACES = (
    os.environ.get("COMPOSE_ORACLE", ""),
    shutil.which("docker-compose") or "",
    "/usr/libexec/docker/cli-plugins/docker-compose",
    "/usr/lib/docker/cli-plugins/docker-compose",
)


@cache
def oracle() -> str:
    """docker compose 2 by whatever place it is in; version 1 is a script that speaks another dialect."""
    for place in filter(os.path.exists, filter(None, PLACES)):
        said = subprocess.run([place, "version", "--short"], capture_output=True, text=True, check=False).stdout
        if said.lstrip("v").startswith("2."):
            return place
    pytest.skip("docker compose 2 is not installed: see bench/README.md, or name it in COMPOSE_ORACLE")


def asked(folder: Path, *words: str, environ: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """Its answer to `compose WORDS` in a folder."""
    return subprocess.run(
        [oracle(), *words],
        cwd=folder,
        env={"HOME": "/home/somebody", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def alike(answer: Any) -> Any:
    """An answer in JSON without what is known to differ; why it may, docs/conformance-notes.md says."""
    networks = {
        key: {**network, "ipam": _without(network.get("ipam", {}), "options")}
        for key, network in answer.get("networks", {}).items()
    }
    return _level({**_without(answer, "models"), "networks": networks})


def _without(data: dict[str, Any], lost: str) -> dict[str, Any]:
    """docker compose's JSON has no such key."""
    return {key: value for key, value in data.items() if key != lost}


def _level(data: Any) -> Any:
    if isinstance(data, list):
        return [_level(item) for item in data]
    if not isinstance(data, dict):
        return data
    if not data or data == {"command": None}:
        return None
    if data.keys() == {"soft", "hard"} and data["soft"] == data["hard"]:
        return data["soft"]
    return {_key(key): _level(value) for key, value in data.items() if not _differs(key, value)}


def _key(key: str) -> str:
    return key.lower() if key in ("Path", "Weight", "Rate") else key


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two answers are not alike, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other})
        return [line for key in keys for line in differences(one.get(key), other.get(key), f"{path}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for index, pair in pairs for line in differences(*pair, f"{path}[{index}]")]
    return [] if one == other else [f"{path}: {one!r} is not {other!r}"]


def _differs(key: str, value: Any) -> bool:
    return key.startswith("x-") or (key, str(value)) in (("mem_swappiness", "0"), ("create_host_path", "True"))
