"""Profiles that people have: the JSON of Docker and of the OCI runtimes, as rules. Pure.

Law: what is not understood is an error, since a filter that is half read protects half. Calls that this build has no
number for are passed over, as every runtime does: one file serves many kernels. `includes` and `excludes` are decided
here, by the container's capabilities, the machine, and the kernel.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from stackup.kernel import syscalls
from stackup.runtime.seccomp.rules import ALLOW, ENOSYS, EPERM, ERRNO, KILL_PROCESS, LARGEST, Check, Profile, Rule

_TRACE, _LOG = 0x7FF00000, 0x7FFC0000
_ACTIONS = {
    "ALLOW": ALLOW, "ERRNO": ERRNO, "KILL": 0, "KILL_THREAD": 0, "KILL_PROCESS": KILL_PROCESS, "TRAP": 0x00030000,
    "TRACE": _TRACE, "LOG": _LOG,
}  # fmt: skip
_WITH_DATA = ("ERRNO", "TRACE")
_OPERATORS = {"NE": "!=", "LT": "<", "LE": "<=", "EQ": "==", "GE": ">=", "GT": ">"}
_NAMES = {
    "X86_64": "x86_64", "X86": "x86", "X32": "x32", "AARCH64": "aarch64", "ARM": "arm", "RISCV64": "riscv64",
}  # fmt: skip
_GO_NAMES = {"amd64": "x86_64", "x86": "x86", "x32": "x32", "arm64": "aarch64", "arm": "arm", "riscv64": "riscv64"}
"""How conditions spell architectures."""
_KEYS = {"defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "syscalls", "flags"}
_RULE_KEYS = {"names", "name", "action", "errnoRet", "errno", "args", "includes", "excludes", "comment"}
_CONDITIONS = {"caps", "arches", "minKernel"}
_MOST_ARGUMENTS = 6
_FLAGS = ("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC")
"""About logging, speed and threads: none changes what may be called."""


class Machine(NamedTuple):
    """What conditions are about."""

    name: str
    kernel: tuple[int, int]
    capabilities: frozenset[str]


def read_profile(text: str, machine: Machine) -> Profile:
    """ValueError says what is wrong with it."""
    said = _mapping(_parse(text), "the profile", _KEYS)
    default = _answer(said.get("defaultAction"), said.get("defaultErrnoRet"))
    for flag in _list(said.get("flags"), "flags"):
        if flag not in _FLAGS:
            raise ValueError(f'the flag "{flag}" is not known')
    rules = (rule for item in _list(said.get("syscalls"), "syscalls") for rule in _rules(item, machine))
    lenient = default in (ALLOW, _LOG, ERRNO | ENOSYS) or default & 0xFFFF0000 == _TRACE
    kept = tuple(rule for rule in rules if rule.answer != default)
    return Profile(kept, default, _architectures(said, machine.name), None if lenient else ERRNO | ENOSYS)


def _parse(text: str) -> Any:
    if len(text) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST >> 10} KiB")
    try:
        return json.loads(text)
    except RecursionError as problem:
        raise ValueError("it is nested too deeply") from problem


def _mapping(value: Any, what: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a JSON object")
    for key in value:
        if key not in known:
            raise ValueError(f'{what} has a key "{key}" that is not known')
    return value


def _list(value: Any, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f'"{what}" is not a list')
    return value


def _number(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
        raise ValueError(f'"{what}" is not a number of 64 bits')
    return value


def _answer(action: Any, data: Any) -> int:
    name = str(action).removeprefix("SCMP_ACT_")
    if name not in _ACTIONS or name == action:
        raise ValueError(f'the action "{action}" is not one that can be taken here')
    if name not in _WITH_DATA:
        return _ACTIONS[name]
    code = EPERM if data is None else _number(data, "errnoRet")
    if code > 0xFFFF:
        raise ValueError(f'"errnoRet" is {code}, and error numbers have 16 bits')
    return _ACTIONS[name] | code


def _architectures(said: Mapping[str, Any], machine: str) -> frozenset[str]:
    """Either a list, or a table from a machine's own to what it runs besides."""
    own = syscalls.NATIVE.get(machine, (machine,))[0]
    listed = [_architecture(text) for text in _list(said.get("architectures"), "architectures")]
    for item in _list(said.get("archMap"), "archMap"):
        entry = _mapping(item, "an entry of archMap", {"architecture", "subArchitectures"})
        if _architecture(entry.get("architecture")) == own:
            listed += [_architecture(text) for text in _list(entry.get("subArchitectures"), "subArchitectures")]
    return frozenset(listed)


def _architecture(text: Any) -> str:
    """Those of other machines mean nothing here."""
    return _NAMES.get(str(text).removeprefix("SCMP_ARCH_"), "")


def _rules(item: Any, machine: Machine) -> Iterator[Rule]:
    said = _mapping(item, "a rule", _RULE_KEYS)
    if not _applies(said, machine):
        return
    names = tuple(str(name) for name in (_list(said.get("names"), "names") or [said.get("name")]) if name)
    if not names:
        raise ValueError("a rule names no system call")
    answer = _answer(said.get("action"), said.get("errnoRet"))
    checks = [_check(check) for check in _list(said.get("args"), "args")]
    if len({check.argument for check in checks}) < len(checks):  # one argument cannot be two things: either will do
        yield from (Rule(names, answer, (check,)) for check in checks)
    else:
        yield Rule(names, answer, tuple(checks))


def _check(item: Any) -> Check:
    said = _mapping(item, "an argument", {"index", "value", "valueTwo", "op"})
    index, value = _number(said.get("index"), "index"), _number(said.get("value", 0), "value")
    if index >= _MOST_ARGUMENTS:
        raise ValueError(f"there is no argument {index}")
    op = str(said.get("op")).removeprefix("SCMP_CMP_")
    if op == "MASKED_EQ":
        return Check(index, "==", _number(said.get("valueTwo", 0), "valueTwo"), value)
    if op not in _OPERATORS:
        raise ValueError(f'the comparison "{said.get("op")}" is not known')
    return Check(index, _OPERATORS[op], value)


def _applies(said: Mapping[str, Any], machine: Machine) -> bool:
    """Included when everything that is asked for is there, excluded by any single thing."""
    wanted, unwanted = (_mapping(said.get(key) or {}, key, _CONDITIONS) for key in ("includes", "excludes"))
    return _holds(wanted, machine, all) and not _holds(unwanted, machine, any)


def _holds(said: Mapping[str, Any], machine: Machine, enough: Callable[[Iterable[bool]], bool]) -> bool:
    held = [str(name).removeprefix("CAP_") in machine.capabilities for name in _list(said.get("caps"), "caps")]
    arches = [_GO_NAMES.get(str(name), "") for name in _list(said.get("arches"), "arches")]
    found = [enough(held)] if held else []
    found += [machine.name in arches] if arches else []
    found += [machine.kernel >= _version(said["minKernel"])] if said.get("minKernel") else []
    return enough(found)


def _version(text: Any) -> tuple[int, int]:
    major, _, minor = str(text).partition(".")
    if not (major.isdigit() and minor.isdigit() and len(major + minor) < 9):
        raise ValueError(f'"{text}" is not a version of the kernel')
    return int(major), int(minor)
