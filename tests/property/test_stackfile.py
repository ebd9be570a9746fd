"""Laws of merging, and that what is printed reads back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.diagnostics import Diagnostics, Span
from stackup.stackfile.document import Entry, Mapping, Node, Scalar, Sequence, plain
from stackup.stackfile.emit import to_yaml
from stackup.stackfile.merge import merge, settle
from stackup.stackfile.parse import parse
from stackup.stackfile.render import yaml_text
from tests.stackfile.tree import loaded

pytestmark = pytest.mark.slow

HERE = Span("f", 1, 1, 1, 1)
NAMES = st.sampled_from(["services", "web", "ports", "volumes", "cap_add", "environment", "a", "x-b", "target"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)).map(lambda value: Scalar(value, HERE))


def branch(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    mappings = st.dictionaries(NAMES, inner, max_size=4).map(mapping)
    return st.one_of(st.lists(inner, max_size=3).map(lambda items: Sequence(tuple(items), HERE)), mappings)


def mapping(values: dict[str, Node]) -> Mapping:
    return Mapping({key: Entry(HERE, value) for key, value in values.items()}, HERE)


NODES: st.SearchStrategy[Node] = st.recursive(SCALARS, branch, max_leaves=10)
ROOTS = st.dictionaries(NAMES, NODES, max_size=4).map(mapping)
EMPTY = mapping({})


@given(ROOTS)
def test_nothing_over_something_changes_nothing(root: Mapping) -> None:
    assert merge(root, EMPTY) == root


@given(ROOTS, ROOTS)
def test_every_key_of_either_side_is_in_the_result(base: Mapping, over: Mapping) -> None:
    assert set(merge(base, over).entries) == set(base.entries) | set(over.entries)


@given(ROOTS, ROOTS, ROOTS)
def test_merging_twice_is_merging_the_merged_for_mappings_of_scalars(
    one: Mapping, two: Mapping, three: Mapping
) -> None:
    flat = [
        mapping({k: e.value for k, e in m.entries.items() if isinstance(e.value, Scalar)}) for m in (one, two, three)
    ]
    left = merge(merge(flat[0], flat[1]), flat[2])
    right = merge(flat[0], merge(flat[1], flat[2]))
    assert plain(left) == plain(right)


@given(ROOTS)
def test_settled_trees_hold_no_tags(root: Mapping) -> None:
    tagged = mapping({"a": Scalar(1, HERE, tag="!reset"), "b": Sequence((root,), HERE, tag="!override")})
    assert plain(settle(tagged)) == {"b": [plain(root)]}


DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=12)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.text(max_size=8), DATA, min_size=1, max_size=4))
def test_emitted_yaml_reads_back(data: dict[str, object]) -> None:
    text = to_yaml(data)  # type: ignore[arg-type]
    problems = Diagnostics()
    (document,) = parse(text.encode("utf-8", "surrogatepass"), "f", problems)
    assert problems.items == [], text
    assert plain(document.root) == data, text


WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
SERVICES = st.fixed_dictionaries(
    {"image": WORDS},
    optional={
        "command": st.lists(WORDS, max_size=3),
        "environment": st.dictionaries(st.from_regex(r"[A-Z_]{1,5}", fullmatch=True), WORDS, max_size=3),
        "labels": st.dictionaries(st.from_regex(r"[a-z.]{1,5}", fullmatch=True), WORDS, max_size=3),
        "ports": st.lists(st.integers(1, 65535), max_size=3, unique=True),
        "stop_grace_period": st.integers(0, 10**6).map(lambda ms: f"{ms}ms"),
        "mem_limit": st.integers(0, 2**40),
        "init": st.booleans(),
        "tmpfs": st.just(["/run", "/tmp:size=1m"]),
        "ulimits": st.fixed_dictionaries({"nofile": st.integers(1, 9)}),
    },
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), SERVICES, min_size=1, max_size=3))
def test_a_printed_stack_is_the_same_stack(services: dict[str, object]) -> None:
    done = loaded(to_yaml({"services": services}).replace("$", "$$"))  # type: ignore[dict-item]
    assert done.stack is not None
    again = loaded(yaml_text(done.stack))
    assert again.stack == done.stack
    assert yaml_text(again.stack) == yaml_text(done.stack)
