from __future__ import annotations

import pytest

from tests.images.build.graphs import Given, keys, made, roots

TEXT = """\
FROM debian AS base
RUN --mount=type=cache,target=/c,sharing=locked --mount=type=secret,id=s apt
COPY go.mod /src/
RUN get
COPY main.go /src/
RUN make
FROM scratch
COPY --from=base /app /app
"""
FILES = {"go.mod": "m", "main.go": "1", "README": "r"}


def changed(text: str, given: Given, *, before: str = TEXT) -> list[int]:
    """Vertices whose key is another one than that of TEXT with FILES."""
    one, other = keys(made(before), Given(FILES)), keys(made(text), given)
    assert len(one) == len(other)
    return [index for index, (first, second) in enumerate(zip(one, other, strict=True)) if first != second]


def test_a_change_of_a_file_changes_what_takes_it_and_what_follows() -> None:
    assert changed(TEXT, Given(FILES)) == []
    assert changed(TEXT, Given(FILES | {"README": "other"})) == []
    assert changed(TEXT, Given(FILES | {"main.go": "2"})) == [5, 6, 7]
    assert changed(TEXT, Given(FILES | {"go.mod": "2"})) == [3, 4, 5, 6, 7]


def test_a_base_that_moved_changes_all_on_top() -> None:
    assert changed(TEXT, Given(FILES, images={"FromImage(reference='debian')": "new"})) == [0, 1, 3, 4, 5, 6, 7]


def test_a_stage_that_gives_the_same_files_changes_nothing_on_top() -> None:
    """Where a solver looks at the files, not at how they came to be."""
    one = keys(made(TEXT), Given(FILES, roots={6: "same"}))
    other = keys(made(TEXT), Given(FILES | {"main.go": "2"}, roots={6: "same"}))
    assert one[6] != other[6]
    assert one[7] == other[7]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sharing=locked", "sharing=shared"),
        ("FROM debian AS base", "# a comment\nfrom   debian as base"),
        ("RUN get", "LABEL a=b\nRUN get"),
        ("RUN get", "CMD x\nRUN get"),
    ],
)
def test_what_no_file_depends_on_changes_no_key(old: str, new: str) -> None:
    assert changed(TEXT.replace(old, new), Given(FILES)) == []


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        ("RUN get", "RUN got", 4),
        ("RUN get", "ENV A=b\nRUN get", 4),
        ("RUN get", "ARG A=b\nRUN get", 4),
        ("RUN get", "USER me\nRUN get", 4),
        ("RUN get", 'SHELL ["/bin/bash", "-c"]\nRUN get', 4),
        ("RUN get", "RUN --network=none get", 4),
        ("RUN get", "RUN --mount=type=tmpfs,target=/t get", 4),
        ("target=/c", "target=/d", 1),
        ("id=s", "id=t", 1),
        ("COPY main.go /src/", "COPY --chown=1 main.go /src/", 5),
        ("COPY main.go /src/", "COPY --chmod=0600 main.go /src/", 5),
        ("COPY main.go /src/", "COPY main.go /src", 5),
        ("COPY main.go /src/", "ADD main.go /src/", 5),
    ],
)
def test_what_a_file_may_depend_on_changes_the_key(old: str, new: str, first: int) -> None:
    assert changed(TEXT.replace(old, new), Given(FILES))[0] == first


def test_heredocs_count_by_their_content() -> None:
    texts = [f"FROM a\nCOPY <<{name} /x\n{content}\n{name}\n" for name, content in (("E", "1"), ("E", "2"))]
    assert changed(texts[0], Given(), before=texts[1]) == [1]


def test_what_is_linked_does_not_depend_on_what_is_below_but_its_root_does() -> None:
    texts = [f"FROM {base}\nCOPY --link main.go /x\nRUN y\n" for base in ("a", "b")]
    assert changed(texts[0], Given(FILES), before=texts[1]) == [0, 3]
    one, other = (roots(made(text), Given(FILES)) for text in texts)
    assert one[2] != other[2]


def test_equal_steps_of_two_stages_are_one() -> None:
    found = made("FROM a AS x\nRUN y\nFROM a AS z\nRUN y\nFROM x\nCOPY --from=z q /\n")
    first, second = keys(found, Given())[1:3]
    assert first == second
