"""What a container's program may do: capabilities, limits, and the merge of the image's config with the spec. Pure.

Law: nothing is dropped in silence. What the spec asks for and this host cannot give comes back by name, or is an error
that says what to change. Docker's defaults are the defaults: fourteen capabilities, no limits of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stackup.errors import HostError, Unsupported
from stackup.kernel import capabilities

if TYPE_CHECKING:
    from stackup.runtime.description import Process
    from stackup.runtime.spec import ContainerSpec, Ulimit

DEFAULT = (
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "NET_RAW",
    "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP",
)  # fmt: skip
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIMITS = (
    "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
    "rttime", "sigpending", "stack",
)  # fmt: skip
UNLIMITED = -1
UNCONFINED = "unconfined"


@dataclass(frozen=True, slots=True)
class Powers:
    """What this process of ours has and can hand on: its bounding set, and its hard limits by name."""

    capabilities: int
    hard_limits: Mapping[str, int]

    @property
    def raises_limits(self) -> bool:
        return bool(self.capabilities >> capabilities.NUMBERS["SYS_RESOURCE"] & 1)


@dataclass(frozen=True, slots=True)
class Security:
    """`security_opt`, read. `seccomp` is JSON, `unconfined`, or empty for ours; `apparmor` is a name, or empty."""

    no_new_privs: bool = False
    confined: bool = True
    seccomp: str = ""
    apparmor: str = ""


def capability(text: str) -> str:
    """`NET_ADMIN` of `CAP_NET_ADMIN`, `net_admin`; `ALL` stays."""
    name = text.upper().removeprefix("CAP_")
    if name != "ALL" and name not in capabilities.NUMBERS:
        raise Unsupported(f'the kernel has no capability "{text}"', subject=text, hint="capabilities(7) lists them")
    return name


def capability_set(add: Iterable[str], drop: Iterable[str], *, privileged: bool = False) -> list[str]:
    """Docker's rules: `ALL` in either list empties or fills the set first, single names then change it."""
    added, dropped = {capability(name) for name in add}, {capability(name) for name in drop}
    if privileged:
        return list(capabilities.NAMES)
    if "ALL" in added:
        kept = set(capabilities.NAMES) - dropped
    elif "ALL" in dropped:
        kept = added
    else:
        kept = (set(DEFAULT) | added) - dropped
    return [name for name in capabilities.NAMES if name in kept]


def missing_capabilities(spec: ContainerSpec, powers: Powers) -> list[str]:
    """Asked for by name, but this host's root does not have them; a privileged container takes what there is, and in a
    user namespace of its own everybody's root has them all.
    """
    if spec["privileged"] or spec.get("users"):
        return []
    wanted = {capability(name) for name in spec["cap_add"]} - {"ALL"}
    return [name for name in capabilities.NAMES if name in wanted and not powers.capabilities >> NUMBER[name] & 1]


NUMBER = capabilities.NUMBERS


def option(text: str) -> tuple[str, str]:
    """Both spellings of a `security_opt`, `key=value` and `key:value`; whichever mark comes first."""
    mark = min((at for at in (text.find("="), text.find(":")) if at >= 0), default=len(text))
    return text[:mark], text[mark + 1 :]


def security(options: Sequence[str], *, privileged: bool = False) -> Security:
    """The last word counts. A privileged container has no filter unless it asks for one."""
    found = Security(confined=not privileged, seccomp=UNCONFINED if privileged else "")
    for key, value in map(option, options):
        match key, value:
            case "no-new-privileges", _:
                found = replace(found, no_new_privs=value != "false")
            case "systempaths", "unconfined":
                found = replace(found, confined=False)
            case "seccomp", _:
                found = replace(found, seccomp="" if value == "builtin" else value)
            case "apparmor", _:
                found = replace(found, apparmor="" if value == UNCONFINED else value)
    return found


def rlimits(ulimits: Mapping[str, Ulimit], powers: Powers) -> dict[str, list[int]]:
    """-1 is unlimited. A hard limit above ours needs CAP_SYS_RESOURCE: an error, never a smaller limit in silence."""
    found = {}
    for name, limit in ulimits.items():
        if name not in LIMITS:
            raise Unsupported(f'there is no limit "{name}"', subject=name, hint="setrlimit(2) lists them")
        ceiling = powers.hard_limits.get(name, UNLIMITED)
        if not powers.raises_limits and _above(limit["hard"], ceiling):
            hint = f"ask for at most {ceiling}, or raise the limit of the shell or service that runs stackup"
            raise HostError(f'the limit "{name}" cannot be raised above {ceiling} here', subject=name, hint=hint)
        found[name] = [limit["soft"], limit["hard"]]
    return found


def _above(wanted: int, ceiling: int) -> bool:
    return ceiling != UNLIMITED and (wanted == UNLIMITED or wanted > ceiling)


def process_of(spec: ContainerSpec, config: Mapping[str, Any], powers: Powers) -> Process:
    """The image's config (keys as in the OCI image specification: Env, Entrypoint, Cmd, User, WorkingDir) and the spec.

    The caller names `missing_capabilities` to the user, here they are left out, and adds the filter of system calls.
    """
    kept = capability_set(spec["cap_add"], spec["cap_drop"], privileged=spec["privileged"])
    user = spec["user"] if spec["user"] is not None else config.get("User") or ""
    allowed = security(spec["security_opt"])
    return {
        "argv": _argv(spec, config),
        "env": _environment(spec, config),
        "cwd": spec["cwd"] or config.get("WorkingDir") or "/",
        "user": user,
        "groups": list(spec["groups"]),
        "capabilities": [name for name in kept if spec.get("users") or powers.capabilities >> NUMBER[name] & 1],
        "no_new_privs": allowed.no_new_privs,
        "rlimits": rlimits(spec["ulimits"], powers),
        "oom_score_adj": spec.get("oom_score_adj", 0),
        "apparmor": allowed.apparmor,
    }


def _argv(spec: ContainerSpec, config: Mapping[str, Any]) -> list[str]:
    """An entrypoint of the file's own makes the image's command meaningless, so that is dropped (as in Docker)."""
    if spec["entrypoint"] is not None:
        argv = [*spec["entrypoint"], *(spec["command"] or [])]
    else:
        command = spec["command"] if spec["command"] is not None else config.get("Cmd") or []
        argv = [*(config.get("Entrypoint") or []), *command]
    if not argv:
        hint = "write a `command:`; the image names none"
        raise HostError(f'the container "{spec["name"]}" has nothing to run', subject=spec["name"], hint=hint)
    return argv


def _environment(spec: ContainerSpec, config: Mapping[str, Any]) -> dict[str, str]:
    found = {"PATH": PATH}
    if spec["hostname"]:
        found["HOSTNAME"] = spec["hostname"]
    if spec["tty"]:
        found["TERM"] = "xterm"
    for entry in config.get("Env") or []:
        name, _, value = entry.partition("=")
        found[name] = value
    found.update(spec["env"])
    return found
