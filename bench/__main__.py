"""`python -m bench`: generates stacks, runs them with stackup and with each peer that is installed, prints ratios.

Each tool runs on a host of its own (see `worker`). They take turns, so that whatever else the machine does meets all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from bench import stacks, tools
from bench.report import Results
from bench.worker import Worker

ONE_RUN_ABOVE = 50
"""Some peers take minutes for the largest stacks."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sizes", default="1,5,20,50,200", help="numbers of services")
    parser.add_argument("--runs", type=int, default=3, help=f"turns of each; one above {ONE_RUN_ABOVE} services")
    parser.add_argument("--only", default="", help="names of tools, with commas")
    parser.add_argument("--folder", default="/var/tmp", help="where state and stacks go; a disk, not a tmpfs")
    parser.add_argument("--json", default=None, metavar="FILE")
    parser.add_argument("--no-network", action="store_true", help="no throughput")
    parser.add_argument("--stackup", default=None, metavar="PROGRAM")
    parser.add_argument("--compose", default=None, metavar="PROGRAM", help="docker compose 2")
    parser.add_argument("--podman-compose", default=None, metavar="PROGRAM")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Names of tools that are here, with their commands."""
    found = {
        "stackup": tools.stackup_command(options.stackup),
        "compose-v2": tools.compose_command(options.compose),
        "podman-compose": tools.podman_compose_command(options.podman_compose),
    }
    only = set(filter(None, options.only.split(","))) or set(found)
    return {name: command for name, command in found.items() if command and name in only}


def measure(options: argparse.Namespace, workers: list[Worker], results: Results) -> None:
    rounds = [("cycle", size) for size in options.sizes.split(",")] + [("web", "no" if options.no_network else "yes")]
    for verb, value in rounds:
        runs = 1 if verb == "cycle" and int(value) > ONE_RUN_ABOVE else options.runs
        for run in range(runs):
            for worker in list(workers):
                print(f"{verb} {value}, run {run + 1} of {runs}: {worker.name}", file=sys.stderr)
                try:
                    for what, unit, sample in worker.ask(verb, value):
                        results.add(what, unit, worker.name, sample)
                except EOFError as gone:
                    print(f"warning: {gone}; it is left out from here on", file=sys.stderr)
                    workers.remove(worker)


def start(name: str, command: tuple[str, ...], folder: Path, image: Path) -> Worker | None:
    try:
        return Worker(name, command, folder, image)
    except EOFError as gone:
        print(f"warning: {gone}", file=sys.stderr)
        return None


def main() -> None:
    options = arguments()
    if os.geteuid():
        raise SystemExit("error: the bench needs root")
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder))
    image, results, workers = folder / "image.tar", Results(), []
    try:
        stacks.write_image(image)
        started = [start(name, command, folder / name, image) for name, command in chosen(options).items()]
        workers = [worker for worker in started if worker]
        results.tools.update({worker.name: worker.version for worker in workers})
        measure(options, workers, results)
    finally:
        for worker in workers:
            with suppress(Exception):
                worker.close()
        tools.remove_cgroups()
        shutil.rmtree(folder, ignore_errors=True)
    print(results.table())
    if options.json:
        results.write(Path(options.json))


if __name__ == "__main__":
    main()
