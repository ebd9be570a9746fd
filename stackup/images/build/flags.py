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


class Refused(ValueError):
    """An instruction that cannot be meant as it is written."""

    def __init__(self, code: str, detail: str, span: Span, hint: str = "") -> None:
        super().__init__(detail)
        self.diagnostic = Diagnostic(code, Severity.ERROR, CODES[code][0], detail, span, hint=hint)


def near(name: str, known: list[str]) -> str:
    """`did you mean "web"?`, or what there is."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"there is {', '.join(known)}" if known else ""


@dataclass(slots=True)
class Flags:
    """The flags of one instruction, checked."""

    texts: dict[str, str] = field(default_factory=dict)
    switches: dict[str, bool] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)


def read_flags(item: Instruction) -> Flags:
    """Raises Refused."""
    known = FLAGS.get(item.name, {})
    found = Flags()
    for flag in item.flags:
        name, sign, value = flag.removeprefix("--").partition("=")
        span = item.written.find(f"--{name}", item.written.text.find(item.text))
        kind = known.get(name)
        if kind is None:
            hint = near(name, list(known)) if known else f"{item.name} takes no flags"
            raise Refused("SU206", f"unknown flag: --{name}", span, hint)
        if kind != LIST and (name in found.texts or name in found.switches):
            raise Refused("SU206", f"flag --{name} is given twice", span)
        if kind == SWITCH:
            found.switches[name] = _switch(name, sign, value, span)
        elif not sign:
            raise Refused("SU206", f"flag --{name} has no value", span, f"write --{name}=VALUE")
        elif kind == LIST:
            found.lists.setdefault(name, []).append(value)
        else:
            found.texts[name] = value
    return found


def _switch(name: str, sign: str, value: str, span: Span) -> bool:
    if not sign:
        return True
    if value.lower() not in {"true", "false"}:
        raise Refused("SU206", f'flag --{name} is true or false, not "{value}"', span)
    return value.lower() == "true"
