from __future__ import annotations

from typing import Any

import pytest

from stackup.images.build.dockerfile import parse
from stackup.images.build.stages import FromImage, Settings, read_stages
from stackup.images.manifest import ImageConfig
from tests.images.build.cases import load
from tests.images.build.scenes import all_evaluated, found_problems, stages_of, text_of


@pytest.mark.parametrize("case", load("stages"), ids=lambda case: case["name"])
def test_stages_come_to(case: dict[str, Any]) -> None:
    stages = stages_of(case)
    done = all_evaluated(stages)
    assert found_problems(stages, done) == case.get("problems", [])
    if "expect" in case:
        assert text_of(stages, done) == case["expect"]


BASE = ImageConfig(
    env=("A=a",), cmd=("/c",), workdir="/w", user="me", on_build=("RUN x", "COPY --from=tools a b", "ENV B=$A"),
    shell=("/bin/ash", "-c"),
)  # fmt: skip


def test_triggers_of_an_image_come_first_and_bring_what_they_need() -> None:
    stages = stages_of({"text": "FROM x AS tools\nFROM base AS b\nRUN y\n", "target": "b"})
    assert stages.needed() == (1,)
    stages = stages.with_triggers(1, BASE.on_build)
    assert (stages.needed(), stages.problems) == ((0, 1), ())
    done = all_evaluated(stages, {"base": BASE})
    assert text_of(stages, done) == (
        "0 on image x\n"
        "1 on image base\n"
        "  RUN /bin/ash -c x | A PATH (triggered)\n"
        "  COPY a to /w/b from stage 0 (triggered)\n"
        "  ENV B=a (triggered)\n"
        "  RUN /bin/ash -c y | A B PATH\n"
    )
    assert done[-1].scope.image.on_build == ()


@pytest.mark.parametrize("text", ["RUN <<E\n", "RUM x", "FROM x", "RUN x\nRUN y", "COPY a", "COPY --from=b c d"])
def test_a_trigger_that_makes_no_sense_is_a_problem_at_the_from(text: str) -> None:
    stages = stages_of({"text": "FROM a\nFROM base AS b\n"}).with_triggers(1, [text])
    (problem,) = stages.problems
    assert problem.span is not None
    assert problem.span.line == 2


def test_the_image_that_is_made() -> None:
    text = 'FROM base\nENTRYPOINT ["/e"]\nENV A=b\nLABEL l=v\nUSER u\nONBUILD RUN z\nMAINTAINER m\nWORKDIR x\n'
    (done,) = all_evaluated(stages_of({"text": text}), {"base": BASE})
    config = done.scope.image
    assert (config.entrypoint, config.cmd, config.user, config.workdir) == (("/e",), None, "u", "/w/x")
    assert (dict(config.labels), config.on_build, done.scope.author) == ({"l": "v"}, ("RUN z",), "m")
    assert config.env[0] == "A=b"
    assert ImageConfig.from_data(config.to_data()) == config


def test_an_entrypoint_leaves_a_command_of_its_own_stage_alone() -> None:
    (done,) = all_evaluated(stages_of({"text": 'FROM base\nCMD ["c"]\nENTRYPOINT ["/e"]\n'}), {"base": BASE})
    assert done.scope.image.cmd == ("c",)


def test_ports_are_exposed_one_by_one() -> None:
    (done,) = all_evaluated(stages_of({"text": "FROM base\nEXPOSE 90-92/UDP 80 8080:443\n"}))
    assert done.scope.image.exposed == ("443/tcp", "80/tcp", "90/udp", "91/udp", "92/udp")


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines", [["EXPOSE 1-65535"] * 100, ["ARG A=x", *["ENV A=$A$A"] * 60], [f"ENV A={'x' * 9999} B={'$A' * 99}"] * 9]
)
def test_variables_that_grow_beyond_measure_are_refused_soon(lines: list[str]) -> None:
    (done,) = all_evaluated(stages_of({"text": "FROM base\n" + "\n".join(lines)}))
    assert any("MiB" in problem.detail for problem in done.problems)


def test_history_is_told_as_docker_tells_it() -> None:
    text = 'FROM scratch\nARG A=1 B\nRUN x\nCOPY a /b\nWORKDIR /w\nCMD ["c"]\n'
    (done,) = all_evaluated(stages_of({"text": text}))
    assert [step.history for step in done.steps] == [
        "ARG A=1 B",
        "RUN |2 A=1 B= /bin/sh -c x # buildkit",
        "COPY a /b # buildkit",
        "WORKDIR /w",
        "CMD [c]",
    ]


@pytest.mark.parametrize(("target", "index"), [("", 2), ("A", 0), ("1", 1), ("nothing", -1), ("7", -1)])
def test_a_target_is_a_name_or_a_number(target: str, index: int) -> None:
    stages = read_stages(parse("FROM x AS a\nFROM x AS b\nFROM x AS c\n", "D"), Settings(target=target))
    assert stages.target == index
    assert bool(stages.problems) == (index < 0)


def test_an_image_that_nobody_has_may_be_a_stage() -> None:
    stages = stages_of({"text": "FROM x AS build\nFROM y\nCOPY --from=buidl a b\n"})
    assert (stages.meant("Buidl"), stages.meant("alpine")) == ('did you mean "build"?', "")


def test_digests_and_ports_are_part_of_a_base() -> None:
    base = "localhost:5000/a@sha256:" + "0" * 64
    stages = stages_of({"text": f"FROM {base}\n"})
    assert (stages.stages[0].base, stages.problems) == (FromImage(base), ())


def test_a_file_of_nothing_but_arguments_has_no_stage() -> None:
    (problem,) = stages_of({"text": "ARG A\n"}).problems
    assert problem.code == "SU209"
