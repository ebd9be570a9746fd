"""T50, T53: the tool is killed, or refused something, at every single call of every verb; the next command mends it.

A program: `python -m tests.scenarios.faults.matrix [kill|ENOSPC|EROFS|EMFILE|... [EVERY [VERB...]]]`. EVERY is how many
calls lie between two faults, 1 unless given. A verb is begun, something happens at its n-th call that changes anything,
and then by turns `up` must make the stack whole or `down` must leave nothing of it; a volume keeps its bytes and a
bystander its life whatever happens.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.apart import run_apart
from tests.images import registries
from tests.images.faults import Fault
from tests.scenarios import test_pull
from tests.scenarios.faults.harm import Harm, Typist, killed
from tests.scenarios.inventory import difference
from tests.scenarios.machine import Machine, reap

STACK = """
name: fatal
services:
  db:
    image: host
    command: [sleep, "600"]
    init: true
    stop_grace_period: 1s
    volumes: [data:/data]
    secrets: [word]
  web: {image: host, command: [sleep, "600"], init: true, stop_grace_period: 1s, depends_on: [db], ports: ["8099:80"]}
  made:
    profiles: [images]
    build:
      context: .
      dockerfile_inline: |
        FROM host
        COPY word.txt /word
        RUN echo made > /made
  fetched: {image: "127.0.0.1:5000/team/box:1", profiles: [images]}
volumes: {data: {}}
secrets: {word: {file: word.txt}}
"""
KEPT = "what nobody may lose"
HISTORY = ("journal.jsonl", "stack.json", "volume/data/record")
"""Beside a volume that stays its record and the history of its stack stay, and say something else each time."""
PATIENCE_S = 5.0


class Site:
    """A stack in a folder, its volume with bytes in it, and a bystander that must live."""

    def __init__(self, machine: Machine) -> None:
        folder = machine.folder / "fatal"
        folder.mkdir()
        (folder / "stack.yaml").write_text(STACK)
        (folder / "word.txt").write_text("abracadabra")
        machine.environment |= {"HOME": str(folder), "STACKUP_CONFIG": str(folder / "config")}
        self.machine = machine
        self.type = Typist(machine, folder)
        self.data = Path(machine.state, "stacks/fatal/volume/data/data/kept")
        self.half_made = 0

    def begin(self) -> None:
        """What is there between two trials: the volume, and nothing else."""
        self.type.load("up -d", "plan --detailed-exitcode", "restart", "exec -T web true", "run --rm web true", "down")
        self.data.write_text(KEPT)
        self.bystander = os.fork()
        if not self.bystander:
            signal.pause()
        self.before = self.machine.inventory()

    def end(self) -> None:
        self.type.well("down -v")
        os.kill(self.bystander, signal.SIGKILL)
        os.waitpid(self.bystander, 0)

    def look(self) -> None:
        """Reading is possible whatever a killed writer left, and says what it found."""
        ended = self.type("plan --detailed-exitcode")
        assert ended.code in (0, 2), ended.told
        self.half_made += "half-made" in ended.out

    def made_whole(self) -> None:
        self.look()
        self.type.well("up -d")
        ended = self.type("plan --detailed-exitcode")
        assert ended.code == 0, ended.told
        assert self.type.well("ps --services --status running").split() == ["db", "web"]
        assert self.data.read_text() == KEPT

    def cleared(self) -> None:
        self.look()
        self.type.well("down")
        assert self.data.read_text() == KEPT
        self.nothing_left()

    def nothing_left(self) -> None:
        """A launcher or a monitor ends a moment after its command: bounded patience."""
        deadline = time.monotonic() + PATIENCE_S
        while (told := self._left()) and time.monotonic() < deadline:
            reap()
            time.sleep(0.02)
        assert not told, told

    def _left(self) -> list[str]:
        told = difference(self.before, self.machine.inventory()).splitlines()
        return [line for line in told if not any(name in line for name in HISTORY)]


@dataclass(frozen=True)
class Trial:
    """`ready` before, `line` is killed, then one of `mends` by turns, and `after` in the end."""

    line: str
    ready: Callable[[Site], object]
    mends: tuple[Callable[[Site], object], ...]
    after: Callable[[Site], object]


def _typed(*lines: str) -> Callable[[Site], object]:
    return lambda site: [site.type.well(line) for line in lines]


def _nothing(_: Site) -> None:
    return None


def _stands(site: Site) -> None:
    """Also after `down -v`, which takes the bytes along: they are put back."""
    site.type.well("up -d")
    if site.data.parent.is_dir():
        site.data.write_text(KEPT)


def _gone(site: Site) -> None:
    """`down -v`, begun again: nothing, not even the volume; then it is made anew."""
    site.look()
    site.type.well("down -v")
    site.type.well("create")
    site.type.well("down")
    site.data.write_text(KEPT)
    site.nothing_left()


def _up_again(site: Site) -> None:
    """`down -v` was killed, and `up` wanted it otherwise: the volume is the old one or a new one, never half of one."""
    site.look()
    site.type.well("up -d")
    assert site.type("plan --detailed-exitcode").code == 0
    _gone(site)


def _image(*lines: str) -> Callable[[Site], object]:
    """Whoever writes next sweeps: after a pull that found all of it here, that is `prune`."""

    def mend(site: Site) -> None:
        for line in (*lines, "image prune -f"):
            site.type.well(line)
        assert site.type.well("image fsck --deep") == "the image store is sound\n"
        assert "team/box" in site.type.well("image ls") or "fatal-made" in site.type.well("image ls")

    return mend


_DOWN = Site.cleared
_WHOLE = (Site.made_whole, Site.cleared)
TRIALS = {
    "up": Trial("up -d", _nothing, _WHOLE, _DOWN),
    "down": Trial("down", _stands, _WHOLE, _DOWN),
    "down -v": Trial("down -v", _stands, (_gone, _up_again), _nothing),
    "restart": Trial("restart -t 1", _stands, _WHOLE, _nothing),
    "exec": Trial("exec -T web true", _stands, _WHOLE, _nothing),
    "run": Trial("run --rm web true", _stands, _WHOLE, _DOWN),
    "run -d": Trial("run -d web sleep 600", _stands, _WHOLE, _DOWN),
    "pull": Trial("pull fetched", _nothing, (_image("pull fetched"),), _typed("image prune -a -f")),
    "build": Trial("build made", _nothing, (_image("build made"),), _typed("image prune -a -f")),
}


def enumerate_faults(site: Site, name: str, every: int, first: int = 1, word: str = "kill") -> int:
    """Kills the verb before call `first`, `first + every`, ... or has that call refused, until it makes fewer calls;
    how often something went wrong.
    """
    trial, at, count = TRIALS[name], first, 0
    while True:
        trial.ready(site)
        ended = _harmed(site, trial.line, at, word)
        try:
            trial.mends[count % len(trial.mends)](site)
        except BaseException as problem:
            raise AssertionError(f"after `{trial.line}` met {word} at its call {at}: {problem}") from problem
        trial.after(site)
        if not ended:
            return count
        count, at = count + 1, at + every


def _harmed(site: Site, line: str, at: int, word: str) -> bool:
    """Whether it went so far as to be harmed. A refusal is said, in words, or it was about something that matters not."""
    if word == "kill":
        ended = site.type(line, harm=Harm(at, killed))
        assert ended.code in (0, -signal.SIGKILL), ended.told
        return ended.code != 0
    number, harmed = getattr(errno, word), os.memfd_create("harmed")

    def harm() -> None:
        os.write(harmed, b"x")
        raise OSError(number, os.strerror(number))

    ended = site.type(line, harm=Fault(at, harm))
    assert ended.code in (0, 1), (at, ended.told)
    assert "Traceback" not in ended.err, (at, ended.told)
    assert ended.code == 0 or "error: " in ended.err, (at, ended.told)
    size = os.fstat(harmed).st_size
    os.close(harmed)
    return bool(size)


@contextmanager
def site(names: Collection[str] = ()) -> Iterator[Site]:
    """In memory, since a real disk's syncs would be most of the time; with a registry for what is `fetched`."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", ignore_cleanup_errors=True) as folder:
        machine = Machine(Path(folder))
        if "pull" in names:
            registries.serve(machine.folder / "registry", 5000)
            test_pull.put(machine.folder, "first")
        made = Site(machine)
        made.begin()
        yield made
        made.end()


def main(word: str, every: int, names: list[str]) -> str:
    """In a host of its own; the failure's text, empty when all went well."""

    def body() -> None:
        with site(names) as made:
            for name in names:
                begun = time.monotonic()
                count = enumerate_faults(made, name, every, word=word)
                os.write(1, f"{name}: {count} times {word}, {time.monotonic() - begun:.0f} s\n".encode())

    return run_apart(body, deadline_s=7200.0, cgroups=True)


if __name__ == "__main__":
    words = [*sys.argv[1:3], *("kill", "1")[len(sys.argv[1:3]) :]]
    told = main(words[0], int(words[1]), sys.argv[3:] or list(TRIALS))
    sys.exit(told or 0)
