"""Secrets and configs must reach the program as files of the asked owner and mode, and nobody else at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow, pytest.mark.deadline(120)]
MARK = "hunter2"
"""In every secret's bytes, so that one search finds them all."""
SECRET_NAMES, CONFIGS = ("dotted", "file", "kept", "variable"), ("file", "inline", "kept")
LOOK = (
    "cd /run/secrets; for f in file variable dotted kept /inline /etc/app.conf /kept.conf; do "
    'echo "$(stat -c "%u:%g %a" $f) $(md5sum < $f | head -c 6)"; done'
)
SECRETS = """
secrets:
  file: {file: word.txt}
  variable: {environment: WORD}
  dotted: {environment: DOTTED}
  kept: {external: true, name: real-kept}
"""
STACK = """
name: quiet
services:
  web:
    image: host
    command: [sh, -c, "trap 'exit 0' TERM; sleep 600 & wait"]
    secrets:
      - file
      - {source: variable, uid: "33", gid: "34", mode: 0440}
      - {source: dotted, target: dotted}
      - {source: kept, target: /run/secrets/kept, mode: 0400}
    configs:
      - inline
      - {source: file, target: /etc/app.conf, uid: "7", mode: 0600}
      - {source: kept, target: /kept.conf}
{SECRETS}
configs:
  inline: {content: "word=${DOTTED}"}
  file: {file: ./word.txt}
  kept: {external: true}
""".replace("{SECRETS}", SECRETS)


class Quiet:
    """The stack, and everything that was printed about it so far."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.folder = machine.folder / "quiet"
        self.folder.mkdir()
        (self.folder / "compose.yaml").write_text(STACK)
        self.said = ""
        self.words(1)

    def words(self, version: int) -> None:
        (self.folder / "word.txt").write_text(f"{MARK}-file-{version}")
        (self.folder / ".env").write_text(f"DOTTED={MARK}-dotted-{version}\n")
        self.machine.environment["WORD"] = f"{MARK}-variable-{version}"
        for kind in ("secret", "config"):
            name = "real-kept" if kind == "secret" else "kept"
            given = f"{MARK}-kept-{version}"
            self.said += self.machine.typed(kind, "create", "--replace", name, given=given, cwd=self.folder).stdout

    def typed(self, *words: str, code: int = 0) -> str:
        """Both of its streams."""
        done = self.machine.typed(*words, cwd=self.folder, code=code)
        self.said += done.stdout + done.stderr
        return done.stdout + done.stderr

    def inside(self, program: str) -> str:
        return self.machine.stackup("exec", "-T", "web", "sh", "-c", program, cwd=self.folder)

    def found(self) -> list[str]:
        """Where the bytes can be read: files of both roots, and what the kernel tells of every process."""
        roots = [Path(self.machine.state), Path(self.machine.run)]
        files = [path for root in roots for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
        files += [Path(f"/proc/{pid}/{name}") for pid in processes() for name in ("cmdline", "environ", "mountinfo")]
        return sorted(str(path) for path in files if MARK.encode() in content(path))


def processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid())


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def allowed(machine: Machine) -> list[str]:
    """What a container that is started again is given: the live half of each, in memory on a usual machine."""
    live = Path(machine.run, "stacks/quiet")
    names = {"secret": SECRET_NAMES, "config": CONFIGS}
    return sorted(str(live / kind / name / "content") for kind, group in names.items() for name in group)


def test_a_secret_is_a_file_of_its_owner_and_in_nothing_else(machine: Machine) -> None:
    quiet = Quiet(machine)
    before = machine.inventory()
    quiet.typed("plan")
    quiet.typed("plan", "--json")
    quiet.typed("plan", "-o", "kept.plan")
    for words in (("config",), ("config", "--environment"), ("config", "--format", "json"), ("vars",)):
        machine.stackup(*words, cwd=quiet.folder)  # whose business it is to show them
    quiet.typed("--progress", "json", "up", "-d")
    quiet.typed("up", "-d")
    for words in (
        ("ps",),
        ("ps", "--json"),
        ("logs",),
        ("why", "web"),
        ("config", "--portable"),
        ("secret", "inspect", "real-kept"),
    ):
        quiet.typed(*words)
    owners = ["0:0 444", "33:34 440", "0:0 444", "0:0 400", "0:0 444", "7:0 600", "0:0 444"]
    assert [line.rpartition(" ")[0] for line in quiet.inside(LOOK).splitlines()] == owners
    assert quiet.inside("cat /run/secrets/variable /kept.conf /inline") == (
        f"{MARK}-variable-1{MARK}-kept-1word={MARK}-dotted-1"
    )
    assert {line.split()[-3] for line in mounts(quiet)} == {"tmpfs"}
    assert MARK not in quiet.inside("cat /proc/1/environ /proc/1/cmdline; env")
    assert MARK.encode() not in (quiet.folder / "kept.plan").read_bytes()
    assert quiet.found() == allowed(machine)
    assert all(os.path.ismount(f"{machine.run}/stacks/quiet/{kind}") for kind in ("secret", "config"))
    quiet.typed("down", "-v", "-t", "0")
    assert quiet.found() == []
    assert MARK not in quiet.said
    (quiet.folder / "kept.plan").unlink()
    machine.must_be_as(before)


def mounts(quiet: Quiet) -> list[str]:
    """The lines of mountinfo about secrets and configs, which must all be read-only."""
    targets = ("/run/secrets/", "/inline", "/etc/app.conf", "/kept.conf")
    told = quiet.inside("cat /proc/self/mountinfo").splitlines()
    found = [line for line in told if line.split()[4].startswith(targets)]
    assert len(found) == 7
    assert all(line.split()[5].startswith("ro,") for line in found)
    return found


def test_other_bytes_are_a_change_that_is_shown_without_them(machine: Machine) -> None:
    quiet = Quiet(machine)
    quiet.typed("up", "-d")
    assert "Nothing to do" in quiet.typed("plan")
    quiet.words(2)
    lines = quiet.typed("plan").splitlines()
    changed = [line.split()[1:6] for line in lines if " bytes " in line]
    assert [(kind, name, *words) for kind, name, *words, _ in changed] == [
        (*pair, "bytes", "changed")
        for pair in [*(("config", name) for name in CONFIGS), *(("secret", name) for name in SECRET_NAMES)]
    ]
    assert all(place.startswith("compose.yaml:") for *_, place in changed)
    quiet.typed("up", "-d")
    assert quiet.inside("cat /run/secrets/* /inline /etc/app.conf /kept.conf").count("-2") == 7
    assert "Nothing to do" in quiet.typed("plan")
    assert "Nothing to do" in quiet.typed("up", "-d")
    assert quiet.found() == allowed(machine)
    assert MARK not in quiet.said


def test_what_goes_wrong_is_said_without_the_bytes(machine: Machine) -> None:
    quiet = Quiet(machine)
    file = quiet.folder / "compose.yaml"
    file.write_text(STACK.replace("target: /kept.conf", "target: /proc/kept.conf"))
    assert 'mount "/proc/kept.conf"' in quiet.typed("up", "-d", code=1)
    file.write_text(STACK)
    told = quiet.typed("secret", "rm", "real-kept", code=1)
    assert "secret real-kept is in use by quiet" in told
    quiet.typed("down", "-v", "-t", "0")
    machine.stackup("secret", "rm", "real-kept", cwd=quiet.folder)
    (quiet.folder / "word.txt").unlink()
    del machine.environment["WORD"]
    told = quiet.typed("up", "-d", code=1)
    assert told.count("error[SU102]") == 4, told
    assert 'secret "kept": there is no secret "real-kept" on this host' in told
    assert 'secret "variable": the variable "WORD" is not set' in told
    assert quiet.found() == []
    assert MARK not in quiet.said


def test_who_starts_again_needs_none_of_the_sources(machine: Machine) -> None:
    """They were there when it was made, and it is the same container."""
    quiet = Quiet(machine)
    quiet.typed("up", "-d")
    del machine.environment["WORD"]
    (quiet.folder / "word.txt").unlink()
    for words in (("stop", "-t", "0"), ("start",), ("restart", "-t", "0")):
        quiet.typed(*words)
    assert quiet.inside("cat /run/secrets/variable /run/secrets/file") == f"{MARK}-variable-1{MARK}-file-1"
    assert MARK not in quiet.said


def test_a_killed_command_leaves_nothing_that_down_does_not_find(machine: Machine) -> None:
    quiet = Quiet(machine)
    before = machine.inventory()
    event = 1
    while machine.killed_at(event, "up", "-d", cwd=quiet.folder):
        quiet.typed("down", "-v", "-t", "0")
        machine.must_be_as(before)
        assert quiet.found() == []
        event += 3
    quiet.typed("up", "-d")
    event = 1
    while machine.killed_at(event, "down", "-t", "0", cwd=quiet.folder):
        event += 3
    quiet.typed("down", "-v", "-t", "0")
    machine.must_be_as(before)


def test_a_key_that_others_can_read_is_named(machine: Machine) -> None:
    quiet = Quiet(machine)
    Path(machine.state, "key").chmod(0o644)
    told = quiet.typed("up", "-d", code=1)
    assert "others may read the key" in told
    assert "chmod 600" in told


BUILT = """
name: quiet
services:
  web:
    image: quiet-web
    build:
      context: .
      secrets: [file, variable, {source: dotted, target: other}, kept]
      dockerfile_inline: |
        FROM host
        RUN --mount=type=secret,id=file --mount=type=secret,id=variable --mount=type=secret,id=other \\
            --mount=type=secret,id=kept cat /run/secrets/* | tr 'a-z' 'A-Z' > /seen; ls /run/secrets > /names
    command: [sleep, "600"]
"""


def test_a_build_is_given_the_same_secrets_and_keeps_none(machine: Machine) -> None:
    quiet = Quiet(machine)
    (quiet.folder / "compose.yaml").write_text(BUILT + SECRETS)
    quiet.typed("build")
    quiet.typed("up", "-d", "--build")
    shout = MARK.upper()
    assert quiet.inside("cat /seen") == f"{shout}-FILE-1{shout}-KEPT-1{shout}-DOTTED-1{shout}-VARIABLE-1"
    assert quiet.inside("ls /run/secrets || true") == ""
    assert quiet.found() == []
    assert MARK not in quiet.said
    quiet.typed("down", "-v", "-t", "0")
