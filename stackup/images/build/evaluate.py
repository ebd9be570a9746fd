"""A stage, evaluated: its commands with their variables expanded, what they do to the root, and the image they make.

Pure. Words are expanded where BuildKit expands them, with the variables as they were before the instruction: names and
values of ENV and LABEL, defaults of ARG, paths, owners, users, ports, signals, mounts. Command lines are the shell's.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from stackup import gitref
from stackup.diagnostics import Diagnostic
from stackup.images.build import commands as c
from stackup.images.build.execution import Execute, execution
from stackup.images.build.expansion import Expansion, Rules, WordError, expand
from stackup.images.build.flags import Refused
from stackup.images.build.meaning import is_remote
from stackup.images.build.scope import Scope
from stackup.images.build.stages import Stages


@dataclass(frozen=True, slots=True)
class Transfer:
    """COPY or ADD: `copy` is expanded, its target absolute."""

    copy: c.Copy


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """WORKDIR: the folder is made, with its parents, as the user's."""

    path: str
    user: str


Operation: TypeAlias = "Execute | Transfer | MakeDirectory"


@dataclass(frozen=True, slots=True)
class Step:
    """A command that was evaluated. Without an operation it only changes the image's configuration."""

    command: c.Command
    operation: Operation | None
    history: str
    """What `image history` says."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    index: int
    steps: tuple[Step, ...]
    scope: Scope
    """As it is at the end; `scope.image` is the configuration that is made."""
    problems: tuple[Diagnostic, ...]
    undefined: tuple[tuple[c.Command, str], ...]
    """Variables that were used and never set, with where."""


def evaluate(stages: Stages, index: int, scope: Scope) -> Evaluated:
    """`scope` is what the base leaves (`scope.begin`, `scope.onward`). Never raises; see `problems`."""
    run = _Run(stages, scope)
    for command in stages.stages[index].commands:
        try:
            run.step(command)
        except Refused as problem:
            run.problems.append(problem.diagnostic)
    return Evaluated(index, tuple(run.steps), run.scope, tuple(run.problems), tuple(run.undefined))


@dataclass(slots=True)
class _Run:
    stages: Stages
    scope: Scope
    steps: list[Step] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    undefined: list[tuple[c.Command, str]] = field(default_factory=list)
    grown: int = 0
    """Characters that expansion has made out of nothing; `ENV A=$A$A` would make more than there is room for."""

    def step(self, command: c.Command) -> None:
        words = _Words(self, command)
        operation, history = self._apply(command, words)
        self.steps.append(Step(command, operation, history))

    def _apply(self, command: c.Command, words: _Words) -> tuple[Operation | None, str]:
        match command.meaning:
            case c.Run() as run:
                made = execution(run, command.written, self.scope, words.one)
                return made, f"RUN {self._args()}{' '.join(made.argv)} # buildkit"
            case c.Copy() as copy:
                copied = words.copy(copy)
                name = "ADD" if copy.adding else "COPY"
                given = " ".join([*copied.sources, *(f"<<{item.name}" for item in copied.documents)])
                return Transfer(copied), f"{name} {given} {copied.target} # buildkit"
            case c.Workdir(path):
                return self._workdir(words.one(path))
            case c.Arg(items):
                return None, self._arg(items, words)
            case _:
                return None, self._configure(command, words)

    def _workdir(self, path: str) -> tuple[Operation | None, str]:
        whole = self.scope.path(path).rstrip("/") or "/"
        absolute = self.scope.absolute or path.startswith("/")
        self.scope = replace(self.scope, config=replace(self.scope.config, workdir=whole), absolute=absolute)
        operation = None if whole == "/" else MakeDirectory(whole, self.scope.config.user)
        return operation, f"WORKDIR {whole}"

    def _arg(self, items: tuple[tuple[str, str | None], ...], words: _Words) -> str:
        """A value given for the build, else the default, else what the global scope has."""
        shown = []
        for name, default in items:
            value = self.stages.settings.args.get(name)
            if value is None and default is not None:
                value = words.one(default)
            elif value is None:
                value = self.stages.args.get(name)
            self.scope = self.scope.with_arg(name, value)
            shown.append(name if value is None else f"{name}={value}")
        return f"ARG {' '.join(shown)}"

    def _args(self) -> str:
        """The ARGs that a RUN saw, as docker's history tells them."""
        shown = [f"{name}={self.scope.variables.get(name, value or '')}" for name, value in self.scope.args.items()]
        return f"|{len(shown)} {' '.join(shown)} " if shown else ""

    def _configure(self, command: c.Command, words: _Words) -> str:
        """Commands that only change the configuration; returns the history."""
        config = self.scope.config
        name = command.written.name
        match command.meaning:
            case c.Env(pairs):
                pairs = words.pairs(pairs)
                self.scope = self.scope.with_env(pairs)
                return f"ENV {_joined(pairs)}"
            case c.Label(pairs):
                pairs = words.pairs(pairs)
                config = replace(config, labels={**config.labels, **dict(pairs)})
                history = f"LABEL {_joined(pairs)}"
            case c.User(user):
                config = replace(config, user=words.one(user))
                history = f"USER {config.user}"
            case c.Expose(ports):
                ranges = [part for word in ports for part in words.many(word)]
                found = [port for part in ranges for port in words.ports(part)]
                config = replace(config, exposed=tuple(sorted({*config.exposed, *found})))
                history = f"EXPOSE [{' '.join(ranges)}]"
            case c.Volume(paths):
                volumes = words.all(paths)
                config = replace(config, volumes=tuple(sorted({*config.volumes, *volumes})))
                history = f"VOLUME [{' '.join(volumes)}]"
            case c.StopSignal(text):
                config = replace(config, stop_signal=words.signal(text))
                history = f"STOPSIGNAL {config.stop_signal}"
            case c.Shell(shell):
                config = replace(config, shell=shell)
                history = f"SHELL [{' '.join(shell)}]"
            case c.Health(check):
                config = replace(config, healthcheck=check)
                history = f"HEALTHCHECK [{' '.join(check.test)}]"
            case c.Onbuild(text):
                config = replace(config, on_build=(*config.on_build, text))
                history = f"ONBUILD {text}"
            case c.Maintainer(author):
                self.scope = replace(self.scope, author=author)
                return f"MAINTAINER {author}"
            case c.Cmd(line) | c.Entrypoint(line):
                return self._line(name, line)
            case other:
                raise AssertionError(f"{other} has an operation")
        self.scope = replace(self.scope, config=config)
        return history

    def _line(self, name: str, line: c.Line) -> str:
        """An ENTRYPOINT forgets the CMD of its base, but not one of this stage."""
        words = self.scope.shell(line.words) if line.shell else line.words
        scope = self.scope
        if name == "CMD":
            self.scope = replace(scope, config=replace(scope.config, cmd=words), cmd_is_ours=True)
        else:
            cmd = scope.config.cmd if scope.cmd_is_ours else None
            self.scope = replace(scope, config=replace(scope.config, entrypoint=words, cmd=cmd))
        return f"{name} [{' '.join(words)}]"


def _joined(pairs: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{name}={value}" for name, value in pairs)


_GROWTH = 4 << 20
_COMMIT = re.compile("[0-9a-f]{7,64}")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_MODE = re.compile(r"[0-7]{1,4}|0[0-7]{4}|[ugoa]*([-+=][rwxXst]*)+(,[ugoa]*([-+=][rwxXst]*)+)*")


@dataclass(frozen=True, slots=True)
class _Words:
    """Expands the words of one command, and notes which variables were not there."""

    run: _Run
    command: c.Command

    def one(self, word: str) -> str:
        return self._expanded(word, Rules(self._escape())).text

    def many(self, word: str) -> tuple[str, ...]:
        return self._expanded(word, Rules(self._escape())).words

    def all(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.one(word) for word in words)

    def pairs(self, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((self.one(name), self.one(value)) for name, value in pairs)

    def copy(self, copy: c.Copy) -> c.Copy:
        documents = tuple(
            replace(item, content=self._content(item.text), chomp=False) if item.expand else item
            for item in copy.documents
        )
        sources = self.all(copy.sources)
        adding = copy.adding and replace(copy.adding, checksum=self._checksum(copy.adding.checksum, sources))
        return replace(
            copy,
            sources=sources,
            target=self.run.scope.path(self.one(copy.target)),
            documents=documents,
            chown=self.one(copy.chown),
            chmod=self._chmod(copy.chmod),
            exclude=self.all(copy.exclude),
            adding=adding,
        )

    def _checksum(self, word: str, sources: tuple[str, ...]) -> str:
        """Of a file a digest, of a repository a commit, or how it begins."""
        text = self.one(word)
        if text and not is_remote(sources[0]):
            raise self._refused("--checksum is for one download", word)
        if text and gitref.parse(sources[0]) and not _COMMIT.fullmatch(text):
            raise self._refused(f'"{text}" is no commit: 40 letters of a hash, or the first 7 and more', word)
        if text and not gitref.parse(sources[0]) and not _DIGEST.fullmatch(text):
            raise self._refused(f'"{text}" is no digest such as sha256:<64 letters of a hash>', word)
        return text

    def _chmod(self, word: str) -> str:
        text = self.one(word)
        if text and not _MODE.fullmatch(text):
            raise self._refused(f'"{text}" is no mode such as 0755 or u=rwX,go=rX', word)
        return text

    def ports(self, word: str) -> list[str]:
        """`80`, `53/udp`, `8000-8010`; a host's port before a colon means nothing here."""
        numbers, _, protocol = word.rpartition(":")[2].partition("/")
        first, _, last = numbers.partition("-")
        protocol = protocol.lower() or "tcp"
        if not (_is_port(first) and _is_port(last or first)) or protocol not in {"tcp", "udp", "sctp"}:
            raise self._refused(f'"{word}" is not a port such as 80, 53/udp or 8000-8010', word)
        if int(first) > int(last or first):
            raise self._refused(f'"{word}" ends before it begins', word)
        found = [f"{port}/{protocol}" for port in range(int(first), int(last or first) + 1)]
        self._grow(sum(map(len, found)), word)
        return found

    def _grow(self, size: int, word: str) -> None:
        self.run.grown += max(0, size - len(word))
        if self.run.grown > _GROWTH:
            raise self._refused("the variables of this stage come to more than 4 MiB", word)

    def signal(self, word: str) -> str:
        text = self.one(word)
        name = text.upper().removeprefix("SIG")
        known = f"SIG{name}".partition("+")[0] in signal.Signals.__members__
        if not (0 < int(text) < 65 if text.isdecimal() and len(text) < 4 else known):
            raise self._refused(f'"{text}" is not a signal', word)
        return text

    def _content(self, text: str) -> str:
        return self._expanded(text, Rules(quotes_are_text=True)).text

    def _expanded(self, word: str, rules: Rules) -> Expansion:
        scope = self.run.scope
        self._grow(0, word)
        try:
            made = expand(word, scope.variables, rules)
        except WordError as problem:
            raise self._refused(str(problem), word, "SU207") from None
        self._grow(len(made.text), word)
        self.run.undefined.extend((self.command, name) for name in sorted(made.unmatched - scope.args.keys()))
        return made

    def _escape(self) -> str:
        return self.run.stages.dockerfile.escape

    def _refused(self, detail: str, about: str, code: str = "SU203") -> Refused:
        written = self.command.written
        span = written.span if self.command.triggered else written.written.find(about)
        return Refused(code, detail, span)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536
