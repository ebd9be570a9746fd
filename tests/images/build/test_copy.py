from __future__ import annotations

from typing import Any

import pytest

from stackup.images.build.copy import NoFolder, NotThere, chosen, document_place, placed
from stackup.images.build.recipe import Selection
from stackup.images.build.tree import FILE, FOLDER, LINK, Entry, Tree, content_digest
from tests.images.build.cases import load

CASES = load("copies")


def tree(lines: list[str]) -> Tree:
    entries = {}
    for line in lines:
        name, arrow, target = line.partition(" -> ")
        kind = LINK if arrow else FOLDER if name.endswith("/") else FILE
        entries[name.rstrip("/")] = Entry(kind, 0o755, target)
    return Tree(entries, lambda path: f"content of {path}")


TREE = tree(CASES["tree"])


def pairs(selection: Selection, target: str) -> Any:
    try:
        found = placed(chosen(TREE, selection), target, lambda path: path in CASES["folders"])
    except NoFolder:
        return "no folder"
    except NotThere as problem:
        return str(problem)
    return [f"{source} {place}" for source, place in found]


@pytest.mark.parametrize(("sources", "target", "expected"), CASES["cases"])
def test_copy_takes(sources: list[str], target: str, expected: Any) -> None:
    assert pairs(Selection(tuple(sources)), target) == expected


@pytest.mark.parametrize(("sources", "target", "expected"), CASES["parents"])
def test_copy_takes_with_parents(sources: list[str], target: str, expected: Any) -> None:
    assert pairs(Selection(tuple(sources), parents=True), target) == expected


@pytest.mark.parametrize(("sources", "exclude", "target", "expected"), CASES["exclude"])
def test_copy_leaves_out(sources: list[str], exclude: list[str], target: str, expected: Any) -> None:
    assert pairs(Selection(tuple(sources), tuple(exclude)), target) == expected


def test_a_heredoc_goes_into_a_folder_or_becomes_the_target() -> None:
    assert document_place("E", "/x", lambda _: False) == "/x"
    assert document_place("E", "/x", lambda _: True) == "/x/E"
    assert document_place("../E", "/x/", lambda _: False) == "/x/E"


@pytest.mark.parametrize("path", ["../../src", "out", "src/../../../src", "/src"])
def test_nothing_leads_out_of_the_tree(path: str) -> None:
    assert TREE.resolve(path) == "src"


def test_a_digest_is_of_what_is_taken_and_where_it_goes() -> None:
    def digest(*chosen: tuple[str, str]) -> str:
        return content_digest(TREE, chosen)

    assert digest(("a.txt", "x")) == digest(("a.txt", "x"))
    assert (
        len({digest(("a.txt", "x")), digest(("a.txt", "y")), digest(("b.txt", "x")), digest(), digest(("link", "x"))})
        == 5
    )
