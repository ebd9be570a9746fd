"""The small functions of the frontend in one place, for editors, linters and everybody who needs just one of them.

Pure. They are the same that builds use. Whatever cannot be read raises ValueError with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from stackup.images.build.dockerfile import parse
from stackup.images.build.expansion import Rules, expand
from stackup.images.build.flags import Refused
from stackup.images.build.forms import parse_json_args
from stackup.images.build.heredoc import Heredoc, parse_heredoc
from stackup.images.build.ignore import ignore_match, read_ignore
from stackup.images.build.meaning import from_meaning, meaning

__all__ = [
    "Heredoc",
    "check",
    "ignore_match",
    "parse_heredoc",
    "parse_json_args",
    "process_word",
    "process_word_matches",
    "process_words",
    "read_ignore",
]

Env: TypeAlias = "Mapping[str, str] | Iterable[str]"
"""Variables by name, or a list of `NAME=value` whose last one counts."""


def process_word(word: str, env: Env, escape: str = "\\") -> str:
    """The word with its variables expanded and its quotes taken off; spaces stay."""
    return expand(word, _named(env), Rules(escape)).text


def process_words(line: str, env: Env, escape: str = "\\") -> list[str]:
    """The same, split at spaces that are not quoted, after expansion."""
    return list(expand(line, _named(env), Rules(escape)).words)


def process_word_matches(word: str, env: Env) -> tuple[str, set[str], set[str]]:
    """The word expanded, and the variables in it that are set and that are not."""
    made = expand(word, _named(env))
    return made.text, set(made.matched), set(made.unmatched)


def _named(env: Env) -> dict[str, str]:
    if isinstance(env, Mapping):
        return dict(env)
    return {name: value for name, _, value in (item.partition("=") for item in env)}


def check(text: str) -> None:
    """Raises ValueError with all problems of the instructions, a line each. A snippet without FROM is fine."""
    found = parse(text, "Dockerfile")
    problems = list(found.problems)
    for item in found.instructions:
        try:
            from_meaning(item) if item.name == "FROM" else meaning(item)
        except Refused as problem:
            problems.append(problem.diagnostic)
    if problems:
        raise ValueError("\n".join(f"{item.span or 'Dockerfile'}: {item.detail}" for item in problems))
