"""The grammar of env files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.diagnostics import Diagnostics
from stackup.stackfile.dotenv import parse_env, parse_raw

CALLER = {"HOME": "/root", "SHELL_WINS": "shell"}


def read(text: str) -> tuple[dict[str, str], list[str]]:
    problems = Diagnostics()
    found = parse_env(text, ".env", CALLER.get, problems)
    return {name: binding.value for name, binding in found.items()}, [f"{i.span} {i.detail}" for i in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", {"A": "1"}),
        ("A = 1 ", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("A: 1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=b=c", {"A": "b=c"}),
        ("# only\n\n  # comments\n", {}),
        ("A=1 # why", {"A": "1"}),
        ("A=1#no", {"A": "1#no"}),
        ("A= # no comment", {"A": "# no comment"}),
        ("A=1\t# no comment", {"A": "1\t# no comment"}),
        ("é1=1", {"é1": "1"}),
        ("A=#no", {"A": "#no"}),
        ("A='$HOME #x' # c", {"A": "$HOME #x"}),
        ('A="$HOME #x" # c', {"A": "/root #x"}),
        ("A=${HOME}/x", {"A": "/root/x"}),
        ("A=${NOPE:-d}", {"A": "d"}),
        ("A=1\nB=${A}2\nC=$B", {"A": "1", "B": "12", "C": "12"}),
        ("SHELL_WINS=file\nX=$SHELL_WINS", {"SHELL_WINS": "file", "X": "shell"}),
        (r'A="a\nb\tc\\d\"e\$HOME"', {"A": 'a\nb\tc\\d"e$HOME'}),
        (r"A='a\nb'", {"A": r"a\nb"}),
        (r"A=a\nb", {"A": r"a\nb"}),
        ("A='it\\'s'", {"A": "it's"}),
        ('A="one\ntwo"\nB=3', {"A": "one\ntwo", "B": "3"}),
        ("A='one\n  two'", {"A": "one\n  two"}),
        ("HOME\nNOPE\nB=1", {"HOME": "/root", "B": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=1\nA=2", {"A": "2"}),
        ("a.b-c[0]=1", {"a.b-c[0]": "1"}),
        ("A=it's", {"A": "it's"}),
        ("\ufeffA=1".lstrip("\ufeff"), {"A": "1"}),
    ],
)
def test_a_line_gives_its_variable(text: str, expected: dict[str, str]) -> None:
    assert read(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("A B=1", ".env:1:1 expected NAME=value"),
        ("OK=1\n=x", ".env:2:1 expected NAME=value"),
        ("A='open", ".env:1:3 a quote is not closed"),
        ("A #c", ".env:1:1 expected NAME=value"),
        ('A="x" B=2', ".env:1:7 text follows the closing quote"),
        ("A=x$NOPE", '.env:1:4 "NOPE" gives an empty text'),
        ('A="\\t${NOPE}"', '.env:1:6 "NOPE" gives an empty text'),
        ("A=${", ".env:1:3 a brace is not closed"),
        ("A=${X:?why}", '.env:1:3 "X" is required: why'),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, problem: str) -> None:
    assert read(text)[1] == [problem]


def test_what_follows_a_closing_quote_is_a_line_of_its_own() -> None:
    assert read('A="x" B=2\nC=3\n')[0] == {"A": "x", "B": "2", "C": "3"}


def test_lines_above_win_over_files_before_and_the_caller_over_both() -> None:
    earlier = parse_env("A=before\nB=before\nHOME=before", "a.env", {}.get, Diagnostics())
    found = parse_env("A=above\nX=$A\nY=$B\nZ=$HOME", "b.env", CALLER.get, Diagnostics(), earlier)
    assert {name: found[name].value for name in "XYZ"} == {"X": "above", "Y": "before", "Z": "/root"}


def test_what_follows_a_broken_line_is_still_read() -> None:
    assert read("A B\nC=1\n")[0] == {"C": "1"}


def test_a_variable_knows_its_line() -> None:
    found = parse_env("# c\nA=1\nexport B='x\ny'\nC=2\n", "x.env", {}.get, Diagnostics())
    assert {name: str(binding.span) for name, binding in found.items()} == {
        "A": "x.env:2:1",
        "B": "x.env:3:8",
        "C": "x.env:5:1",
    }


def test_raw_takes_lines_as_they_are() -> None:
    text = "# c\nA='q' # not a comment\nB=$HOME\nHOME\nNOPE\nC=a=b\n D= x\n"
    found = {name: binding.value for name, binding in parse_raw(text, ".env", CALLER.get, Diagnostics()).items()}
    assert found == {"A": "'q' # not a comment", "B": "$HOME", "HOME": "/root", "C": "a=b", "D": " x"}


@pytest.mark.parametrize("line", ["A =1", "export A=1", "A: 1", "=x", "A B"])
def test_raw_takes_no_blank_in_a_name(line: str) -> None:
    problems = Diagnostics()
    assert parse_raw(f"OK=1\n  {line}", ".env", CALLER.get, problems).keys() == {"OK"}
    assert [(item.code, str(item.span)) for item in problems] == [("SU013", ".env:2:3")]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("AB=:'\"\\$# \n{}-x\t"), max_size=40))
def test_no_text_raises(text: str) -> None:
    found, _ = read(text)
    assert all(isinstance(value, str) for value in found.values())


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(blacklist_characters="'\\\r", blacklist_categories=["Cs"]), max_size=30))
def test_single_quotes_keep_everything(value: str) -> None:
    assert read(f"A='{value}'\n") == ({"A": value}, [])
