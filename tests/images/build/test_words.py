from __future__ import annotations

from typing import Any

import pytest

from stackup.images.build import words
from tests.images.build.cases import load

CASES = load("words")
IGNORE = load("ignore")
ENV = {"PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "NULL": "", "P": "/a/b/c.tar.gz"}


@pytest.mark.parametrize(("word", "expected"), CASES["words"])
def test_a_word_is_expanded(word: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="."):
            words.process_word(word, ENV)
    else:
        assert words.process_word(word, ENV) == expected
        assert words.process_word(word, [f"{name}={value}" for name, value in ENV.items()]) == expected


@pytest.mark.parametrize(("line", "expected"), CASES["splits"])
def test_a_line_is_split(line: str, expected: list[str]) -> None:
    assert words.process_words(line, {"TWO": "one two"}) == expected


@pytest.mark.parametrize(("word", "matched", "unmatched"), CASES["matches"])
def test_variables_are_named(word: str, matched: list[str], unmatched: list[str]) -> None:
    assert words.process_word_matches(word, {"A": "", "C": "c"})[1:] == (set(matched), set(unmatched))


def test_another_escape_character() -> None:
    assert words.process_word("a`$PWD C:\\x", ENV, "`") == "a$PWD C:\\x"


def test_a_message_that_is_asked_for() -> None:
    with pytest.raises(ValueError, match="X: tell me /home"):
        words.process_word("${X:?tell me $PWD}!", ENV)


@pytest.mark.parametrize(("word", "expected"), CASES["heredocs"])
def test_a_heredoc_word(word: str, expected: str | None) -> None:
    if expected == "error":
        with pytest.raises(ValueError, match="quote"):
            words.parse_heredoc(word)
        return
    found = words.parse_heredoc(word)
    said = found and [str(found.fd)] * bool(found.fd) + [found.name] + ["chomp"] * found.chomp
    assert (said and " ".join(said + ["verbatim"] * (found is not None and not found.expand))) == expected


@pytest.mark.parametrize(("text", "expected"), CASES["json"])
def test_json_arguments(text: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="JSON"):
            words.parse_json_args(text)
    else:
        assert words.parse_json_args(text) == expected


@pytest.mark.parametrize(("patterns", "path", "expected"), IGNORE["matches"])
def test_a_path_is_left_out(patterns: list[str], path: str, expected: Any) -> None:
    if expected == "error":
        with pytest.raises(ValueError, match="."):
            words.ignore_match(path, patterns)
    else:
        assert words.ignore_match(path, patterns) is expected


@pytest.mark.parametrize(("text", "expected"), IGNORE["files"])
def test_an_ignore_file_is_read(text: str, expected: list[str]) -> None:
    assert words.read_ignore(text) == expected


@pytest.mark.parametrize("text", ["", "RUM x", "RUN <<E\n", "ENV a", "CMD [1]", "# escape=x\nFROM a"])
def test_check_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="Dockerfile"):
        words.check(text)


def test_check_accepts() -> None:
    words.check("ARG A=1\nFROM alpine\nRUN <<E\nx\nE\n")


def test_hostile_words_end_soon() -> None:
    stars = "*a" * 300
    assert words.process_word(f"${{A#{stars}b}}", {"A": "a" * 5000}) == "a" * 5000
    assert not words.ignore_match("a" * 300, [f"{stars}b"])
    with pytest.raises(ValueError, match="nested too deeply"):
        words.process_word("${A:-" * 5000, {})
    with pytest.raises(ValueError, match="longer than 1 MiB"):
        words.process_word("$A" * 2000, {"A": "x" * 1000})
    with pytest.raises(ValueError, match="JSON"):
        words.parse_json_args("[" * 100_000)
