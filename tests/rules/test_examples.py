"""Every example loads and plans without a word of warning: an example that needs an excuse teaches it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stackup.engines.desire import desire
from stackup.engines.desire.effects import EFFECTS
from stackup.engines.desire.facts import ImageFact, Look, Wish
from stackup.reconcile.decide import Policy, decide
from stackup.reconcile.lower import lower
from stackup.stackfile.discover import Request
from stackup.stackfile.load import load
from stackup.values import Data
from tests.rules.tree import ROOT

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/stack.yaml"))


class Facts:
    """Every image is there, files are what they are."""

    def expect(self, asked: object) -> None:
        return None

    def image(self, reference: str, look: Look) -> ImageFact | None:
        return ImageFact(id=f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}")

    def built(self, form: Data, *, anyway: bool = False) -> ImageFact:
        return self.image(str(form["name"]), Look())

    def file_digest(self, path: str) -> str:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()

    def exists(self, path: str) -> bool:
        return True

    def mounts_of(self, container: str) -> None:
        return None

    def file_text(self, path: str, limit: int) -> str | None:
        return Path(path).read_text() if Path(path).is_file() else None

    def has_security_module(self, name: str) -> bool:
        return False

    def variable(self, name: str) -> str | None:
        return None

    def seal(self, text: str) -> tuple[str, str]:
        return "0", text

    def stored(self, kind: str, name: str) -> str | None:
        return None


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loads_and_plans(name: str) -> None:
    loaded = load(Request(directory=str(ROOT / "examples" / name), environ={}))
    assert list(loaded.diagnostics) == []
    desired, problems = desire(loaded.stack, dict(loaded.origins), Facts(), Wish(), loaded.directory)
    assert list(problems) == []
    changes = decide(desired, (), EFFECTS, Policy())
    assert lower(changes, Policy())
    assert {str(change.address) for change in changes} == {str(wanted.address) for wanted in desired}
