"""A target for each parser: seeds, its words, and what must hold of any text whatever.

What holds is the same everywhere: no exception but the parser's own, an answer in bounded time, and, where there is a
way back, what was read and written again reads the same.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ruamel.yaml import YAML

from stackup.diagnostics import Diagnostics
from stackup.engines.desire import Wish, desire
from stackup.engines.memory.host import MemoryHost
from stackup.errors import UsageError
from stackup.stackfile import shortforms
from stackup.stackfile.document import plain
from stackup.stackfile.dotenv import parse_env, parse_raw
from stackup.stackfile.emit import to_yaml
from stackup.stackfile.interpolate import MAX_LENGTH, Evaluation, Malformed, Missing
from stackup.stackfile.parse import MAX_NODES, parse
from stackup.stackfile.render import render, yaml_text
from stackup.values import format_duration, format_size, parse_duration, parse_size
from tests.fuzz import mutate
from tests.stackfile.tree import CASES, HOME, loaded

LARGEST = 2**63 - 1
"""What Go, JSON's readers and the kernel can hold."""


@dataclass(frozen=True, slots=True)
class Target:
    """`make` is another case of a Random; `check` raises when something does not hold of it."""

    make: Callable[[Random], Any]
    check: Callable[[Any], None]


def texts(check: Callable[[str], None], seeds: Sequence[str], words: str) -> Target:
    """`words` are the parser's tokens, blanks between them."""
    tokens = [*words.split(" "), " ", "\n", *seeds]
    return Target(lambda random: mutate.text(random, seeds, tokens), check)


def nodes(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(nodes, value.values()))
    return 1 + sum(map(nodes, value)) if isinstance(value, list) else 1


def yaml(text: str) -> None:
    problems = Diagnostics()
    for document in parse(text.encode("utf-8", "surrogatepass"), "f", problems):
        data = plain(document.root)
        assert nodes(data) <= MAX_NODES
        if problems.failed:
            continue
        again = Diagnostics()
        found = parse(to_yaml(data).encode("utf-8", "surrogatepass"), "g", again)
        assert not again.items, again.items
        assert same(plain(found[0].root) if found else {}, data or {})


def same(one: Any, other: Any) -> bool:
    """Equal, with a number that is none equal to itself."""
    return one == other or json.dumps(one) == json.dumps(other)


def interpolation(text: str) -> None:
    variables = {"A": "a", "EMPTY": "", "LONG": "x" * 10_000, "TRAP": "${A}$$"}
    try:
        found = Evaluation(variables.get, lambda variable: None).text(text)
    except (Malformed, Missing):
        found = ""
    assert len(found) <= max(MAX_LENGTH, len(text))
    assert Evaluation(variables.get, lambda variable: None).text(text.replace("$", "$$")) == text


def dotenv(text: str) -> None:
    problems = Diagnostics()
    found = parse_env(text, "f", {"HOME": "/root"}.get, problems)
    parse_raw(text, "f", {"HOME": "/root"}.get, Diagnostics())
    written = "".join(f"{name}={_quoted(binding.value)}\n" for name, binding in found.items())
    again = Diagnostics()
    values = {name: binding.value for name, binding in parse_env(written, "g", {}.get, again).items()}
    assert not again.items, again.items
    assert values == {name: binding.value for name, binding in found.items()}


def _quoted(value: str) -> str:
    for plain_text, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\r", "\\r")):
        value = value.replace(plain_text, escaped)
    return f'"{value}"'


def ports(text: str) -> None:
    for port in _read(shortforms.ports, text) or ():
        host = f"[{port['host_ip']}]:" if "host_ip" in port else ""
        outside = f"{port['published']}:" if "published" in port else ":" if host else ""
        assert shortforms.ports(f"{host}{outside}{port['target']}/{port['protocol']}") == [port]
        assert 1 <= int(str(port["target"])) <= 65535


def volumes(text: str) -> None:
    read = _read(shortforms.mount, text)
    if read is None:
        return
    fields, _ = read
    options = ["ro"] * ("read_only" in fields)
    details = fields[str(fields["type"])]
    assert isinstance(details, dict)
    options += ["nocopy"] * ("nocopy" in details)
    options += [str(details[key]) for key in ("propagation", "selinux") if key in details]
    options += [str(fields[key]) for key in ("consistency",) if key in fields]
    pieces = [str(fields[key]) for key in ("source", "target") if key in fields]
    if len(pieces) == 2:  # options need a source before them
        assert shortforms.mount(":".join([*pieces, *([",".join(options)] if options else [])])) == (fields, [])


def durations(text: str) -> None:
    found = _read(parse_duration, text)
    if found is not None:
        assert 0 <= found <= LARGEST
        assert parse_duration(format_duration(found)) == found


def sizes(text: str) -> None:
    found = _read(parse_size, text)
    if found is not None:
        assert 0 <= found <= LARGEST
        assert parse_size(format_size(found)) == found


def hosts(text: str) -> None:
    found = _read(shortforms.host, text)
    if found is not None and "=" not in found[0] and not found[1].startswith("["):
        assert shortforms.host(f"{found[0]}=[{found[1]}]") == found


def devices(text: str) -> None:
    found = _read(shortforms.device, text)
    if found is not None and "=" not in text:
        assert shortforms.device(":".join(str(value) for value in found.values())) == found


def words(text: str) -> None:
    found = _read(shortforms.words, text)
    if found is not None:
        assert shortforms.words(shlex.join(found)) == found


def _read(parser: Callable[[str], Any], text: str) -> Any:
    """What the parser makes of it; None after the one exception that it may raise, in words for people."""
    try:
        return parser(text)
    except ValueError as problem:
        words = str(problem)
    assert "digits" not in words, f"Python's words: {words}"
    assert "invalid literal" not in words, f"Python's words: {words}"
    return None


def stack(text: str) -> None:
    """The whole way: any file ends in diagnostics or in a stack, whose print is the same stack, and that is wished."""
    text = text.encode("utf-8", "replace").decode()
    held = {"compose.yaml": text, "base.yaml": "services: {b: {image: i}}", "e.env": "A=1\n", ".env": "TAG=2\n"}
    try:
        done = loaded(held, {"HOME": "/root"})
    except UsageError:
        return
    if done.stack is None:
        assert any(item.severity.value == "error" for item in done.diagnostics)
        return
    json.dumps(render(done.stack))
    again = loaded(yaml_text(done.stack), directory=HOME)
    if done.disabled and all(item.code == "SU031" for item in again.diagnostics if item.severity.value == "error"):
        return  # a soft need of what is switched off is printed, as docker compose does
    assert again.stack is not None, [str(item.span) + item.summary + item.detail for item in again.diagnostics]
    assert same(_undoubled(render(again.stack)), _undoubled(render(done.stack)))
    desire(done.stack, dict(done.origins), MemoryHost().facts(), Wish())


def _undoubled(data: Any) -> Any:
    """Keys are printed with their dollars doubled, as docker compose does, and never interpolated when they are read."""
    if isinstance(data, dict):
        return {re.sub(r"\$+", "$", key): _undoubled(value) for key, value in data.items()}
    return [_undoubled(value) for value in data] if isinstance(data, list) else data


def _tree(random: Random) -> str:
    data = json.loads(random.choice(STACKS))
    for _ in range(random.choice((1, 1, 2, 4))):
        data = mutate.tree(random, data)
    return to_yaml(data if isinstance(data, dict) else {"services": data})


def _case_files() -> list[str]:
    """Every stack file among the cases, and every file that a case holds."""
    whole = (*CASES.glob("oracle/*.yaml"), *CASES.glob("stacks/*/*.y*ml"))
    found = [path.read_text() for path in sorted(whole)]
    for path in sorted(CASES.glob("*/*.yaml")):
        case = YAML(typ="safe").load(path.read_text()) if path.parent.name != "oracle" else {}
        files = case.get("files") if isinstance(case, dict) else None
        pairs = files.items() if isinstance(files, dict) else ()
        found += [body for name, body in pairs if isinstance(body, str) and Path(name).suffix != ".env"]
    return found


def _readable(bodies: list[str]) -> list[str]:
    """As JSON, those that are one mapping and nothing but data."""
    found = []
    for body in bodies:
        documents = parse(body.encode(), "f", Diagnostics())
        if len(documents) == 1 and _finite(data := plain(documents[0].root)):
            found.append(json.dumps(data))
    return found


def _finite(data: Any) -> bool:
    if isinstance(data, dict):
        return all(map(_finite, data.values()))
    if isinstance(data, list):
        return all(map(_finite, data))
    return not isinstance(data, float) or math.isfinite(data)


FILES = _case_files()
STACKS = _readable(FILES)
YAML_WORDS = (
    "services: image: [ ] { } - -- --- ... : ? & * &a *a << <<: ! !! !reset !override !!int !!python/object:os | > |+ >- "
    '"\\ud800" "\\0" "\\e[" # , @ ` % ~ null 0o7 022 .inf 22:22 [[ {{'
)

TARGETS = {
    "yaml": texts(yaml, FILES, YAML_WORDS),
    "interpolation": texts(
        interpolation,
        ["${A}", "$A-$B", "${A:-${B:-c}}", "${EMPTY:?no}", "${A+b}", "$$A", "${LONG}${TRAP}"],
        "$ ${ } A EMPTY LONG :- - :? ? :+ + $$ ${A ${A:-",
    ),
    "dotenv": texts(
        dotenv,
        ["A=1\nB=$A\n", "export A='x y'\n", 'A="a\\nb${HOME}" # c\n', "A: b\nHOME\n#x\n", "A='1\n2'\n", "A=\r\nB=2 #c"],
        "= : export # ' \" \\ \\n \\0 $ ${ ${A:- } A HOME $A [ ] .",
    ),
    "ports": texts(
        ports,
        ["80", "8080:80", "127.0.0.1:8080:80/udp", "[::1]:1-3:4-6", "1-9:80", "127.0.0.1::80", "::1:80:80"],
        ": - / tcp udp sctp [ ] :: 0 1 80 65535 65536 127.0.0.1",
    ),
    "volumes": texts(
        volumes,
        ["data:/data", "./a:/b:ro", "/x", "C:\\a:/b:rw", "~/a:/b:z,cached", "a:/b:nocopy", "/a:/b:rshared,ro"],
        ": / . .. ~ \\ C:\\ , ro rw z Z nocopy cached rshared //",
    ),
    "durations": texts(
        durations, ["1m30s", "500ms", "0", "1.5h", "1us2ns", "3d", "1w"], "1 . h m s ms us µs ns d w 0 00"
    ),
    "sizes": texts(sizes, ["512m", "1.5GB", "1024", "64 kib", "0"], "1 . k m g t p b B i 0 00"),
    "hosts": texts(
        hosts, ["a=1.2.3.4", "a:1.2.3.4", "a=[::1]", "a:::1", "a:[::1]"], "= : [ ] :: a 1.2.3.4 host-gateway"
    ),
    "devices": texts(
        devices, ["/dev/a", "/dev/a:/dev/b", "/dev/a:/dev/b:rw", "vendor.com/c=x"], ": / = r w m rwm /dev/x"
    ),
    "words": texts(
        words, ["sh -c 'a b'", 'echo "a $b" c\\ d', "a\\\nb", "''", '"a\\"b"'], "' \" \\ $ ` a # ; | & \\\n '' \"\""
    ),
    "stack-text": texts(stack, FILES, YAML_WORDS),
    "stack-tree": Target(_tree, stack),
}
