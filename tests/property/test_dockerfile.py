"""Whatever the text: the parser never raises, words and patterns raise ValueError only, and spans lie in the file."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.images.build import words
from stackup.images.build.dockerfile import SHAPES, Dockerfile, parse

pytestmark = pytest.mark.slow

PIECES = st.sampled_from(
    [*SHAPES, "ONBUILD ", " ", "\n", "\\\n", "\\", "`", "#", "# escape=`\n", "<<E", "<<-'E'", "E\n", "\tE\n", "<<",
     '["a", "b"]', "[", "]", "[1]", '"', "'", "a=b", "=", "--from=x", "--", "$A", "${A", "${A:-", "}", "/", "//", "%",
     "*", "?", "<", "\r\n", "\x00", "\ud800", "é", "\u2028", "\ufeff", "1", "scratch", " AS "]
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=24).map("".join)


def within(found: Dockerfile) -> bool:
    lines = found.text.removeprefix("\ufeff").split("\n")
    spans = [item.span for item in found.instructions] + [item.span for item in found.problems if item.span]
    return all(
        1 <= span.line <= span.end_line <= len(lines) and 1 <= span.column <= len(lines[span.line - 1]) + 1
        for span in spans
    )


@given(TEXTS)
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    found = parse(text, "D")
    assert found.instructions or found.problems
    assert within(found)
    for item in found.instructions:
        assert item.line <= item.end_line


@given(TEXTS)
@settings(max_examples=500, deadline=None)
def test_any_word_is_expanded_or_refused(text: str) -> None:
    env = {"A": "a*b/c", "E": ""}
    for read in (lambda: words.process_words(text, env), lambda: words.process_words(text, env, "`"),
                 lambda: words.parse_heredoc(text), lambda: words.parse_json_args(text),
                 lambda: words.ignore_match("a/b", words.read_ignore(text)), lambda: words.check(text)):  # fmt: skip
        with suppress(ValueError):
            read()


@given(st.text(alphabet="ab*?/!\\[]-^.", max_size=10), st.text(alphabet="ab/.", min_size=1, max_size=8))
@settings(max_examples=500, deadline=None)
def test_a_pattern_that_is_taken_in_again_takes_in_what_it_left_out(pattern: str, path: str) -> None:
    try:
        out = words.ignore_match(path, [pattern])
        back = words.ignore_match(path, ["**", f"!{pattern}"])
    except ValueError:
        return
    if not pattern.startswith("!") and pattern.strip() and words.read_ignore(f"!{pattern}") == [f"!{pattern}"]:
        assert out != back or words.ignore_match(path, ["**"]) is False
