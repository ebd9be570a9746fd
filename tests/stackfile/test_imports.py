"""Discovery is on every verb's way: it must load next to nothing."""

from __future__ import annotations

import subprocess
import sys

from tests.rules.tree import ROOT

DEAR = {"dataclasses", "typing", "enum", "re", "pathlib", "subprocess", "pydantic", "ruamel", "json"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_discovery_loads_no_dear_module() -> None:
    assert loaded_by("from stackup.stackfile.discover import Request, find") & DEAR == set()


def test_emitting_yaml_needs_no_yaml_library() -> None:
    assert loaded_by("from stackup.stackfile.emit import to_yaml") & {"ruamel", "pydantic", "dataclasses"} == set()


def test_codes_cost_nothing() -> None:
    assert loaded_by("from stackup.stackfile.codes import CODES") & DEAR == set()
