"""The stacks that are measured, and the image they run: made here, so that nobody downloads anything.

Every program in them is busybox: it heeds TERM, and carries its service's mark as its last argument, by which
`processes` finds it whatever engine started it.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

IMAGE = "bench-busybox"
WEB_PORT = 18080
TARGET_PORT = 8000
PROGRAM = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"
SERVER = f"trap 'exit 0' TERM; httpd -f -p {TARGET_PORT} -h /www & wait"
APPLETS = ("sh", "true", "sleep", "httpd", "echo")


def mark(service: str) -> str:
    return f"bench-mark-{service}"


def generated(services: int, image: str) -> dict[str, object]:
    """One network, a volume each, a trivial program."""
    names = [f"s{number}" for number in range(services)]
    return {
        "name": f"bench{services}",
        "services": {
            name: {
                "image": image,
                "command": ["sh", "-c", PROGRAM, mark(name)],
                "volumes": [f"v-{name}:/data"],
                "environment": {"NUMBER": name},
            }
            for name in names
        },
        "volumes": {f"v-{name}": {} for name in names},
    }


def web(image: str) -> dict[str, object]:
    """One server with a published port, and a neighbour in its network."""
    return {
        "name": "benchweb",
        "services": {
            "web": {
                "image": image,
                "command": ["sh", "-c", SERVER, mark("web")],
                "ports": [f"{WEB_PORT}:{TARGET_PORT}", f"{WEB_PORT + 1}:{TARGET_PORT + 1}"],
            },
            "peer": {"image": image, "command": ["sh", "-c", PROGRAM, mark("peer")]},
        },
    }


def write_stack(folder: Path, stack: dict[str, object]) -> Path:
    """JSON is YAML: no library needed."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "compose.yaml"
    file.write_text(json.dumps(stack, indent=1) + "\n")
    return file


def write_image(file: Path) -> None:
    """A root file system that is one static busybox."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("error: no busybox; apt-get install busybox-static")
    with tarfile.open(file, "w") as tar:
        for name in ("bin", "etc", "tmp", "data", "proc", "sys", "dev", "www"):
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        program = Path(busybox).resolve().read_bytes()
        tar.addfile(_entry("bin/busybox", tarfile.REGTYPE, 0o755, len(program)), io.BytesIO(program))
        for applet in APPLETS:
            link = _entry(f"bin/{applet}", tarfile.SYMTYPE, 0o777)
            link.linkname = "busybox"
            tar.addfile(link)
        for name, text in (("etc/passwd", b"root:x:0:0::/:/bin/sh\n"), ("www/index.html", b"ok\n")):
            tar.addfile(_entry(name, tarfile.REGTYPE, 0o644, len(text)), io.BytesIO(text))


def _entry(name: str, kind: bytes, mode: int, size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size = kind, mode, size
    return entry
