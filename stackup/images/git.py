"""A commit of a repository as a plain folder; the `git` program speaks the protocols and holds the logins.

Nothing of a repository runs: no hooks, no templates, no submodules, no local paths, no questions. Its links are as they
are: whoever reads the folder does so beneath it, or drops those that lead out.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from stackup.errors import HostError, KernelError, RemoteError
from stackup.gitref import GitReference
from stackup.images.refusal import printable
from stackup.kernel.resolve import open_confined

PATIENCE_S = 600
_KEPT = ("PATH", "HOME", "USER", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_ASKPASS", "LANG")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false"),
    *("-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always"),
    *("-c", "protocol.ssh.allow=always", "-c", "protocol.git.allow=always", "-c", "advice.detachedHead=false"),
)
_PORTS = {"http": "80", "https": "443"}
Guard: TypeAlias = "Callable[[str], Sequence[str]]"
_TIMES = ("logs",)
"""What of `.git` tells only when it was fetched."""
_HEX = frozenset("0123456789abcdef")


def is_commit(ref: str) -> bool:
    return len(ref) in (40, 64) and _HEX.issuperset(ref)


class Git:
    """One user's git. `environ` is the caller's; only what a fetch needs is passed on.

    `guard` gives the addresses of a server that a stranger has named, or raises; git is held to them by http.
    """

    def __init__(self, environ: Mapping[str, str], *, offline: bool = False, guard: Guard | None = None) -> None:
        kept = {name: environ[name] for name in environ if name in _KEPT or name.lower() in _PROXIES}
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes", "LC_ALL": "C"}
        self._environ = {**quiet, **kept}
        self._offline = offline
        self._guard = guard

    def commit(self, reference: GitReference) -> str:
        """What a branch or tag is now; a commit is what it is, and nobody is asked."""
        if is_commit(reference.ref):
            return reference.ref
        ref = reference.ref or "HEAD"
        rows = self._run(reference, "ls-remote", "--", reference.url, ref, f"{ref}^{{}}").splitlines()
        found = {name: commit for commit, _, name in (row.partition("\t") for row in rows)}
        for name in (f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}", ref):
            if is_commit(found.get(name, "")):
                return found[name]
        raise RemoteError(
            f'repository "{reference.url}" has no branch or tag "{ref}"',
            subject=reference.url,
            hint="check what stands behind the #",
        )

    def checkout(self, reference: GitReference, commit: str, folder: str, *, keep: bool = False) -> None:
        """The files of a commit in an empty folder; with `keep`, `.git` beside them, as after a shallow clone."""
        self._run(reference, "init", "-q", "--template=", folder)
        at = ("-C", folder)
        asked = (commit, reference.ref) if reference.ref and reference.ref != commit else (commit,)
        for index, name in enumerate(asked):
            try:
                self._run(reference, *at, "fetch", "-q", "--depth=1", "--no-tags", "--", reference.url, name)
                break
            except RemoteError:
                if index == len(asked) - 1:
                    raise
        got = self._run(reference, *at, "rev-parse", "FETCH_HEAD^{commit}").strip()
        if got != commit:
            raise RemoteError(f'repository "{reference.url}" has changed meanwhile', subject=reference.url)
        self._run(reference, *at, "checkout", "-q", "--detach", commit)
        if keep:
            self._run(reference, *at, "remote", "add", "origin", "--", _without_login(reference.url))
            for name in _TIMES:
                shutil.rmtree(os.path.join(folder, ".git", name), ignore_errors=True)
        else:
            shutil.rmtree(os.path.join(folder, ".git"))

    def _run(self, reference: GitReference, *words: str) -> str:
        if self._offline:
            raise RemoteError(
                f'"{reference.url}" is not asked: we are offline', subject=reference.url, hint="leave out --offline"
            )
        try:
            done = subprocess.run(
                ["git", *_OPTIONS, *self._held(reference.url), *words],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE_S,
                check=False,
            )
        except FileNotFoundError as problem:
            raise HostError(
                f'"{reference.url}" is a repository, and there is no git here',
                subject=reference.url,
                hint="install git, with the package manager of this machine",
            ) from problem
        except subprocess.TimeoutExpired as problem:
            raise RemoteError(
                f'repository "{reference.url}" took more than {PATIENCE_S} s', subject=reference.url
            ) from problem
        if done.returncode:
            raise RemoteError(
                f'git cannot read "{reference.url}": {_reason(done.stderr)}',
                subject=reference.url,
                hint="check the address, and whether `git ls-remote` may read it",
            )
        return done.stdout.decode(errors="replace")

    def _held(self, url: str) -> tuple[str, ...]:
        """Options that keep git from asking anybody else (git 2.37; git-config(1), http.curloptResolve)."""
        scheme, host = server_of(url)
        found = self._guard(host) if self._guard else []
        if not found or scheme not in _PORTS:
            return ()
        name, _, port = host.partition(":") if "[" not in host else (host, "", "")
        addresses = ",".join(f"[{address}]" if ":" in address else address for address in found)
        pin = f"http.curloptResolve={name}:{port or _PORTS[scheme]}:{addresses}"
        return ("-c", "http.followRedirects=false", "-c", pin)


def server_of(url: str) -> tuple[str, str]:
    """Scheme and `host[:port]` of a repository's address; `git@host:path` is ssh."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "ssh", url.partition(":")[0].rpartition("@")[2]
    return scheme, rest.partition("/")[0].rpartition("@")[2]


def _reason(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))] or lines
    return printable((told[0] if told else "no reason given").partition(": ")[2] or told[0])[:300] if told else "?"


def _without_login(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if separator and scheme in ("http", "https") else url


def drop_links_out(folder: str) -> list[str]:
    """The links that led out of a folder, which are gone."""
    root_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        links = [
            os.path.relpath(os.path.join(at, name), folder)
            for at, folders, files in os.walk(folder)
            for name in (*folders, *files)
            if os.path.islink(os.path.join(at, name))
        ]
        dropped = [link for link in links if _leads_out(root_fd, link)]
    finally:
        os.close(root_fd)
    for link in dropped:
        os.unlink(os.path.join(folder, link))
    return sorted(dropped)


def _leads_out(root_fd: int, link: str) -> bool:
    try:
        os.close(open_confined(root_fd, link, os.O_PATH | os.O_CLOEXEC))
    except KernelError as error:
        return error.errno == errno.EXDEV
    return False
