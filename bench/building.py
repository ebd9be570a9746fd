"""Building, pulling, unpacking beside docker (classic and BuildKit), podman and buildah: `python -m bench.building`.

All tools run on one host of their own (network, mount and pid namespaces), take turns, and start from the same base and
the same registry, Debian's `docker-registry` on that host's loopback. A tool that is not installed is left out.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench import tools
from bench.report import Results
from bench.stacks import IMAGE, write_image

REGISTRY = "127.0.0.1:5000"
BIG = f"{REGISTRY}/bench/big:1"
SMALL = f"{REGISTRY}/bench/many:1"
INSIDE = "STACKUP_BENCH_INSIDE"
STEPS = f"""\
FROM {IMAGE}
ENV STAGE=bench
WORKDIR /app
COPY requirements.txt /app/
RUN sh -c 'while read name; do echo "$name" > "/data/$name"; done < requirements.txt'
RUN echo built > /etc/built
COPY src /app/src
RUN echo /app/src/* > /app/names
RUN echo done > /app/done
LABEL purpose=bench
CMD ["sh"]
"""


@dataclass(frozen=True)
class Builder:
    """Commands of one tool; `{context}` and `{image}` are put in. `forget` makes it lack an image."""

    build: tuple[str, ...]
    again: tuple[str, ...]
    pull: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: tuple[str, ...], **words: object) -> float:
        return tools.call([part.format(**words) for part in command], self.environment)


def builders(folder: Path, stack: ExitStack, base: Path) -> dict[str, Builder]:
    found = {"stackup": _stackup(folder / "stackup", base)}
    if shutil.which("dockerd"):
        environment = stack.enter_context(_dockerd(folder / "docker", base))
        for name, kit in (("docker classic", "0"), ("docker buildkit", "1")):
            found[name] = _docker((_docker_client(),), environment | {"DOCKER_BUILDKIT": kit}, pulls=kit == "1")
    if shutil.which("podman"):
        found["podman"] = _docker(
            _podman(folder / "podman", base),
            {},
            pulls=True,
            options=("--isolation=chroot",),
            plain=("--tls-verify=false",),
        )
    if shutil.which("buildah"):
        found["buildah"] = _buildah(folder / "buildah", base)
    return found


def _stackup(folder: Path, base: Path) -> Builder:
    command = tools.stackup_command(None)
    environment = {"STACKUP_ROOT": str(folder / "state"), "STACKUP_RUN": str(folder / "run")}
    tools.call([*command, "image", "import", str(base), IMAGE], environment)
    build = (*command, "-f", "{context}/stack.yaml", "build")
    pull, forget = (*command, "image", "pull", "{image}"), (*command, "image", "rm", "{image}")
    return Builder((*build, "--no-cache"), build, pull, forget, environment)


def _docker_client() -> str:
    """Debian's own knows BuildKit without a plugin; a newer one may stand before it on the PATH."""
    return "/usr/bin/docker" if os.path.exists("/usr/bin/docker") else "docker"


def _docker(
    command: tuple[str, ...],
    environment: Mapping[str, str],
    *,
    pulls: bool,
    options: tuple[str, ...] = (),
    plain: tuple[str, ...] = (),
) -> Builder:
    build = (*command, "build", *options, "-q", "-t", "bench-built", "{context}")
    pull = (*command, "pull", *plain, "-q", "{image}") if pulls else ()
    return Builder((*build[:-1], "--no-cache", build[-1]), build, pull, (*command, "rmi", "{image}"), environment)


def _podman(folder: Path, base: Path) -> tuple[str, ...]:
    folder.mkdir(parents=True)
    command = ("podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--tmpdir", f"{folder}/tmp")
    command = (*command, "--cgroup-manager", "cgroupfs", "--runtime", "crun")
    tools.call([*command, "import", str(base), f"localhost/{IMAGE}:latest"], {})
    return command


def _buildah(folder: Path, base: Path) -> Builder:
    folder.mkdir(parents=True)
    command = ("buildah", "--root", f"{folder}/root", "--runroot", f"{folder}/run")
    (folder / "base").mkdir()
    shutil.copy(base, folder / "base/base.tar")
    (folder / "base/Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
    tools.call([*command, "bud", "-q", "-t", f"localhost/{IMAGE}:latest", str(folder / "base")], {})
    build = (*command, "bud", "--isolation=chroot", "--layers", "-q", "-t", "bench-built", "{context}")
    return Builder((*build[:-1], "--no-cache", build[-1]), build)


@contextmanager
def _dockerd(folder: Path, base: Path) -> Iterator[Mapping[str, str]]:
    with tools.compose(folder, base, ("docker", "compose")) as tool:
        yield tool.environment


def context(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    for number in range(50):
        (folder / f"src/file{number}.py").write_text(f"print({number})\n" * 100)
    (folder / "requirements.txt").write_text("one\ntwo\nthree\n")
    (folder / "Dockerfile").write_text(STEPS)
    (folder / "stack.yaml").write_text("name: bench\nservices: {app: {build: ., image: bench-built}}\n")
    return folder


def serve_registry(folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir()
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        'http: {addr: "127.0.0.1:5000"}\n'
    )
    log = (folder / "log").open("wb")
    started = subprocess.Popen(["docker-registry", "serve", f"{folder}/config.yml"], stdout=log, stderr=log)
    for _ in range(200):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", 5000)) == 0:
                return started
        time.sleep(0.05)
    raise SystemExit("error: docker-registry does not listen")


def big_tree(file: Path) -> None:
    """200 MB that gzip makes about 80 of, as a Debian with programs is: libraries."""
    chance = random.Random(7)
    block = chance.randbytes(1 << 15) + bytes(48 << 10)
    with tarfile.open(file, "w") as tar:
        for number in range(50):
            content = (block + number.to_bytes(8, "big") + chance.randbytes(1 << 14)) * (4 << 20 >> 17)
            entry = tarfile.TarInfo(f"lib/library{number}.so")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def many_tree(file: Path) -> None:
    """20,000 files of 1 to 8 KiB in 400 folders, as `node_modules` has them."""
    chance = random.Random(8)
    with tarfile.open(file, "w") as tar:
        for number in range(20_000):
            content = chance.randbytes(64) * chance.randrange(16, 128)
            entry = tarfile.TarInfo(f"modules/m{number % 400}/file{number}.js")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def publish(folder: Path, stackup: Builder, tree: Callable[[Path], None], image: str) -> Path:
    file = folder / f"{tree.__name__}.tar"
    tree(file)
    command = tools.stackup_command(None)
    stackup.run((*command, "image", "import", str(file), image))
    stackup.run((*command, "image", "push", image))
    stackup.run(stackup.forget, image=image)
    return file


def measure_builds(found: Mapping[str, Builder], folder: Path, runs: int, results: Results) -> None:
    where = context(folder / "context")
    for run in range(runs):
        for name, tool in found.items():
            _say(f"build, run {run + 1} of {runs}: {name}")
            results.add("build of ten steps, cold", "s", name, tool.run(tool.build, context=where))
            tool.run(tool.again, context=where)
            results.add("the same, all cached", "s", name, tool.run(tool.again, context=where))
            (where / "src/file7.py").write_text(f"print({time.time_ns()})\n")
            results.add("one source file changed", "s", name, tool.run(tool.again, context=where))


def measure_pulls(found: Mapping[str, Builder], images: Mapping[str, str], runs: int, results: Results) -> None:
    for run in range(runs):
        for name, tool in found.items():
            for what, image in images.items() if tool.pull else ():
                _say(f"pull, run {run + 1} of {runs}: {name}")
                with suppress(SystemExit):
                    tool.run(tool.forget, image=image)
                results.add(what, "s", name, tool.run(tool.pull, image=image))


def measure_unpacking(found: Mapping[str, Builder], folder: Path, file: Path, runs: int, results: Results) -> None:
    """GNU tar knows no digests; ours are verified."""
    stackup, command = found["stackup"], tools.stackup_command(None)
    for _ in range(runs):
        out = folder / "untarred"
        out.mkdir()
        results.add(
            "20,000 small files out of a tar", "s", "GNU tar", tools.call(["tar", "-xf", str(file), "-C", str(out)], {})
        )
        shutil.rmtree(out)
        seconds = stackup.run((*command, "image", "import", str(file), "many-files"))
        results.add("20,000 small files out of a tar", "s", "stackup", seconds)
        stackup.run(stackup.forget, image="many-files")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.building", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", default="/var/tmp", help="a disk, not a tmpfs")
    options = parser.parse_args()
    if not os.environ.get(INSIDE):
        apart = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        again = [*apart, sys.executable, "-m", "bench.building", *sys.argv[1:]]
        raise SystemExit(subprocess.run(again, env={**os.environ, INSIDE: "1"}, check=False).returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-building-", dir=options.folder))
    results = Results()
    try:
        with ExitStack() as stack:
            base = folder / "base.tar"
            write_image(base)
            stack.callback(serve_registry(folder / "registry").terminate)
            found = builders(folder, stack, base)
            results.tools.update(dict.fromkeys([*found, "GNU tar"], ""))
            publish(folder, found["stackup"], big_tree, BIG)
            many = publish(folder, found["stackup"], many_tree, SMALL)
            measure_builds(found, folder, options.runs, results)
            pulls = {"pull of 200 MB": BIG, "pull of 20,000 small files": SMALL}
            measure_pulls(found, pulls, options.runs, results)
            measure_unpacking(found, folder, many, options.runs, results)
    finally:
        print(results.table())
        tools.remove_cgroups()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
