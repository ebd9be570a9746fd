"""From instructions to stages: which there are, what each is built on, and what it takes from others.

Pure. This is what can be known before any image was looked at: global ARGs are expanded, those of stages are not. All
problems are collected. A stage takes from stages above it only, so their order in the file is an order to build them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from stackup.diagnostics import Diagnostic, Diagnostics, Span
from stackup.errors import UsageError
from stackup.images import reference
from stackup.images.build.commands import Command, Copy, From, Run
from stackup.images.build.dockerfile import Dockerfile, Instruction, parse
from stackup.images.build.expansion import Rules, WordError, expand
from stackup.images.build.flags import Refused, near
from stackup.images.build.meaning import from_meaning, is_remote, meaning
from stackup.images.build.mounts import origin_of
from stackup.images.build.platforms import PREDEFINED, Platform, parse_platform, platform_args

AMD64 = Platform("linux", "amd64")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a build is asked for, beside the Dockerfile."""

    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    """A stage's name or number; empty for the last."""
    platform: Platform = AMD64
    build_platform: Platform = AMD64
    contexts: frozenset[str] = frozenset()
    """Names of additional contexts; they stand before stages and images of the same name."""


@dataclass(frozen=True, slots=True)
class FromStage:
    index: int


@dataclass(frozen=True, slots=True)
class FromImage:
    reference: str


@dataclass(frozen=True, slots=True)
class FromContext:
    name: str = ""
    """Empty for the build context itself."""


@dataclass(frozen=True, slots=True)
class FromScratch:
    """Nothing at all."""


@dataclass(frozen=True, slots=True)
class FromHost:
    """This machine's own /usr."""


_NO_VALUE = "give the ARG a default above FROM, or a value with --build-arg"

Origin: TypeAlias = "FromStage | FromImage | FromContext | FromScratch | FromHost"


@dataclass(frozen=True, slots=True)
class Stage:
    index: int
    name: str
    """As referred to, in lower case; empty if the stage has none."""
    base: Origin
    platform: Platform
    commands: tuple[Command, ...]
    written: Instruction
    """Its FROM."""

    @property
    def label(self) -> str:
        """For people: the name, or the number."""
        return self.name or f"stage-{self.index}"


@dataclass(frozen=True, slots=True)
class Stages:
    dockerfile: Dockerfile
    settings: Settings
    stages: tuple[Stage, ...]
    target: int
    """-1 if there is none."""
    args: Mapping[str, str]
    """The global scope: what a stage gets for an ARG without a default."""
    problems: tuple[Diagnostic, ...]

    def origin(self, name: str, *, case: bool = True) -> Origin:
        """What a name stands for. `case=False` is how --from reads it: in any case, and a number is a stage's."""
        context = _context(name, self.settings.contexts)
        if context:
            return FromContext(context)
        if not case and name.isdecimal() and int(name[:6]) < len(self.stages):
            return FromStage(int(name))
        sought = name if case else name.lower()
        found = [stage.index for stage in self.stages if stage.name and stage.name == sought]
        if found:
            return FromStage(found[-1])
        if name == "scratch":
            return FromScratch()
        return FromHost() if reference.is_host(name) else FromImage(name)

    @property
    def unused_args(self) -> tuple[str, ...]:
        """Values that were given and that no ARG takes; they are mostly slips."""
        declared = {
            word.partition("=")[0] for item in self.dockerfile.instructions if item.name == "ARG" for word in item.args
        }
        return tuple(
            sorted(name for name in self.settings.args if name not in declared | PREDEFINED | self.args.keys())
        )

    def meant(self, name: str) -> str:
        """A hint for an image that nobody has: perhaps a stage was meant."""
        found = near(name.lower(), [stage.name for stage in self.stages if stage.name])
        return found if found.startswith("did you mean") else ""

    def takes(self, command: Command) -> tuple[Origin, ...]:
        """Where the files of a RUN, COPY or ADD come from: the build context is one too."""
        return tuple(self.origin(name, case=False) if name else FromContext() for name in _names(command))

    def needs(self, index: int) -> tuple[Origin, ...]:
        """The base of a stage and all that its commands take."""
        stage = self.stages[index]
        return (stage.base, *(origin for command in stage.commands for origin in self.takes(command)))

    def needed(self) -> tuple[int, ...]:
        """The stages that the target is made of, in the order of the file."""
        found: set[int] = set()
        todo = [self.target] if self.target >= 0 else []
        while todo:
            index = todo.pop()
            if index not in found:
                found.add(index)
                todo += [origin.index for origin in self.needs(index) if isinstance(origin, FromStage)]
        return tuple(sorted(found))

    def with_triggers(self, index: int, texts: Iterable[str]) -> Stages:
        """The ONBUILD instructions of a base image become the first commands of the stage; `problems` may grow."""
        stage = self.stages[index]
        problems = Diagnostics(list(self.problems))
        commands = [command for text in texts if (command := _triggered(text, stage, problems))]
        changed = replace(stage, commands=(*commands, *stage.commands))
        stages = (*self.stages[:index], changed, *self.stages[index + 1 :])
        made = replace(self, stages=stages)
        _check_order(made, index, problems)
        return replace(made, problems=tuple(problems))


def _context(name: str, contexts: frozenset[str]) -> str:
    """The additional context of this name; `alpine:latest` and its longer spellings are `alpine`."""
    if name in contexts or not contexts:
        return name if contexts else ""
    try:
        short = reference.parse(name).familiar.removesuffix(":latest")
    except UsageError:
        return ""
    return short if short in contexts else ""


def _names(command: Command) -> list[str]:
    """The names that a command takes from; empty for the build context."""
    found = command.meaning
    if isinstance(found, Copy):
        remote = found.adding is not None and all(is_remote(source) for source in found.sources)
        return [found.origin] if found.sources and not remote else []
    if isinstance(found, Run):
        specs = [(spec, origin_of(command.written, spec)) for spec in found.mounts]
        return [name for spec, name in specs if name or _is_bind(spec)]
    return []


def _is_bind(spec: str) -> bool:
    kinds = [part.partition("=")[2].lower() for part in spec.split(",") if part.lower().startswith("type=")]
    return not kinds or kinds[-1] == "bind"


def read_stages(dockerfile: Dockerfile, settings: Settings) -> Stages:
    """Never raises; see `problems`, which begin with those of the syntax."""
    return _Reading(dockerfile, settings).all()


def _triggered(text: str, stage: Stage, problems: Diagnostics) -> Command | None:
    """A trigger of a base, which has no place in this file: its FROM is where the caret goes."""
    found = parse(text, "ONBUILD of the base image")
    detail = ""
    try:
        if not found.problems and len(found.instructions) == 1 and found.instructions[0].name not in _NO_TRIGGERS:
            item = found.instructions[0]
            made = meaning(item)
            written = replace(item, span=stage.written.span, line=stage.written.line, end_line=stage.written.end_line)
            return Command(made, written, triggered=True)
    except Refused as problem:
        detail = f": {problem.diagnostic.detail}"
    problems.error(
        "SU211", "a trigger cannot be one", span=stage.written.span,
        detail=f'the base has an ONBUILD that cannot be read, "{text[:80]}"{detail}',
    )  # fmt: skip
    return None


_NO_TRIGGERS = frozenset({"FROM", "MAINTAINER", "ONBUILD"})


def _check_order(stages: Stages, index: int, problems: Diagnostics) -> None:
    for command in stages.stages[index].commands:
        for name in filter(None, _names(command)):
            span = _origin_span(command, name)
            origin = stages.origin(name, case=False)
            if name.isdecimal() and isinstance(origin, FromImage):
                _no_stage(stages, name, span, problems)
            if isinstance(origin, FromStage) and origin.index == index:
                detail = f'stage "{stages.stages[index].label}" takes from itself'
                problems.error("SU210", "stages need each other", detail=detail, span=span)
            elif isinstance(origin, FromStage) and origin.index > index:
                detail = f'stage "{name}" is defined below, and only stages above can be used'
                problems.error("SU208", "a stage does not exist", detail=detail, span=span, hint="move it up")


def _origin_span(command: Command, name: str) -> Span:
    written = command.written
    return written.span if command.triggered else written.written.find(f"from={name}")


def _no_stage(stages: Stages, name: str, span: Span | None, problems: Diagnostics) -> None:
    names = [stage.name for stage in stages.stages if stage.name]
    hint = near(name, names) or f"there are stages 0 to {len(stages.stages) - 1}"
    problems.error("SU208", "a stage does not exist", detail=f'there is no stage "{name}"', span=span, hint=hint)


@dataclass(slots=True)
class _Reading:
    """One pass over the instructions."""

    dockerfile: Dockerfile
    settings: Settings
    problems: Diagnostics = field(default_factory=Diagnostics)
    args: dict[str, str] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    commands: list[list[Command]] = field(default_factory=list)

    def all(self) -> Stages:
        self.problems.extend(self.dockerfile.problems)
        self.args = platform_args(self.settings.platform, self.settings.build_platform, self.settings.target)
        self.args |= {name: self.settings.args[name] for name in self.args if name in self.settings.args}
        for item in self.dockerfile.instructions:
            try:
                self._instruction(item)
            except Refused as problem:
                self.problems.extend([problem.diagnostic])
        made = self._made(-1)
        made = replace(made, target=self._target(made))
        for stage in made.stages:
            _check_order(made, stage.index, self.problems)
        if not self.stages and self.dockerfile.instructions:
            self.problems.error(
                "SU209", "an instruction stands outside of a stage", detail="no FROM: there is no stage"
            )
        return replace(made, problems=tuple(self.problems))

    def _made(self, target: int) -> Stages:
        """A stage that a context stands for does nothing itself."""
        taken = self.settings.contexts
        stages = [
            replace(stage, commands=() if stage.name in taken else tuple(commands))
            for stage, commands in zip(self.stages, self.commands, strict=True)
        ]
        return Stages(self.dockerfile, self.settings, tuple(stages), target, dict(self.args), ())

    def _instruction(self, item: Instruction) -> None:
        if item.name == "FROM":
            self._begin(item)
            self._from(item, from_meaning(item))
            return
        found = meaning(item)
        if self.stages:
            self.commands[-1].append(Command(found, item))
        elif item.name == "ARG":
            self._global(item)
        else:
            detail = f"{item.name} stands before the first FROM"
            raise Refused("SU209", detail, item.span, "begin with FROM; only ARG may stand before it")

    def _global(self, item: Instruction) -> None:
        for word in item.args:
            name, sign, default = word.partition("=")
            if name in self.settings.args:
                self.args[name] = self.settings.args[name]
            elif sign:
                self.args[name] = self._expanded(item, default)

    def _expanded(self, item: Instruction, word: str) -> str:
        try:
            return expand(word, self.args, Rules(self.dockerfile.escape)).text
        except WordError as problem:
            raise Refused("SU207", str(problem), item.written.find(word)) from None

    def _begin(self, item: Instruction) -> None:
        """Also when its FROM turns out wrong there is a stage: what follows belongs to it, others name it."""
        name = item.args[2].lower() if len(item.args) == 3 else ""
        self.stages.append(Stage(len(self.stages), name, FromScratch(), self.settings.platform, (), item))
        self.commands.append([])

    def _from(self, item: Instruction, found: From) -> None:
        base = self._expanded(item, found.base)
        if not base:
            detail = f"base name ({found.base}) should not be blank"
            raise Refused("SU203", detail, item.written.find(found.base), _NO_VALUE)
        origin = self._base(item, found, base)
        platform = self.settings.platform
        if found.platform:
            platform = self._platform(item, found.platform)
        elif isinstance(origin, FromStage):
            platform = self.stages[origin.index].platform
        self.stages[-1] = replace(self.stages[-1], base=origin, platform=platform)
        self.commands[-1] += self._inherited(origin)

    def _base(self, item: Instruction, found: From, base: str) -> Origin:
        """A context may take the place of a base, or of the whole stage by its name."""
        if found.name and found.name in self.settings.contexts:
            return FromContext(found.name)
        above = Stages(self.dockerfile, self.settings, tuple(self.stages[:-1]), -1, {}, ())
        origin = above.origin(base)
        if isinstance(origin, FromImage):
            try:
                reference.parse(base)
            except UsageError as problem:
                names = [stage.name for stage in above.stages if stage.name]
                hint = near(base, names) if names else problem.hint
                hint = _NO_VALUE if "$" in found.base else hint
                raise Refused("SU203", problem.message, item.written.find(found.base), hint) from None
        return origin

    def _inherited(self, origin: Origin) -> list[Command]:
        """The triggers that a stage leaves to those that are built on it."""
        if not isinstance(origin, FromStage):
            return []
        found = [command.written.trigger for command in self.commands[origin.index] if not command.triggered]
        return [Command(meaning(item), item, triggered=True) for item in found if item]

    def _platform(self, item: Instruction, text: str) -> Platform:
        try:
            return parse_platform(self._expanded(item, text), self.settings.platform)
        except ValueError as problem:
            if isinstance(problem, Refused):
                raise
            raise Refused("SU203", str(problem), item.written.find("--platform")) from None

    def _target(self, made: Stages) -> int:
        """A stage that a context stands for can be no target, but what is built on it can."""
        if not self.settings.target:
            return len(self.stages) - 1
        plain = replace(made, settings=replace(made.settings, contexts=frozenset()))
        origin = plain.origin(self.settings.target, case=False)
        if isinstance(origin, FromStage):
            return origin.index
        _no_stage(made, self.settings.target, None, self.problems)
        return -1
