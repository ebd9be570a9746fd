"""What a YAML parser means by its words, for people who did not write one.

The parser gives up where it cannot go on, which is often below the mistake: its other mark, where the unfinished thing
began, is told as well.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What is wrong, what to do, and what the parser's other mark stands at (empty: it does not help)."""

    problem: str
    hint: str = ""
    began: str = ""


_TABLE: tuple[tuple[str, Words], ...] = (
    (
        "found unexpected end of stream",
        Words("a quote is not closed", "close the quote", "opened here"),
    ),
    (
        "expected <block end>",
        Words(
            "this does not fit into the block that it stands in",
            "check its indentation, and the quotes and colons of the lines above",
            "the block begins here",
        ),
    ),
    (
        "could not find expected ':'",
        Words("a key has no colon", 'write "key: value"; a text of several lines needs quotes or a |', "the key"),
    ),
    (
        "mapping values are not allowed",
        Words("a colon begins a value where none can be", "quote a text that holds a colon, or check the indentation"),
    ),
    (
        "cannot start any token",
        Words("this character cannot begin a value", "quote the value"),
    ),
    ("expected ',' or ']'", Words("a list is not closed", "close it with ], or add a comma", "opened here")),
    ("expected ',' or '}'", Words("a mapping is not closed", "close it with }, or add a comma", "opened here")),
)


def words_of(problem: str, context: str) -> Words:
    """In words of ours where we have some, else the parser's."""
    for pattern, words in _TABLE:
        if pattern in problem:
            return words
    return Words(f"{context}: {problem}" if context else problem)
