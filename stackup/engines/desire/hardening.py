"""`security_opt` of a service: what it means here, and a profile's text in the place of its path.

Law: an option that is not known is an error, since the author believes to be protected by it. One that is known and
belongs to a security module which the host does not have is named. The text of a seccomp profile is part of the normal
form, so that another text is another container.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.runtime.privileges import UNCONFINED, option
from stackup.runtime.seccomp.rules import LARGEST

if TYPE_CHECKING:
    from stackup.stackfile.model import Service

_SWITCHES = ("", "true", "false")


def security_options(name: str, service: Service, context: Context) -> list[str]:
    """The normal form. Bad ones are problems and left out."""
    found = []
    for number, text in enumerate(service.security_opt):
        place = ("services", name, "security_opt", number)
        key, value = option(text)
        try:
            found.append(_option(key, value, text, context))
        except ValueError as problem:
            context.problems.error(
                "SU120",
                "a security option cannot be had",
                detail=f'service "{name}": {problem}',
                span=context.span(*place),
                hint="correct it, or leave it out and know that it does not protect",
            )
        why = _without_effect(key, value, context)
        if why:
            context.unhonoured(f'service "{name}": security_opt "{text}": {why}', *place)
    return found


def _option(key: str, value: str, text: str, context: Context) -> str:
    match key, value:
        case "no-new-privileges", value if value in _SWITCHES:
            return text
        case ("systempaths", "unconfined") | ("seccomp", "unconfined" | "builtin") | ("apparmor" | "label", _) if value:
            return text
        case "seccomp", path if path:
            return f"seccomp={_profile(path, context)}"
    known = "no-new-privileges, seccomp=, apparmor=, label=, systempaths=unconfined"
    raise ValueError(f'"{text}" is none of {known}')


def _profile(path: str, context: Context) -> str:
    """Read through, so that what is wrong with it is said with its line, and by whom it is asked for."""
    from stackup.runtime.seccomp.filters import check

    text = context.facts.file_text(os.path.join(context.directory, os.path.expanduser(path)), LARGEST)
    if text is None:
        raise ValueError(f'"{path}" is not a file of at most {LARGEST >> 10} KiB')
    try:
        check(text)
    except ValueError as problem:
        raise ValueError(f'the seccomp profile "{path}": {problem}') from problem
    return json.dumps(json.loads(text), separators=(",", ":"))


def _without_effect(key: str, value: str, context: Context) -> str:
    if key == "apparmor" and value != UNCONFINED and not context.facts.has_security_module("apparmor"):
        return "this machine's kernel does not run AppArmor"
    if key == "label" and value != "disable":
        return "processes and files are not labelled for SELinux"
    return ""
