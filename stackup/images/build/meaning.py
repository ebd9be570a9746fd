"""From what is written to what is meant: one instruction at a time, by a table of readers.

Pure. Raises Refused for arguments that are missing, too many or of the wrong form.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from stackup import gitref
from stackup.images.build import commands as c
from stackup.images.build.dockerfile import Instruction
from stackup.images.build.expansion import SPACES, WordError
from stackup.images.build.flags import Flags, Refused, read_flags
from stackup.images.build.heredoc import Heredoc, parse_heredoc
from stackup.images.build.mounts import check_mounts
from stackup.images.manifest import Healthcheck
from stackup.values import parse_duration

NETWORKS = ("default", "none", "host")
SECURITIES = ("sandbox", "insecure")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*")


def meaning(item: Instruction) -> c.Meaning:
    """What an instruction of a stage means. Raises Refused."""
    return READERS[item.name](item, read_flags(item))


def from_meaning(item: Instruction) -> c.From:
    flags = read_flags(item)
    args = item.args
    if len(args) == 3 and args[1].lower() == "as":
        name = args[2].lower()
        if not _STAGE_NAME.fullmatch(name):
            raise _refused(item, f'invalid name for a stage: "{args[2]}"', args[2], "names begin with a letter")
    elif len(args) == 1:
        name = ""
    else:
        raise _refused(item, "FROM requires either one or three arguments", hint="FROM image [AS name]")
    return c.From(args[0], name, flags.texts.get("platform", ""))


def _refused(item: Instruction, detail: str, about: str = "", hint: str = "") -> Refused:
    return Refused("SU203", detail, item.written.find(about) if about else item.span, hint)


def _one(item: Instruction) -> str:
    if len(item.args) != 1:
        raise _refused(item, f"{item.name} requires exactly one argument")
    return item.args[0]


def _some(item: Instruction) -> tuple[str, ...]:
    if not item.args:
        raise _refused(item, f"{item.name} requires at least one argument")
    return item.args


def _pairs(item: Instruction) -> tuple[tuple[str, str], ...]:
    if not item.pairs:
        raise _refused(item, f"{item.name} requires at least one argument")
    if any(not name for name, _ in item.pairs):
        raise _refused(item, f"{item.name} names can not be blank")
    return item.pairs


def _arg(item: Instruction, _flags: Flags) -> c.Arg:
    items: list[tuple[str, str | None]] = []
    for word in _some(item):
        name, sign, value = word.partition("=")
        if not name:
            raise _refused(item, "ARG names can not be blank")
        items.append((name, value if sign else None))
    return c.Arg(tuple(items))


def _line(item: Instruction) -> c.Line:
    return c.Line(item.args, shell=not item.json_form)


def _run(item: Instruction, flags: Flags) -> c.Run:
    network = flags.texts.get("network", "default")
    security = flags.texts.get("security", "sandbox")
    for name, value, known in (("network", network, NETWORKS), ("security", security, SECURITIES)):
        if value not in known:
            raise _refused(item, f'--{name} is "{value}"', f"--{name}", f"it is {' or '.join(known)}")
    if flags.lists.get("device"):
        raise _refused(item, "RUN --device is not supported", "--device", "devices of a build are not given out here")
    mounts = tuple(flags.lists.get("mount", ()))
    check_mounts(item, mounts)
    return c.Run(_line(item), mounts, network, security, item.heredocs)


def _copy(item: Instruction, flags: Flags) -> c.Copy:
    args = item.args if item.json_form else _glued(item.args)
    if len(args) < 2:
        raise _refused(item, f"{item.name} requires at least two arguments", hint="sources, then where they go")
    *given, target = args
    opened = {heredoc.name: heredoc for heredoc in item.heredocs}
    sources: list[str] = []
    documents: list[Heredoc] = []
    for source in given:
        heredoc = None if item.json_form else _heredoc(source)
        if heredoc is None:
            sources.append(source)
        elif heredoc.name in opened:
            documents.append(opened[heredoc.name])
        else:
            raise _refused(item, f'"{source}" opens no heredoc', source, "a quote on this line is not closed")
    if not item.json_form and _heredoc(target):
        raise _refused(item, f"{item.name} cannot accept a heredoc as a destination", target)
    adding = None
    remote = [source for source in sources if is_remote(source)]
    if item.name == "COPY" and remote:
        raise _refused(item, f'COPY cannot fetch "{remote[0]}"', remote[0], "ADD can")
    if "checksum" in flags.texts and (len(sources) != 1 or documents or not ("$" in sources[0] or remote)):
        raise _refused(item, "--checksum is for one download", "--checksum")
    if item.name == "ADD":
        adding = c.Adding(
            flags.texts.get("checksum", ""), flags.switches.get("keep-git-dir", False), flags.switches.get("unpack")
        )
    return c.Copy(
        tuple(sources),
        target,
        tuple(documents),
        origin=_plain_origin(item, flags.texts.get("from", "")),
        chown=flags.texts.get("chown", ""),
        chmod=flags.texts.get("chmod", ""),
        link=flags.switches.get("link", False),
        parents=flags.switches.get("parents", False),
        exclude=tuple(flags.lists.get("exclude", ())),
        adding=adding,
    )


def is_remote(source: str) -> bool:
    """Whether ADD fetches it."""
    if source.startswith("github.com/"):
        return ".git" in source
    return source.startswith(("http://", "https://", "git@", "git://", "ssh://")) or gitref.parse(source) is not None


def _glued(args: tuple[str, ...]) -> list[str]:
    """`<< EOF` is one word, though arguments are split at blanks."""
    glued: list[str] = []
    for arg in args:
        if glued and re.fullmatch(r"\d*<<-?", glued[-1]):
            glued[-1] += arg
        else:
            glued.append(arg)
    return glued


def _heredoc(word: str) -> Heredoc | None:
    try:
        return parse_heredoc(word)
    except WordError:
        return None


def _plain_origin(item: Instruction, origin: str) -> str:
    if "$" in origin:
        hint = "define a stage with FROM and an ARG above it, and copy from that"
        raise _refused(item, "variables are not expanded in --from", "--from", hint)
    return origin


def _onbuild(item: Instruction, _flags: Flags) -> c.Onbuild:
    trigger = item.trigger
    if trigger is None:
        raise _refused(item, "ONBUILD requires at least one argument")
    if trigger.name in {"FROM", "MAINTAINER", "ONBUILD"}:
        raise Refused("SU211", f"{trigger.name} isn't allowed as an ONBUILD trigger", trigger.span)
    meaning(trigger)
    text = item.written.text[item.written.text.upper().find("ONBUILD") + len("ONBUILD") :].strip(SPACES)
    return c.Onbuild(text + "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in item.heredocs))


def _health(item: Instruction, flags: Flags) -> c.Health:
    kind, *words = _some(item)
    if kind.upper() == "NONE":
        if words:
            raise _refused(item, "HEALTHCHECK NONE takes no arguments")
        return c.Health(Healthcheck(("NONE",)))
    if kind.upper() != "CMD":
        raise _refused(item, f'unknown type "{kind}" in HEALTHCHECK', kind, "it is CMD or NONE")
    if not words:
        raise _refused(item, "missing command after HEALTHCHECK CMD")
    numbers = {f"{name.replace('-', '_')}_ns": _interval(item, name, flags) for name in _INTERVALS}
    retries = flags.texts.get("retries", "0")
    if not retries.isdecimal():
        raise _refused(item, f'--retries is a number, not "{retries}"', "--retries")
    test = ("CMD" if item.json_form else "CMD-SHELL", *words)
    return c.Health(Healthcheck(test, **numbers, retries=int(retries)))


_INTERVALS = ("interval", "timeout", "start-period", "start-interval")


def _interval(item: Instruction, name: str, flags: Flags) -> int:
    try:
        nanoseconds = parse_duration(flags.texts.get(name) or "0")
    except ValueError as problem:
        raise _refused(item, str(problem), f"--{name}") from None
    if 0 < nanoseconds < 1_000_000:
        raise _refused(item, f"--{name} cannot be less than 1ms", f"--{name}")
    return nanoseconds


def _shell(item: Instruction, _flags: Flags) -> c.Shell:
    words = _some(item)
    if not item.json_form:
        raise _refused(item, "SHELL requires the arguments to be in JSON form", hint='SHELL ["/bin/bash", "-c"]')
    return c.Shell(words)


def _volume(item: Instruction, _flags: Flags) -> c.Volume:
    paths = tuple(path.strip(SPACES) for path in _some(item))
    if "" in paths:
        raise _refused(item, "VOLUME specified can not be an empty string")
    return c.Volume(paths)


READERS: dict[str, Callable[[Instruction, Flags], c.Meaning]] = {
    "ADD": _copy,
    "ARG": _arg,
    "CMD": lambda item, _: c.Cmd(_line(item)),
    "COPY": _copy,
    "ENTRYPOINT": lambda item, _: c.Entrypoint(_line(item)),
    "ENV": lambda item, _: c.Env(_pairs(item)),
    "EXPOSE": lambda item, _: c.Expose(_some(item)),
    "HEALTHCHECK": _health,
    "LABEL": lambda item, _: c.Label(_pairs(item)),
    "MAINTAINER": lambda item, _: c.Maintainer(_one(item)),
    "ONBUILD": _onbuild,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": lambda item, _: c.StopSignal(_one(item)),
    "USER": lambda item, _: c.User(_one(item)),
    "VOLUME": _volume,
    "WORKDIR": lambda item, _: c.Workdir(_one(item)),
}
