from __future__ import annotations

import pytest

from stackup.images.build.dockerfile import parse
from stackup.images.build.frontend import DockerfileInvalid, Read, read
from stackup.images.build.platforms import Platform
from stackup.images.build.stages import FromContext, FromHost, FromImage, Settings
from stackup.images.manifest import ImageConfig
from tests.images.build.graphs import text_of


class Known:
    """Images by name; what was asked for, in order."""

    def __init__(self, **images: ImageConfig) -> None:
        self.images = images
        self.asked: list[str] = []

    def config(self, origin: FromImage | FromHost | FromContext, platform: Platform) -> ImageConfig:
        name = origin.reference if isinstance(origin, FromImage) else str(origin)
        self.asked.append(f"{name} {platform}")
        return self.images.get(name, ImageConfig())


def done(text: str, images: Known | None = None, **settings: str) -> Read:
    return read(parse(text, "D"), Settings(**settings), images or Known())  # type: ignore[arg-type]


def refused(text: str, images: Known | None = None) -> list[str]:
    with pytest.raises(DockerfileInvalid) as problem:
        done(text, images)
    assert problem.value.dockerfile.text == text
    return [f"{item.span}: {item.detail}" for item in problem.value.problems]


def test_each_base_that_is_needed_is_asked_for_once() -> None:
    images = Known()
    done(
        "FROM a AS x\nFROM b\nFROM a AS y\nCOPY --from=x q /\nCOPY --from=c q /\nFROM y\nFROM host\n",
        images,
        target="y",
    )
    assert images.asked == ["a linux/amd64"]


def test_triggers_may_need_stages_whose_bases_have_triggers() -> None:
    images = Known(
        base=ImageConfig(on_build=("COPY --from=tools /t /t",)),
        tools=ImageConfig(on_build=("RUN trigger",)),
    )
    found = done("FROM tools AS tools\nFROM base AS last\nRUN own\n", images, target="last")
    assert images.asked == ["base linux/amd64", "tools linux/amd64"]
    assert text_of(found.recipe) == (
        "#0 image tools for linux/amd64\n"
        "#1 0: RUN trigger on #0\n"
        "#2 image base for linux/amd64\n"
        "#3 1: COPY to /t on #2, /t of #1\n"
        "#4 1: RUN own on #3\n"
        "result #4\n"
    )


def test_variables_of_the_base_are_seen() -> None:
    found = done("FROM a\nENV B=$A\n", Known(a=ImageConfig(env=("A=1",))))
    assert found.recipe.config.env[-1] == "B=1"
    assert found.warnings == ()


def test_the_problems_of_a_level_come_together() -> None:
    assert refused("FROM a\nRUM x\nCOPY y\n") == [
        "D:2:1: unknown instruction: RUM",
        "D:3:1: COPY requires at least two arguments",
    ]
    assert refused("FROM a\nUSER $A\nEXPOSE x\nENV A=${B?}\n") == [
        'D:2:6: UndefinedVar: usage of undefined variable "$A"',
        'D:3:8: "x" is not a port such as 80, 53/udp or 8000-8010',
        "D:4:7: B: is not allowed to be unset",
    ]
    assert refused("FROM a\n", Known(a=ImageConfig(on_build=("RUM x",))))


def test_checks_warn_or_refuse() -> None:
    (warning,) = done("FROM a\nCMD x\n").warnings
    assert warning.detail.startswith("JSONArgsRecommended")
    assert refused("# check=error=true\nFROM a\nCMD x\n")


def test_platforms_of_bases_are_asked_for() -> None:
    images = Known()
    done("FROM --platform=linux/arm64 a\n", images)
    assert images.asked == ["a linux/arm64"]
