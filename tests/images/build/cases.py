"""The case files of tests/cases/dockerfile, and instructions as a line of text each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stackup.images.build.dockerfile import Dockerfile, Instruction
from stackup.images.build.heredoc import Heredoc

FOLDER = Path(__file__).resolve().parents[2] / "cases" / "dockerfile"


def load(name: str) -> Any:
    return YAML(typ="safe").load(FOLDER / f"{name}.yaml")


def line(item: Instruction) -> str:
    """`2-6 ENV --flag "an argument" {json} [HEREDOC "content"] (trigger)`."""
    lines = str(item.line) if item.line == item.end_line else f"{item.line}-{item.end_line}"
    words = [f"{name}={value}" for name, value in item.pairs] or list(item.args)
    form = ["{json}"] * item.json_form + ["{old}"] * item.old_pairs
    documents = [_document(heredoc) for heredoc in item.heredocs]
    trigger = [f"({line(item.trigger)})"] if item.trigger else []
    return " ".join([lines, item.name, *map(_word, [*item.flags, *words]), *form, *documents, *trigger])


def _word(text: str) -> str:
    """Quoted as JSON where it would not be seen to be one word; commas and brackets of shell forms are fine."""
    plain = text and not any(letter in text for letter in ' "\\\t\n')
    return text if plain else json.dumps(text, ensure_ascii=False)


def _document(heredoc: Heredoc) -> str:
    words = [str(heredoc.fd)] * bool(heredoc.fd) + ["chomp"] * heredoc.chomp + ["verbatim"] * (not heredoc.expand)
    return f"[{' '.join([*words, heredoc.name, json.dumps(heredoc.content)])}]"


def problems(found: Dockerfile) -> list[str]:
    return [f"{item.span}: {item.code} {item.detail}" for item in found.problems]
