"""YAML to nodes: what values mean, where they stand, and what no text may do."""

from __future__ import annotations

import math
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import Mapping, Scalar, plain, select
from stackup.stackfile.parse import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse, pure_events
from stackup.stackfile.resolve import resolve


def read(text: str | bytes) -> tuple[list[Any], list[str]]:
    problems = Diagnostics()
    raw = text.encode() if isinstance(text, str) else text
    documents = parse(raw, "f.yaml", problems)
    return [plain(document.root) for document in documents], [f"{item.code} {item.span}" for item in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0440", 0o440),
        ("0o17", 15),
        ("0x1f", 31),
        ("1_000", 1000),
        ("08", 8.0),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("22:22", "22:22"),
        ("2020-01-01", "2020-01-01"),
        ("1.2.3", "1.2.3"),
        ("+", "+"),
        ("-", "-"),
        (".", "."),
        ("0x", "0x"),
        ("9" * 500, "9" * 500),
        (".inf", math.inf),
        ("-.inf", -math.inf),
    ],
)
def test_a_plain_scalar_means_what_it_means_to_docker_compose(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_quotes_and_tags_decide_before_looks() -> None:
    assert read("a: '1'\nb: \"true\"\nc: !!str 1\nd: !!int '1'\ne: |\n  1\nf: ! 5\n") == (
        [{"a": "1", "b": "true", "c": "1", "d": 1, "e": "1\n", "f": "5"}],
        [],
    )


def test_a_tag_that_does_not_fit_is_named() -> None:
    assert read("a: !!int x\n")[1] == ["SU006 f.yaml:1:4"]


def test_spans_are_half_open_and_count_characters_from_one() -> None:
    problems = Diagnostics()
    (document,) = parse('é: "ü"\nlist:\n  - [a, b]\n'.encode(), "f.yaml", problems)
    first = select(document.root, ("é",))
    assert isinstance(first, Scalar)
    assert (first.span.line, first.span.column, first.span.end_line, first.span.end_column) == (1, 4, 1, 7)
    item = select(document.root, ("list", 0))
    assert item is not None
    assert (item.span.line, item.span.column, item.span.end_column) == (3, 5, 11)
    whole = select(document.root, ("list",))
    assert whole is not None
    assert (whole.span.line, whole.span.column, whole.span.end_line, whole.span.end_column) == (3, 3, 3, 11)
    assert document.root.entries["list"].key.column == 1


def test_both_places_of_a_key_given_twice_are_named() -> None:
    problems = Diagnostics()
    parse(b"a:\n  k: 1\n  k: 2\n", "f.yaml", problems)
    (item,) = problems
    assert (str(item.span), [str(other.span) for other in item.related]) == ("f.yaml:3:3", ["f.yaml:2:3"])


def test_aliases_share_their_node_and_merge_keys_yield_to_what_is_written() -> None:
    problems = Diagnostics()
    (document,) = parse(b"a: &a {x: 1, y: 2}\nb: *a\nc:\n  <<: *a\n  y: 3\n", "f.yaml", problems)
    assert select(document.root, ("a",)) is select(document.root, ("b",))
    assert plain(document.root)["c"] == {"y": 3, "x": 1}  # type: ignore[index,call-overload]
    inherited = select(document.root, ("c", "x"))
    assert inherited is not None
    assert inherited.span.line == 1


def test_a_quoted_merge_key_is_a_key() -> None:
    assert read('a: {"<<": x}\n') == ([{"a": {"<<": "x"}}], [])


def test_several_documents_keep_their_order_and_anchors_end_with_them() -> None:
    assert read("a: &x 1\n---\nb: 2\n")[0] == [{"a": 1}, {"b": 2}]
    assert read("a: &x 1\n---\nb: *x\n")[1] == ["SU007 f.yaml:3:4"]


@pytest.mark.parametrize("text", ["[data:/data, x:y]", "{a: b:c}", "[http://h:80/x, 'a:b']"])
def test_a_colon_inside_a_word_of_a_flow_list_is_text(text: str) -> None:
    found, problems = read(f"v: {text}\nw: a:b\n")
    assert problems == []
    assert found[0]["w"] == "a:b"
    assert "data:/data" in str(found) or "b:c" in str(found) or "http://h:80/x" in str(found)


def bomb() -> str:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for one, other in zip(string.ascii_lowercase, string.ascii_lowercase[1:9], strict=False):
        lines.append(f"{other}: &{other} [{', '.join([f'*{one}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (bomb(), "SU005"),
        ("[" * 5000, "SU005"),
        ("{a: " * 5000, "SU005"),
        ("- " * (MAX_DEPTH + 1) + "x", "SU005"),
        ("a: &a [*a]", "SU004"),
        ("a: !!python/object/apply:os.system [id]", "SU006"),
        ("a: \x07", "SU001"),
        (b"a: \xff", "SU008"),
        ("", "SU008"),
        ("# nothing\n", "SU008"),
        ("text", "SU008"),
        ("? [a]\n: 1", "SU003"),
        ("true: 1", "SU003"),
        ("<<: 1", "SU009"),
        ("a: b: c", "SU001"),
        ("%YAML 9.0\n---\na: 1", "SU001"),
    ],
)
def test_a_hostile_or_broken_text_ends_in_a_diagnostic(text: str | bytes, code: str) -> None:
    assert code in {problem.split()[0] for problem in read(text)[1]}


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    assert read(b"a" * (MAX_BYTES + 1))[1] == ["SU005 f.yaml:1:1"]


@pytest.mark.slow
def test_a_file_with_too_many_values_is_given_up() -> None:
    assert read("a: [" + "x," * (MAX_NODES + 1) + "]")[1][0].startswith("SU005")


def test_the_pure_parser_gives_the_same_events_in_all_that_we_use() -> None:
    text = "a: &x [1, !reset b]\n'k': *x\nt: |-\n  one\n  two\n"
    seen = [(type(event).__name__, getattr(event, "value", None)) for event in pure_events(text)]
    assert ("ScalarEvent", "one\ntwo") in seen
    assert ("AliasEvent", None) in [(name, None) for name, _ in seen]


TEXTS = st.text(alphabet=st.sampled_from("ab:- #{}[]&*!|>'\"%@,\n\t?.<~0\\é$"), max_size=60)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_no_text_raises(text: str) -> None:
    found, problems = read(text)
    assert problems or all(isinstance(document, dict) for document in found)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40))
def test_no_bytes_raise(raw: bytes) -> None:
    problems = Diagnostics()
    for document in parse(raw, "f", problems):
        assert isinstance(document.root, Mapping)
