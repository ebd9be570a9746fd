"""Stages as text: each needed one with its base and what its commands came to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stackup.images.build import commands as c
from stackup.images.build.dockerfile import parse
from stackup.images.build.evaluate import Evaluated, MakeDirectory, Step, Transfer, evaluate
from stackup.images.build.execution import Execute
from stackup.images.build.heredoc import Heredoc
from stackup.images.build.mounts import Mount
from stackup.images.build.scope import Scope, begin, onward
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


def settings(case: Mapping[str, Any]) -> Settings:
    return Settings(
        case.get("args", {}), target=str(case.get("target", "")), contexts=frozenset(case.get("contexts", ()))
    )


def stages_of(case: Mapping[str, Any]) -> Stages:
    return read_stages(parse(case["text"], "D"), settings(case))


def all_evaluated(stages: Stages, images: Mapping[str, ImageConfig] | None = None) -> list[Evaluated]:
    """The needed stages, on images that say nothing but for those given."""
    scopes: dict[int, Scope] = {}
    done = []
    for index in stages.needed():
        base = stages.stages[index].base
        if isinstance(base, FromStage):
            scope = onward(scopes[base.index])
        else:
            known = images or {}
            scope = begin(known.get(base.reference, ImageConfig()) if isinstance(base, FromImage) else ImageConfig())
        done.append(evaluate(stages, index, scope))
        scopes[index] = done[-1].scope
    return done


def text_of(stages: Stages, done: list[Evaluated]) -> str:
    lines = []
    for one in done:
        lines.append(f"{one.index} on {origin(stages.stages[one.index].base)}")
        lines += [f"  {_step(stages, step)}" for step in one.steps]
    return "".join(f"{line}\n" for line in lines)


def origin(found: Origin) -> str:
    match found:
        case FromStage(index):
            return f"stage {index}"
        case FromImage(reference):
            return f"image {reference}"
        case FromContext(name):
            return f"context {name}".strip()
        case FromScratch():
            return "nothing"
        case FromHost():
            return "this machine"


def _step(stages: Stages, step: Step) -> str:
    triggered = " (triggered)" * step.command.triggered
    return _line(stages, step).replace("\n", "\\n") + triggered


def _line(stages: Stages, step: Step) -> str:
    match step.operation:
        case Execute() as run:
            return " | ".join(["RUN " + " ".join(run.argv), *_around(stages, run)])
        case Transfer(copy):
            return _copied(stages, step, copy)
        case MakeDirectory(path, user):
            return f"WORKDIR {path}" + (f" as {user}" if user else "")
        case None:
            return step.history.replace("[", "").replace("]", "")


def _around(stages: Stages, run: Execute) -> list[str]:
    limits = [word for word in (run.network, run.security) if word not in {"default", "sandbox"}]
    script = [f"script {run.script.name}"] if run.script else []
    names = " ".join(name for name, _ in run.env)
    mounts = [_mount(stages, mount) for mount in run.mounts]
    return [names, *mounts, *script, *([" ".join(limits)] if limits else [])]


def _mount(stages: Stages, mount: Mount) -> str:
    words = [mount.kind, mount.target]
    if mount.kind == "bind":
        words.append(f"from {origin(stages.origin(mount.origin, case=False) if mount.origin else FromContext())}")
    words += ["ro" if mount.read_only else "rw", f"id={mount.id}" if mount.id else ""]
    words += [mount.sharing if mount.sharing != "shared" else "", "required" if mount.required else ""]
    words += [f"uid={mount.uid}" if mount.uid is not None else "", f"mode={mount.mode:o}" if mount.mode else ""]
    words += [f"size={mount.size}" if mount.size else "", f"env={mount.env}" if mount.env else ""]
    return " ".join(word for word in words if word)


def _copied(stages: Stages, step: Step, copy: c.Copy) -> str:
    name = "ADD" if copy.adding else "COPY"
    remote = copy.adding is not None and copy.sources[:1] != () and copy.sources[0].startswith("https:")
    place = origin(stages.origin(copy.origin, case=False) if copy.origin else FromContext())
    words = [name, *copy.sources, "to", copy.target, *([] if remote else ["from", place])]
    words += [f"chown={copy.chown}"] * bool(copy.chown) + [f"chmod={copy.chmod}"] * bool(copy.chmod)
    words += ["link"] * copy.link + ["parents"] * copy.parents + [f"exclude={one}" for one in copy.exclude]
    if copy.adding:
        words += [f"checksum={copy.adding.checksum}"] * bool(copy.adding.checksum)
        words += ["keep-git-dir"] * copy.adding.keep_git_dir
        words += [f"unpack={copy.adding.unpack}"] * (copy.adding.unpack is not None)
    return " ".join(words) + (":" + "".join(map(_document, copy.documents)) if copy.documents else "")


def _document(heredoc: Heredoc) -> str:
    return f" {heredoc.name}={json.dumps(heredoc.text)}"


def found_problems(stages: Stages, done: list[Evaluated]) -> list[str]:
    found = [*stages.problems, *(problem for one in done for problem in one.problems)]
    places = [(f"{item.span.line}:{item.span.column}" if item.span else "-", item) for item in found]
    return [f"{place} {item.code} {item.detail}" for place, item in places]
