"""A stack in memory: files by name, loaded without a disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stackup.diagnostics import Diagnostic
from stackup.stackfile.load import Loaded, Request, load
from stackup.stackfile.render import render

HOME = "/srv/demo"
CASES = Path(__file__).resolve().parents[1] / "cases"


def loaded(texts: Mapping[str, str] | str, environ: Mapping[str, str] | None = None, **request: Any) -> Loaded:
    """Loads files that are there in memory only; one text is `compose.yaml`."""
    held = {"compose.yaml": texts} if isinstance(texts, str) else texts
    disk = {name if name.startswith("/") else f"{HOME}/{name}": text.encode() for name, text in held.items()}
    request.setdefault("directory", HOME)
    return load(Request(environ=environ or {}, read=disk.get, **request))


def printed(texts: Mapping[str, str] | str, environ: Mapping[str, str] | None = None, **request: Any) -> dict[str, Any]:
    """What `config` would print, for files without an error."""
    done = loaded(texts, environ, **request)
    assert done.stack is not None, lines(done)
    return render(done.stack)


def line(item: Diagnostic) -> str:
    place = f"{item.span}" if item.span else "-"
    return f"{item.severity.value} {item.code} {place} {item.detail}".rstrip()


def lines(done: Loaded) -> list[str]:
    return [line(item) for item in done.diagnostics]


def cases(kind: str) -> list[Any]:
    import pytest

    found = sorted((CASES / kind).glob("*.yaml"))
    assert found, f"no cases in {kind}"
    return [pytest.param(YAML(typ="safe").load(path.read_text()), id=path.stem) for path in found]
