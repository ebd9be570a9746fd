"""What is published and made from code: `python -m tests.published PREFIX...` writes it, a test keeps it fresh."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from stackup.cli.views.event_schema import event_schema
from stackup.reconcile.codec import plan_schema
from stackup.stackfile.model.schema import schema
from tests.conformance import specification
from tests.pages import stackfile
from tests.rules.tree import ROOT


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


PUBLISHED: dict[str, Callable[[], str]] = {
    "docs/conformance.md": specification.page,
    "docs/stackfile.md": stackfile.page,
    "schemas/event.json": lambda: _json(event_schema()),
    "schemas/plan.json": lambda: _json(plan_schema()),
    "schemas/stack.json": lambda: _json(schema()),
}


def write(*prefixes: str) -> None:
    for name, made in PUBLISHED.items():
        if name.startswith(prefixes):
            (ROOT / name).write_text(made())


if __name__ == "__main__":
    write(*sys.argv[1:])
