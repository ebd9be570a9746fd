"""A program that enters a running container: its own program's surroundings, bent as asked. Hot."""

from __future__ import annotations

from stackup.engines.builtin.rows import transient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from stackup.engines.engine import ExecRequest
    from stackup.runtime.description import Process
    from stackup.runtime.spec import Hook


def process(claim: Mapping[str, Any], request: ExecRequest) -> Process:
    """`claim` is the record of a container that has been started."""
    base: Process = dict(claim["given"]["process"])  # type: ignore[assignment]  # a copy of the same dict
    base["argv"] = list(request["argv"])
    base["env"] = {**base["env"], **request.get("env", {})}
    if request.get("tty"):
        base["env"].setdefault("TERM", "xterm")
    base["cwd"] = request.get("cwd") or base["cwd"]
    if request.get("user"):
        base["user"], base["groups"] = request["user"], []
    if request.get("privileged"):
        from stackup.kernel import capabilities

        base["capabilities"] = list(capabilities.NAMES)
        base["seccomp"] = base["apparmor"] = ""
    return base


def hooks(claim: Mapping[str, Any], what: str) -> list[Process]:
    """Those of `post_start` or `pre_stop`; what `run` made has none."""
    if transient(claim) or "process" not in claim["given"]:
        return []
    return [process(claim, _request(hook)) for hook in claim["spec"].get(what, ())]


def _request(hook: Hook) -> ExecRequest:
    return {
        "argv": hook["command"],
        "env": hook["env"],
        "cwd": hook["cwd"] or "",
        "user": hook["user"] or "",
        "privileged": hook["privileged"],
    }
