"""Whatever the text: the parser never raises, words and patterns raise ValueError only, and spans lie in the file."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stackup.images.build import words
from stackup.images.build.dockerfile import SHAPES, Dockerfile, parse
from stackup.images.build.globs import Glob, without_prefix, without_suffix
from stackup.images.build.ignore import regular, tokens_of
from stackup.images.build.lint import lint
from tests.images.build.scenes import all_evaluated, stages_of, text_of

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
        out = words.ignore_match(path, words.read_ignore(pattern))
        back = words.ignore_match(path, words.read_ignore(f"**\n!{pattern}"))
    except ValueError:
        return
    if pattern.strip() and not pattern.startswith("!"):
        assert out != back or words.ignore_match(path, ["**"]) is False


FLAGS = st.sampled_from(
    ["--from=a ", "--from=0 ", "--mount=type=cache,target=/x ", "--mount=from=b,ro=$A ", "--chown=$A ", "--link ",
     "--platform=$BUILDPLATFORM ", "--interval=1s ", "--network=none ", "--mount=type=secret,id=s ", "--exclude=*.x "]
)  # fmt: skip
WORDS = st.sampled_from(
    ["a ", "b ", "/c ", ". ", "A=b ", "A=$A$A ", "${A:-x} ", "CMD ", "NONE ", "AS b", "80/tcp ", "SIGTERM", "<<E ",
     '["a", "b"]', "RUN x", "$Z ", "scratch ", "${Z?m} ", "'"]
)  # fmt: skip
LINES = st.builds(
    lambda name, flags, words: f"{name} {''.join(flags)}{''.join(words)}\n" + "E\n" * ("<<E" in "".join(words)),
    st.sampled_from([*SHAPES, "FROM", "FROM", "RUN", "COPY", "ARG"]),
    st.lists(FLAGS, max_size=2),
    st.lists(WORDS, max_size=4),
)


@given(st.lists(LINES, max_size=8).map(lambda lines: "ARG A\nFROM scratch AS a\n" + "".join(lines)))
@settings(max_examples=500, deadline=None)
def test_any_stages_are_evaluated_or_refused(text: str) -> None:
    stages = stages_of({"text": text, "args": {"A": "v"}})
    done = all_evaluated(stages)
    assert list(stages.needed()) == sorted(stages.needed())
    assert text_of(stages, done)
    lint(stages, done)
    assert done == all_evaluated(stages)


@example("**?", "ab")
@given(st.text(alphabet="ab*?/[]^-", min_size=1, max_size=8), st.text(alphabet="ab/^", max_size=8))
@settings(max_examples=1000, deadline=None)
def test_sets_of_positions_say_what_regular_expressions_say(pattern: str, path: str) -> None:
    try:
        tokens = tokens_of(pattern)
    except ValueError:
        return
    assert regular(tokens)(path) == Glob(tokens).matches(path)


@given(st.text(alphabet="ab*?", max_size=6), st.text(alphabet="ab", max_size=8), st.booleans())
@settings(max_examples=1000, deadline=None)
def test_the_shortest_and_the_longest_are_found(pattern: str, value: str, longest: bool) -> None:
    """Against all prefixes, one by one."""
    whole = re.compile(re.sub("[*]+", ".*", pattern).replace("?", "."))
    ends = [end for end in range(len(value) + 1) if whole.fullmatch(value[:end])]
    expected = value[(max if longest else min)(ends) :] if ends else value
    assert without_prefix(pattern, value, longest=longest) == expected
    backwards = without_suffix(pattern[::-1], value[::-1], longest=longest)
    assert backwards == expected[::-1]
