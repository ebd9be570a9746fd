"""The flags that each instruction takes. Pure; `Refused` is how an instruction that makes no sense is reported."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from stackup.diagnostics import Diagnostic, Severity, Span
from stackup.images.build.codes import CODES
from stackup.images.build.dockerfile import Instruction

SWITCH, TEXT, LIST = "switch", "text", "list"
_COPYING = {"chown": TEXT, "chmod": TEXT, "link": SWITCH, "exclude": LIST}
FLAGS: dict[str, dict[str, str]] = {
    "FROM": {"platform": TEXT},
    "RUN": {"mount": LIST, "network": TEXT, "security": TEXT, "device": LIST},
    "COPY": {**_COPYING, "from": TEXT, "parents": SWITCH},
    "ADD": {**_COPYING, "checksum": TEXT, "keep-git-dir": SWITCH, "unpack": SWITCH},
    "HEALTHCHECK": dict.fromkeys(("interval", "timeout", "start-period", "start-interval", "retries"), TEXT),
}


_COMPARED = 500
"""Names that one is compared with; it takes a tenth of a millisecond each."""


class Refused(ValueError):
    """An instruction that cannot be meant as it is written."""

    def __init__(self, code: str, detail: str, span: Span, hint: str = "") -> None:
        super().__init__(detail)
        self.diagnostic = Diagnostic(code, Severity.ERROR, CODES[code][0], detail, span, hint=hint)


def near(name: str, known: list[str]) -> str:
    """`did you mean "web"?`, or what there is."""
    close = difflib.get_close_matches(name, known, n=1) if len(known) <= _COMPARED else []
    if close:
        return f'did you mean "{close[0]}"?'
    return f"there is {', '.join(known)}" if 0 < len(known) <= _COMPARED else ""


@dataclass(slots=True)
class Flags:
    """The flags of one instruction, checked."""

    texts: dict[str, str] = field(default_factory=dict)
    switches: dict[str, bool] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)


def read_flags(item: Instruction) -> Flags:
    """Raises Refused."""
    found = Flags()
    for flag in item.flags:
        try:
            _take(item.name, flag.removeprefix("--"), found)
        except _Wrong as problem:
            name = flag.removeprefix("--").partition("=")[0]
            span = item.written.find(f"--{name}", item.written.text.find(item.text))
            raise Refused("SU206", problem.detail, span, problem.hint) from None
    return found


class _Wrong(ValueError):
    """A flag that is not taken; where it stands is looked for only then."""

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


def _take(instruction: str, flag: str, found: Flags) -> None:
    known = FLAGS.get(instruction, {})
    name, sign, value = flag.partition("=")
    kind = known.get(name)
    if kind is None:
        raise _Wrong(f"unknown flag: --{name}", near(name, list(known)) or f"{instruction} takes no flags")
    if kind != LIST and (name in found.texts or name in found.switches):
        raise _Wrong(f"flag --{name} is given twice")
    if kind == SWITCH:
        found.switches[name] = _switch(name, sign, value)
    elif not sign:
        raise _Wrong(f"flag --{name} has no value", f"write --{name}=VALUE")
    elif kind == LIST:
        found.lists.setdefault(name, []).append(value)
    else:
        found.texts[name] = value


def _switch(name: str, sign: str, value: str) -> bool:
    if not sign:
        return True
    if value.lower() not in {"true", "false"}:
        raise _Wrong(f'flag --{name} is true or false, not "{value}"')
    return value.lower() == "true"
