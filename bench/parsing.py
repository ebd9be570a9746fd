"""How long it takes to read stack files, and how much memory: `python -m bench.parsing`.

Each figure is of a process of its own, less what that takes to import what it uses. Processor time, since reading waits
for nobody, so that a busy machine measures the same as an idle one. Medians.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SERVICE = """\
  s{n}:
    image: registry.example/team/s{n}:${{TAG:-1.0}}
    <<: *common
    command: ["serve", "--port", "80{n}"]
    environment:
      DATABASE_URL: postgres://db/s{n}
      LOG_LEVEL: ${{LEVEL:-info}}
      WORKERS: "{n}"
    ports: ["{port}:80"]
    volumes:
      - data-{n}:/data
      - ./conf/s{n}.ini:/etc/s.ini:ro
    labels:
      team.example/name: s{n}
      team.example/tier: back
    healthcheck:
      test: [CMD, curl, -f, http://localhost/]
      interval: 30s
    deploy:
      resources:
        limits: {{memory: 256m, cpus: "0.5"}}
"""
LINES = SERVICE.count("\n") + 1

PROGRAM = """
import resource, sys, time
from stackup.layout import Layout
from stackup.engines.memory.host import MemoryHost
from stackup.project import resolve, cache
from stackup.project.session import Session, Where
session = Session(Layout(sys.argv[1] + "/state", sys.argv[1] + "/run"), Where(sys.argv[1], {}), MemoryHost())
if sys.argv[2] == "stack":
    import stackup.stackfile.load
    begun = time.process_time()
    loaded = resolve.load(session)
elif sys.argv[2] == "desired":
    import stackup.stackfile.load, stackup.engines.desire, stackup.reconcile.codec
    begun = time.process_time()
    found = resolve.resolve(session)
else:
    begun = time.process_time()
    found = resolve.cached(session)
    assert found is not None
spent = time.process_time() - begun
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
WAYS = {"stack": "text to Stack", "desired": "text to desired set", "cached": "from the cache"}


def text(services: int) -> str:
    """Every service with the keys that people write, and one mapping that all share."""
    head = "name: parsing\nx-common: &common\n  restart: unless-stopped\n  networks: [back]\nservices:\n"
    body = "".join(SERVICE.format(n=n, port=10_000 + n) for n in range(services))
    return f"{head}{body}networks:\n  back:\nvolumes:\n" + "".join(f"  data-{n}:\n" for n in range(services))


def measure(folder: Path, way: str) -> tuple[float, float]:
    """Seconds and MiB of one process."""
    if way != "cached":
        shutil.rmtree(folder / "state", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), way], check=True, capture_output=True, text=True
    ).stdout
    seconds, memory = done.split()
    return float(seconds), float(memory)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parsing", description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--sizes", default="32,500", help="numbers of services; 32 are 700 lines")
    options = parser.parse_args()
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            (folder / "stack.yaml").write_text(text(size))
            lines = text(size).count("\n")
            for way, words in WAYS.items():
                runs = [measure(folder, way) for _ in range(options.runs)]
                seconds, memory = (statistics.median(column) for column in zip(*runs, strict=True))
                print(f"{size} services, {lines} lines, {words}: {seconds:.3f} s, {memory:.0f} MiB in all", flush=True)


if __name__ == "__main__":
    main()
