"""Checks of a Dockerfile that builds, yet perhaps not as meant: BuildKit's rules under BuildKit's names, as a table.

Pure. `# check=skip=Rule,Rule` or `skip=all` turns rules off, `# check=error=true` makes errors of what they find.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from stackup.diagnostics import Diagnostic, Severity, Span
from stackup.errors import UsageError
from stackup.images import reference
from stackup.images.build import commands as c
from stackup.images.build.codes import CODES
from stackup.images.build.dockerfile import Instruction
from stackup.images.build.evaluate import Evaluated
from stackup.images.build.expansion import WordError, expand
from stackup.images.build.flags import near
from stackup.images.build.platforms import parse_platform
from stackup.images.build.stages import Settings, Stage, Stages, read_stages

CODE = "SU220"
_MOST = 100
"""Findings of a rule; nobody reads more."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What rules look at. Stages that were not evaluated are passed over by the rules that need it."""

    stages: Stages
    evaluated: Sequence[Evaluated] = ()

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        return self.stages.dockerfile.instructions

    def froms(self) -> Iterator[tuple[Stage, str]]:
        """Each stage with its base as written; a FROM without one is an error already."""
        return ((stage, stage.written.args[0]) for stage in self.stages.stages if stage.written.args)


Finding: TypeAlias = "tuple[Span, str, str]"
"""Where, what, and what would help."""


def lint(stages: Stages, evaluated: Sequence[Evaluated] = ()) -> tuple[Diagnostic, ...]:
    """In the order of the file."""
    skipped, severity = _directive(stages)
    if "all" in skipped:
        return ()
    seen = Checked(stages, evaluated)
    found = [
        Diagnostic(CODE, severity, CODES[CODE][0], f"{name}: {detail}", span, hint=hint)
        for name, rule in RULES.items()
        if name.lower() not in skipped
        for span, detail, hint in islice(rule(seen), _MOST)
    ]
    return tuple(sorted(found, key=lambda item: item.span or Span("", 0, 0, 0, 0)))


def _directive(stages: Stages) -> tuple[set[str], Severity]:
    skipped: set[str] = set()
    severity = Severity.WARNING
    for item in stages.dockerfile.directives:
        if item.name == "check":
            for part in item.value.split(";"):
                key, _, value = part.strip().partition("=")
                if key.strip().lower() == "skip":
                    skipped |= {name.strip().lower() for name in value.split(",")}
                elif key.strip().lower() == "error" and value.strip().lower() == "true":
                    severity = Severity.ERROR
    return skipped, severity


def _stage_name_casing(seen: Checked) -> Iterator[Finding]:
    for stage, _ in seen.froms():
        name = _written_name(stage)
        if name != name.lower():
            yield _name_span(stage), f'stage name "{name}" should be lowercase', ""


def _written_name(stage: Stage) -> str:
    return stage.written.args[2] if len(stage.written.args) == 3 else ""


def _name_span(stage: Stage) -> Span:
    """The last word of a FROM; the image may well be spelled the same."""
    written, name = stage.written.written, _written_name(stage)
    at = written.text.rfind(name)
    return written.span(at, at + len(name))


def _from_as_casing(seen: Checked) -> Iterator[Finding]:
    for stage, _ in seen.froms():
        if len(stage.written.args) == 3:
            word, keyword = stage.written.args[1], stage.written.keyword
            if word.isupper() != keyword.isupper() or word.islower() != keyword.islower():
                at = stage.written.written.text.rfind(word, 0, -len(stage.written.args[2]))
                span = stage.written.written.span(at, at + len(word))
                yield span, f'"{word}" and "{keyword}" do not match in casing', ""


def _empty_continuation(seen: Checked) -> Iterator[Finding]:
    for item in seen.instructions:
        line = item.written.blank_at
        if line:
            yield Span(item.span.source, line, 1, line, 1), "an empty line continues the instruction above", ""


def _instruction_casing(seen: Checked) -> Iterator[Finding]:
    words = [item.keyword for item in seen.instructions]
    lower = sum(word.islower() for word in words) > sum(word.isupper() for word in words)
    for item in seen.instructions:
        if not (item.keyword.islower() if lower else item.keyword.isupper()):
            case = "lowercase" if lower else "uppercase"
            yield item.written.find(item.keyword), f'"{item.keyword}" should be {case}, as most instructions are', ""


def _duplicate_stage(seen: Checked) -> Iterator[Finding]:
    names: set[str] = set()
    for stage, _ in seen.froms():
        if stage.name in names:
            span = _name_span(stage)
            yield span, f'duplicate stage name "{stage.name}", stage names should be unique', ""
        names |= {stage.name} - {""}


def _reserved_stage(seen: Checked) -> Iterator[Finding]:
    for stage, _ in seen.froms():
        if stage.name in {"scratch", "context", reference.HOST}:
            span = _name_span(stage)
            yield span, f'"{stage.name}" is a reserved name and should not be a stage\'s', ""


def _json_args(seen: Checked) -> Iterator[Finding]:
    for stage in seen.stages.stages:
        own_shell = False
        for command in stage.commands:
            own_shell = own_shell or isinstance(command.meaning, c.Shell)
            if isinstance(command.meaning, (c.Cmd, c.Entrypoint)) and command.meaning.line.shell and not own_shell:
                name = command.written.name
                yield (
                    command.written.span,
                    f"JSON arguments recommended for {name}: a shell does not pass signals on",
                    f'{name} ["program", "argument"]',
                )


def _maintainer(seen: Checked) -> Iterator[Finding]:
    for item in seen.instructions:
        if item.name == "MAINTAINER":
            yield (
                item.span,
                "MAINTAINER is deprecated in favor of a label",
                "LABEL org.opencontainers.image.authors=...",
            )


def _undefined_in_from(seen: Checked) -> Iterator[Finding]:
    known = seen.stages.args
    declared = {word.partition("=")[0] for item in _global_args(seen) for word in item.args}
    for stage, base in seen.froms():
        for text in (base, *stage.written.flags):
            for name in sorted(_unmatched(text, known) - declared):
                yield stage.written.written.find(text), f'FROM argument "{name}" is not declared', near(name, [*known])


def _global_args(seen: Checked) -> list[Instruction]:
    found = []
    for item in seen.instructions:
        if item.name == "FROM":
            break
        found.append(item)
    return found


def _unmatched(text: str, known: Mapping[str, str]) -> set[str]:
    try:
        return set(expand(text, known).unmatched)
    except WordError:
        return set()


def _invalid_default(seen: Checked) -> Iterator[Finding]:
    """A base that is only one because of --build-arg."""
    settings = seen.stages.settings
    if not settings.args:
        plain = seen.stages
    else:
        plain = read_stages(seen.stages.dockerfile, Settings(platform=settings.platform))
    for stage, base in seen.froms():
        try:
            made = expand(base, plain.args).text
            if made != "scratch" and not reference.is_host(made):
                reference.parse(made)
        except (WordError, UsageError):
            span = stage.written.written.find(base)
            yield span, f"the defaults of ARG make {base} an empty or invalid image name", ""


def _redundant_platform(seen: Checked) -> Iterator[Finding]:
    for stage, _ in seen.froms():
        for flag in stage.written.flags:
            if flag in {"--platform=$TARGETPLATFORM", "--platform=${TARGETPLATFORM}"}:
                yield stage.written.written.find(flag), "$TARGETPLATFORM is the default, and redundant in FROM", ""


def _constant_platform(seen: Checked) -> Iterator[Finding]:
    for stage, _ in seen.froms():
        for flag in stage.written.flags:
            value = flag.removeprefix("--platform=")
            if "$" not in value:
                try:
                    platform = parse_platform(value, seen.stages.settings.platform)
                except ValueError:
                    continue
                if platform.os not in stage.name and platform.architecture not in stage.name:
                    span = stage.written.written.find("--platform")
                    yield span, f'FROM --platform should not be the constant "{value}"', "use $BUILDPLATFORM or an ARG"


def _relative_workdir(seen: Checked) -> Iterator[Finding]:
    absolute: dict[int, bool] = {}
    for stage in seen.stages.stages:
        found = absolute.get(getattr(stage.base, "index", -1), False)
        for command in stage.commands:
            if isinstance(command.meaning, c.Workdir):
                path = command.meaning.path
                if not found and not path.startswith(("/", "$", '"/', "'/")):
                    detail = f'relative workdir "{path}" can have unexpected results if the base image changes'
                    yield command.written.span, detail, "begin with an absolute one"
                found = True
        absolute[stage.index] = found


def _undefined_var(seen: Checked) -> Iterator[Finding]:
    for done in seen.evaluated:
        for command, name in done.undefined:
            span = _variable_span(command, name)
            known = [f"${one}" for one in done.scope.variables]
            hint = near(f"${name}", known)
            yield span, f'usage of undefined variable "${name}"', hint if hint.startswith("did") else ""


def _variable_span(command: c.Command, name: str) -> Span:
    written = command.written.written
    match = re.search(rf"\$\{{?{re.escape(name)}(?!\w)", written.text)
    if command.triggered or match is None:
        return command.written.span
    return written.span(match.start(), match.end())


def _multiple(seen: Checked) -> Iterator[Finding]:
    for stage in seen.stages.stages:
        last: dict[str, c.Command] = {}
        for command in stage.commands:
            name = command.written.name
            if name in {"CMD", "ENTRYPOINT", "HEALTHCHECK"}:
                if name in last:
                    yield last[name].written.span, f"only the last {name} of a stage is used, and this is not", ""
                last[name] = command


def _old_pairs(seen: Checked) -> Iterator[Finding]:
    for item in seen.instructions:
        if item.old_pairs:
            yield item.span, f'"{item.name} key=value" should be used instead of "{item.name} key value"', ""


_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_NO_SECRET = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE)


def _secrets(seen: Checked) -> Iterator[Finding]:
    for item in seen.instructions:
        names: list[str] = []
        if item.name == "ENV":
            names = [name for name, _ in item.pairs]
        elif item.name == "ARG":
            names = [word.partition("=")[0] for word in item.args]
        for name in names:
            if _SECRET.search(name) and not _NO_SECRET.search(name):
                hint = "RUN --mount=type=secret leaves no trace in the image"
                yield item.written.find(name), f'do not use {item.name} for sensitive data ("{name}")', hint


def _expose_casing(seen: Checked) -> Iterator[Finding]:
    for item in seen.instructions:
        for port in item.args if item.name == "EXPOSE" else ():
            protocol = port.partition("/")[2]
            if protocol != protocol.lower() and "$" not in protocol:
                yield item.written.find(port), f'protocol of "{port}" should be lowercase', ""


def _expose_form(seen: Checked) -> Iterator[Finding]:
    for item in seen.instructions:
        for port in item.args if item.name == "EXPOSE" else ():
            if ":" in port and "$" not in port:
                text = f'EXPOSE "{port}" names an address or a port of the host'
                yield item.written.find(port), text, "an image has only its own ports"


RULES: dict[str, Callable[[Checked], Iterator[Finding]]] = {
    "ConsistentInstructionCasing": _instruction_casing,
    "DuplicateStageName": _duplicate_stage,
    "ExposeInvalidFormat": _expose_form,
    "ExposeProtoCasing": _expose_casing,
    "FromAsCasing": _from_as_casing,
    "FromPlatformFlagConstDisallowed": _constant_platform,
    "InvalidDefaultArgInFrom": _invalid_default,
    "JSONArgsRecommended": _json_args,
    "LegacyKeyValueFormat": _old_pairs,
    "MaintainerDeprecated": _maintainer,
    "MultipleInstructionsDisallowed": _multiple,
    "NoEmptyContinuation": _empty_continuation,
    "RedundantTargetPlatform": _redundant_platform,
    "ReservedStageName": _reserved_stage,
    "SecretsUsedInArgOrEnv": _secrets,
    "StageNameCasing": _stage_name_casing,
    "UndefinedArgInFrom": _undefined_in_from,
    "UndefinedVar": _undefined_var,
    "WorkdirRelativePath": _relative_workdir,
}
