"""Recipes as text, and contents of builds on dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stackup.images.build.evaluate import MakeDirectory, Transfer
from stackup.images.build.execution import Execute
from stackup.images.build.keys import Keys
from stackup.images.build.recipe import Input, Recipe, Remote, Selection, Source, Vertex, recipe
from stackup.images.build.stages import FromContext
from tests.images.build.scenes import all_evaluated, origin, stages_of


def made(text: str, **case: object) -> Recipe:
    stages = stages_of({"text": text, **case})
    assert stages.problems == ()
    done = all_evaluated(stages)
    assert [problem for one in done for problem in one.problems] == []
    return recipe(stages, done)


def text_of(found: Recipe) -> str:
    lines = [_vertex(vertex) for vertex in found.vertices]
    return "".join(f"{line}\n" for line in [*lines, f"result {_number(found.result)}"])


def _vertex(vertex: Vertex) -> str:
    parent = f" on {_number(vertex.parent)}" if not isinstance(vertex.work, Source) else ""
    inputs = "".join(f", {_input(one)}" for one in vertex.inputs)
    return f"#{vertex.id} {_work(vertex)}{parent}{inputs}"


def _number(vertex: int | None) -> str:
    return "nothing" if vertex is None else f"#{vertex}"


def _input(one: Input) -> str:
    chosen = " ".join(one.selection.sources) or "all"
    return f"{chosen} of #{one.vertex}" + (f" at {one.mount.target}" if one.mount else "")


def _work(vertex: Vertex) -> str:
    match vertex.work:
        case Source(Remote(url)):
            return f"fetch {url}"
        case Source(found, platform):
            return origin(found) + (f" for {platform}" if platform else "")  # type: ignore[arg-type]
        case Execute() as run:
            return f"{vertex.stage}: RUN {run.argv[-1]}"
        case Transfer(copy):
            return f"{vertex.stage}: COPY to {copy.target}" + " linked" * copy.link
        case MakeDirectory(path):
            return f"{vertex.stage}: WORKDIR {path}"


@dataclass
class Given:
    """Contexts as file name to content; images are their names; roots of stages are not looked at unless given."""

    files: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    roots: Mapping[int, str] = field(default_factory=dict)

    def source(self, source: Source) -> str:
        named = str(source.origin)
        return self.images.get(named, named) + str(source.platform)

    def selected(self, vertex: Vertex, selection: Selection) -> str | None:
        if isinstance(vertex.work, Source) and isinstance(vertex.work.origin, FromContext):
            names = [name for name in self.files if name in selection.sources or "." in selection.sources]
            return str(sorted((name, self.files[name]) for name in names))
        return self.roots.get(vertex.id)


def keys(found: Recipe, given: Given) -> list[str]:
    run = Keys(given)
    return [run.add(vertex) for vertex in found.vertices]


def roots(found: Recipe, given: Given) -> dict[int, str]:
    run = Keys(given)
    for vertex in found.vertices:
        run.add(vertex)
    return run.roots
