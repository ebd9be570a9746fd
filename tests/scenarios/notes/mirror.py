"""Debian packages and Python wheels as their own clients take them, from a folder: a network without the internet.

The packages come once to each machine, by apt and pip, and are kept in the user's cache folder. Whatever serves them
ends with the test's namespaces.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = 8700
PACKAGES = ("nginx-light", "postgresql", "python3", "python3-venv")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "stackup-tests", "notes")


def fill(base: str, requirements: Path) -> Path:
    """A folder with `debian/` and `wheels/`, made for what the base, a tar, lacks."""
    if not (CACHE / "debian/Packages").exists():
        _debian(base)
    if not (CACHE / "wheels").exists():
        _wheels(requirements)
    return CACHE


def serve(folder: Path, address: str) -> None:
    handler = functools.partial(_Silent, directory=str(folder))
    server = ThreadingHTTPServer((address, PORT), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return None


def _debian(base: str) -> None:
    folder = CACHE / "debian"
    (folder / "partial").mkdir(parents=True, exist_ok=True)
    (CACHE / "status").write_bytes(_run("tar", "-xOf", base, "./var/lib/dpkg/status"))
    ours = (f"Dir::State::status={CACHE}/status", f"Dir::Cache::archives={folder}/", "APT::Sandbox::User=root")
    options = [word for option in ours for word in ("-o", option)]
    _run("apt-get", *options, "-y", "--download-only", "--no-install-recommends", "install", *PACKAGES)
    text = b"\n".join(_stanza(path) for path in sorted(folder.glob("*.deb")))
    (folder / "part").write_bytes(text)
    (folder / "part").rename(folder / "Packages")


def _stanza(path: Path) -> bytes:
    """What apt reads of a package: its own control file, and where and what the archive is."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    told = f"Filename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest}\n"
    return _run("dpkg-deb", "-f", str(path)) + told.encode()


def _wheels(requirements: Path) -> None:
    """A simple index: a page a project, with links to its files."""
    part = CACHE / f"wheels.{os.getpid()}"
    _run(sys.executable, "-m", "pip", "download", "-q", "-d", str(part), "--only-binary=:all:", "-r", str(requirements))
    for wheel in sorted(part.glob("*.whl")):
        page = part / "simple" / wheel.name.partition("-")[0].lower().replace("_", "-")
        page.mkdir(parents=True, exist_ok=True)
        (page / "index.html").write_text(f'<a href="../../{wheel.name}">{wheel.name}</a>')
    part.rename(CACHE / "wheels")


def _run(*words: str) -> bytes:
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
