"""One tool on a host of its own: a process in network, mount and pid namespaces that nobody else shares, told by lines
on standard input what to measure next, answering with JSON lines. When it ends, the kernel ends what it left running.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import network, stacks, tools
from bench.processes import pss_kib

REPEATS = 3
Sample = tuple[str, str, float]
"""What, unit, value."""


class Worker:
    """The parent's end."""

    def __init__(self, name: str, command: tuple[str, ...], folder: Path, image: Path) -> None:
        self.name = name
        unshared = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        program = (sys.executable, "-m", "bench.worker", name, str(folder), str(image), *command)
        self._process = subprocess.Popen(
            [*unshared, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.version = str(self._answer())

    def ask(self, *words: object) -> list[Sample]:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        assert isinstance(answer, list)
        return [(what, unit, value) for what, unit, value in answer]

    def _answer(self) -> object:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"{self.name} gave up")
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=120)


def cycle(tool: tools.Tool, file: Path, size: int) -> Iterator[Sample]:
    """Cold up, the small verbs, the weight, down."""
    yield f"`up -d` cold, {size}", "s", tool.run(file, "up", "-d")
    for _ in range(REPEATS):
        yield f"`up -d` again, {size}", "s", tool.run(file, "up", "-d")
        yield f"`ps`, {size}", "s", tool.run(file, "ps")
        yield f"`exec -T s0 true`, {size}", "s", tool.run(file, "exec", "-T", "s0", "true")
        yield f"`config`, {size}", "s", tool.run(file, "config")
    yield f"memory of the engine, {size}", "MiB", pss_kib(tool.owns) / 1024
    yield f"`down -v`, {size}", "s", tool.run(file, "down", "-v")


def web(tool: tools.Tool, file: Path, client: str, throughput: bool) -> Iterator[Sample]:
    yield "`up` to first answer", "s", first_answer(tool, file)
    if throughput:
        yield "container to container", "Gbit/s", network.between_containers()
        yield "published port", "Gbit/s", network.published(client)
        yield "bare veth", "Gbit/s", network.bare(client)
    tool.run(file, "down", "-v")


def first_answer(tool: tools.Tool, file: Path) -> float:
    """Seconds from the start of `up -d` to the first page through the published port."""
    begin = time.perf_counter()
    command = [*tool.command, "-f", str(file), "up", "-d"]
    environment = {**os.environ, **tool.environment}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return _await_page(begin)
    finally:
        running.wait(timeout=60)


def _await_page(begin: float) -> float:
    while time.perf_counter() < begin + 60:
        try:
            with urllib.request.urlopen(f"http://{network.HOST_ADDRESS}:{stacks.WEB_PORT}/", timeout=2) as answer:
                if answer.status == 200:
                    return time.perf_counter() - begin
        except OSError:
            time.sleep(0.002)
    raise SystemExit("error: no answer within a minute")


@contextmanager
def host() -> Iterator[str]:
    """This process's namespaces made habitable; gives a client's network namespace beside it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with network.client_namespace() as client:
        yield client


def main(name: str, folder: Path, image: Path, *command: str) -> None:
    with host() as client, tools.OPEN[name](folder, image, command) as tool:
        print(json.dumps(tool.version), flush=True)
        for line in sys.stdin:
            verb, value = line.split()
            if verb == "cycle":
                file = stacks.write_stack(folder / value, stacks.generated(int(value), tool.image))
                samples = list(cycle(tool, file, int(value)))
            else:
                file = stacks.write_stack(folder / "web", stacks.web(tool.image))
                samples = list(web(tool, file, client, throughput=value == "yes"))
            print(json.dumps(samples), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
