"""A Dockerfile, all the way from its text to a recipe: what a solver calls.

    parse -> read_stages -> with_triggers, as bases bring them -> evaluate, stage by stage -> recipe

Pure but for `Images`, which is asked for the configuration of each base that the target needs, once. All problems of a
level are raised together; a level with problems is not followed by the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from stackup.diagnostics import Diagnostic, Severity
from stackup.errors import StackupError
from stackup.images.build.dockerfile import Dockerfile
from stackup.images.build.evaluate import Evaluated, evaluate
from stackup.images.build.lint import lint
from stackup.images.build.platforms import Platform
from stackup.images.build.recipe import Recipe, recipe
from stackup.images.build.scope import begin, onward
from stackup.images.build.stages import (
    FromContext,
    FromHost,
    FromImage,
    FromScratch,
    FromStage,
    Origin,
    Settings,
    Stages,
    read_stages,
)
from stackup.images.manifest import ImageConfig


class DockerfileInvalid(StackupError):
    """All problems of a level; whoever shows them has the text in `dockerfile`."""

    code = "dockerfile-invalid"

    def __init__(self, dockerfile: Dockerfile, problems: tuple[Diagnostic, ...]) -> None:
        super().__init__(f'"{dockerfile.source}" has errors', subject=dockerfile.source)
        self.dockerfile = dockerfile
        self.problems = problems


class Images(Protocol):
    def config(self, origin: FromImage | FromHost | FromContext, platform: Platform) -> ImageConfig:
        """Of a base. Raises StackupError; `Stages.meant` may have a hint for a name that nobody knows."""


@dataclass(frozen=True, slots=True)
class Read:
    """`warnings` are what checks found."""

    stages: Stages
    evaluated: tuple[Evaluated, ...]
    recipe: Recipe
    warnings: tuple[Diagnostic, ...]


def read(dockerfile: Dockerfile, settings: Settings, images: Images) -> Read:
    """Raises DockerfileInvalid, and whatever `images` raises."""
    stages = read_stages(dockerfile, settings)
    _require(dockerfile, stages.problems)
    stages, configs = _with_bases(stages, images)
    _require(dockerfile, stages.problems)
    evaluated = _evaluated(stages, configs)
    problems = [problem for done in evaluated for problem in done.problems]
    warnings = lint(stages, evaluated)
    _require(dockerfile, (*warnings, *problems))
    return Read(stages, evaluated, recipe(stages, evaluated), warnings)


def _require(dockerfile: Dockerfile, problems: Iterable[Diagnostic]) -> None:
    found = tuple(problems)
    if any(item.severity is Severity.ERROR for item in found):
        raise DockerfileInvalid(dockerfile, found)


def _with_bases(stages: Stages, images: Images) -> tuple[Stages, dict[int, ImageConfig]]:
    """Triggers of a base may need stages that nobody needed before, and those have bases too."""
    configs: dict[int, ImageConfig] = {}
    known: dict[tuple[Origin, Platform], ImageConfig] = {}
    while fresh := [index for index in stages.needed() if index not in configs]:
        for index in fresh:
            stage = stages.stages[index]
            key = (stage.base, stage.platform)
            if key not in known:
                known[key] = _config(stage.base, stage.platform, images)
            configs[index] = known[key]
            if configs[index].on_build:
                stages = stages.with_triggers(index, configs[index].on_build)
    return stages, configs


def _config(base: Origin, platform: Platform, images: Images) -> ImageConfig:
    if isinstance(base, (FromScratch, FromStage)):
        return ImageConfig()
    return images.config(base, platform)


def _evaluated(stages: Stages, configs: dict[int, ImageConfig]) -> tuple[Evaluated, ...]:
    done: dict[int, Evaluated] = {}
    for index in stages.needed():
        base = stages.stages[index].base
        scope = onward(done[base.index].scope) if isinstance(base, FromStage) else begin(configs[index])
        done[index] = evaluate(stages, index, scope)
    return tuple(done.values())
