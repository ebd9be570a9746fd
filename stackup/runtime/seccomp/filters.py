"""Compiled filters, one for each profile and set of capabilities of a command, written where a container finds its own.

Compiling takes a millisecond, so each command does it again and no cache can be stale. The file lies among the live
things of its container and goes with them; a filter that cannot be read keeps a program from starting.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from stackup.errors import HostError, Unsupported
from stackup.kernel import files
from stackup.runtime.seccomp.default import default_profile
from stackup.runtime.seccomp.reading import Machine, read_profile
from stackup.runtime.seccomp.rules import compile_filter

FILE = "seccomp"
UNCONFINED = "unconfined"


class Filters:
    """Of one command."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, tuple[str, ...]], bytes] = {}

    def write(self, folder: str, profile: str, capabilities: Sequence[str]) -> str:
        """The file for who has these capabilities, in a container's own folder. `profile` is JSON, empty for ours, or
        `unconfined`, which has none: the answer is empty.
        """
        if profile == UNCONFINED:
            return ""
        key = profile, tuple(capabilities)
        if key not in self._made:
            self._made[key] = compiled(profile, capabilities)
        path = os.path.join(folder, FILE)
        files.make_dir(folder)
        files.write_bytes(path, self._made[key], durable=False)
        return path


def compiled(profile: str, capabilities: Sequence[str]) -> bytes:
    uname = os.uname()
    machine = Machine(uname.machine, _version(uname.release), frozenset(capabilities))
    try:
        rules = read_profile(profile, machine) if profile else default_profile(capabilities)
        return compile_filter(rules, machine.name)
    except ValueError as problem:
        raise HostError(f"the seccomp profile cannot be used: {problem}", subject="seccomp") from problem
    except KeyError as problem:
        hint = "run without a filter: security_opt: [seccomp=unconfined]"
        text = f"there is no table of system calls for {uname.machine}"
        raise Unsupported(text, subject="seccomp", hint=hint) from problem


def check(profile: str) -> None:
    """ValueError says what is wrong with a profile, for whatever container."""
    compile_filter(read_profile(profile, Machine("x86_64", (0, 0), frozenset())), "x86_64")


def _version(release: str) -> tuple[int, int]:
    major, minor = ("".join(filter(str.isdigit, part)) or "0" for part in release.split(".")[:2])
    return int(major), int(minor)
