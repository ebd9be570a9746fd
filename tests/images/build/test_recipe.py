from __future__ import annotations

from tests.images.build.graphs import made, text_of

STAGES = """\
FROM debian AS base
RUN apt
FROM base AS build
WORKDIR /src
COPY go.mod .
RUN --mount=type=cache,target=/c --mount=type=secret,id=s get
COPY . .
RUN make
FROM node AS web
COPY web /web
RUN npm
FROM base AS test
RUN --mount=from=build,source=/src,target=/src check
FROM scratch AS final
ENV A=1
COPY --from=build --link /bin/app /app
COPY --from=web /dist /dist
CMD ["/app"]
"""


def test_a_recipe_has_what_the_target_needs_each_once_and_nothing_else() -> None:
    assert text_of(made(STAGES)) == (
        "#0 image debian for linux/amd64\n"
        "#1 0: RUN apt on #0\n"
        "#2 1: WORKDIR /src on #1\n"
        "#3 context\n"
        "#4 1: COPY to /src/ on #2, go.mod of #3\n"
        "#5 1: RUN get on #4\n"
        "#6 1: COPY to /src/ on #5, . of #3\n"
        "#7 1: RUN make on #6\n"
        "#8 image node for linux/amd64\n"
        "#9 2: COPY to /web on #8, web of #3\n"
        "#10 2: RUN npm on #9\n"
        "#11 4: COPY to /app linked on nothing, /bin/app of #7\n"
        "#12 4: COPY to /dist on #11, /dist of #10\n"
        "result #12\n"
    )


def test_another_target_needs_other_things() -> None:
    assert text_of(made(STAGES, target="test")).splitlines()[-2:] == [
        "#8 3: RUN check on #1, /src of #7 at /src",
        "result #8",
    ]
    assert text_of(made(STAGES, target="base")) == "#0 image debian for linux/amd64\n#1 0: RUN apt on #0\nresult #1\n"


def test_what_is_not_connected_can_be_made_at_the_same_time() -> None:
    vertices = made(STAGES).vertices
    needs: dict[int, set[int]] = {}
    for vertex in vertices:
        needs[vertex.id] = set(vertex.needs).union(*(needs[one] for one in vertex.needs))
        assert all(one < vertex.id for one in vertex.needs)
    assert 7 not in needs[10]
    assert 10 not in needs[7]


def test_downloads_are_sources_of_their_own() -> None:
    text = 'FROM host\nADD https://e/a.tar https://e/b local /x/\nADD ["https://e/b", "/y"]\n'
    assert text_of(made(text)) == (
        "#0 this machine\n"
        "#1 context\n"
        "#2 fetch https://e/a.tar\n"
        "#3 fetch https://e/b\n"
        "#4 0: COPY to /x/ on #0, local of #1, a.tar of #2, b of #3\n"
        "#5 0: COPY to /y on #4, b of #3\n"
        "result #5\n"
    )


def test_a_stage_that_changes_only_its_configuration_makes_nothing() -> None:
    found = made('FROM alpine AS a\nENV A=1\nFROM a\nCMD ["x"]\nWORKDIR /\n')
    assert text_of(found) == "#0 image alpine for linux/amd64\nresult #0\n"
    assert found.config.env == ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1")
    assert [text for text, _ in found.history] == ["ENV A=1", "CMD [x]", "WORKDIR /"]
    assert text_of(made("FROM scratch\nENV A=1\n")) == "result nothing\n"


def test_platforms_make_other_sources() -> None:
    text = "FROM --platform=linux/arm64 a AS x\nFROM a\nCOPY --from=x a b\nCOPY --from=a a b\n"
    lines = text_of(made(text)).splitlines()
    assert lines[:2] == ["#0 image a for linux/arm64", "#1 image a for linux/amd64"]
    assert lines[-2] == "#3 1: COPY to /b on #2, a of #1"
