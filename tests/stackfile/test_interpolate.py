"""Variables in a tree: what they give, and the caret under the variable inside its value."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.diagnostics import Diagnostic, Diagnostics, Span
from stackup.stackfile.document import plain
from stackup.stackfile.environment import Binding, Environment
from stackup.stackfile.interpolate import Evaluation, Malformed, Missing, interpolate, scan
from stackup.stackfile.parse import parse


def evaluated(text: str, variables: dict[str, str]) -> tuple[object, list[Diagnostic]]:
    problems = Diagnostics()
    (document,) = parse(text.encode(), "f.yaml", problems)
    done = interpolate(document, variables.get, problems, set())
    return plain(done.root), problems.items


def caret(text: str) -> str:
    """The source text under the only diagnostic's span."""
    _, (item,) = evaluated(text, {})
    assert item.span is not None
    assert item.span.line == item.span.end_line
    return text.split("\n")[item.span.line - 1][item.span.column - 1 : item.span.end_column - 1]


@pytest.mark.parametrize(
    ("text", "under"),
    [
        ("a: x $NOPE y", "$NOPE"),
        ("a: x ${NOPE} y", "${NOPE}"),
        ('a: "x ${NOPE}"', "${NOPE}"),
        ('a: "tab\\t ${NOPE} é"', "${NOPE}"),
        ("a: 'it''s ${NOPE}'", "${NOPE}"),
        ("a:\n  - [b, '${NOPE}']", "${NOPE}"),
        ("a: |\n  one\n    two ${NOPE} three\n", "${NOPE}"),
        ("a: >-\n  one\n  two $NOPE\n", "$NOPE"),
        ("a: $NOPEX and ${NOPE:?gone}", "${NOPE:?gone}"),
        ("a: é${NOPE!}", "${NOPE!}"),
    ],
)
def test_the_caret_stands_under_the_variable(text: str, under: str) -> None:
    if under == "${NOPE:?gone}":
        _, items = evaluated(text, {"NOPEX": "set"})
        assert [(item.code, item.span and item.span.column) for item in items] == [("SU011", 15)]
    else:
        assert caret(text) == under


def test_the_second_of_two_equal_variables_is_not_taken_for_the_first() -> None:
    _, items = evaluated("a: ${X:-1} ${X:?no} ${X:?no}", {})
    assert [item.span and item.span.column for item in items] == [12]


def test_a_variable_inside_a_word_is_found_by_its_name() -> None:
    text = "a: one ${A:-two ${B:?gone}}"
    _, (item,) = evaluated(text, {})
    assert item.span is not None
    assert text[item.span.column - 1 :].startswith("${B")


def test_keys_are_left_alone_and_values_become_text() -> None:
    assert evaluated("$A: $A\nb: [$A, 1]\n", {"A": "5"})[0] == {"$A": "5", "b": ["5", 1]}


def test_an_unset_variable_is_named_once_and_an_unused_default_never() -> None:
    _, items = evaluated("a: $X\nb: $X\nc: ${Y:-$Z}\nd: ${E:-$Q}", {"Y": "y", "E": "e"})
    assert [(item.code, str(item.span)) for item in items] == [("SU012", "f.yaml:1:4")]


def test_a_value_behind_reset_is_not_evaluated() -> None:
    assert evaluated("a: !reset ${X:?never}\n", {})[1] == []


def test_nesting_and_length_are_bounded() -> None:
    deep = "${A:-" * 60 + "}" * 60
    long = {"L": "x" * 600_000}
    with pytest.raises(Malformed, match="nesting"):
        Evaluation({}.get, lambda variable: None).text(deep)
    with pytest.raises(Malformed, match="longer"):
        Evaluation(long.get, lambda variable: None).text("$L$L")


def test_the_caller_wins_over_env_files_and_is_written_down() -> None:
    span = Span(".env", 1, 1, 1, 2)
    layers = ({name: Binding(name, "file", span) for name in "ABEG"}, {"B": Binding("B", "later file", span)})
    consulted: dict[str, str | None] = {}
    environment = Environment({"A": "caller", "E": ""}, layers, consulted, {"G": "given"})
    assert [environment.get(name) for name in "ABCEG"] == ["caller", "later file", None, "", "given"]
    assert environment.beneath(({"B": Binding("B", "included", span)},)).get("B") == "later file"
    assert consulted == {"A": "caller", "B": None, "C": None, "E": "", "G": None}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("${}AB:-?+ x"), max_size=30))
def test_no_text_escapes_the_grammar(text: str) -> None:
    try:
        parts = scan(text)
        Evaluation({"A": "1"}.get, lambda variable: None).text(text)
    except (Malformed, Missing):
        return
    if "$" not in text:
        assert "".join(part for part in parts if isinstance(part, str)) == text


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
def test_doubled_dollars_are_the_text_itself(text: str) -> None:
    assert Evaluation({}.get, lambda variable: None).text(text.replace("$", "$$")) == text
