"""Stack files from a registry or a repository: fetched once, agreed to once, then at hand as any other.

A name is a pointer to a version (a manifest's digest, a commit), as a tag is to an image: what is here is used until
`pull` looks again. A version is a folder that is complete or not there. Nothing new is used before the user agreed to
it; who agrees to a stack agrees to what it does with this machine.
"""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from stackup import gitref
from stackup.errors import KernelError, RemoteError, UsageError
from stackup.images import artifact
from stackup.images.access import Access
from stackup.images.git import Git, drop_links_out
from stackup.images.pull import Client, connect
from stackup.images.reference import parse
from stackup.images.versions import complete
from stackup.kernel.files import Lock, make_dir, read_json, write_json
from stackup.kernel.resolve import open_confined
from stackup.stackfile.discover import NAMES
from stackup.stackfile.remote import OCI, RemoteCopy
from stackup.stamps import stamp

if TYPE_CHECKING:
    from stackup.project.session import Session


class Source(Protocol):
    """A version of something elsewhere."""

    version: str

    def write(self, folder: str) -> list[str]:
        """The files into an empty folder; what was left out of it."""

    def files(self, folder: str) -> tuple[str, ...]:
        """Which of them make the stack, relative to the folder."""


class _Published:
    def __init__(self, name: str, client: Client) -> None:
        self._found = artifact.find(client, parse(name.removeprefix(OCI)))
        self.version = self._found.digest

    def write(self, folder: str) -> list[str]:
        self._found.write(folder)
        return []

    def files(self, folder: str) -> tuple[str, ...]:
        return self._found.files


class _Committed:
    def __init__(self, name: str, reference: gitref.GitReference, git: Git) -> None:
        self._name = name
        self._reference = reference
        self._git = git
        self.version = git.commit(reference)

    def write(self, folder: str) -> list[str]:
        self._git.checkout(self._reference, self.version, folder)
        return drop_links_out(folder)

    def files(self, folder: str) -> tuple[str, ...]:
        inside = self._reference.folder
        asked = [inside] if inside else []
        for name in (*asked, *(os.path.join(inside, name) for name in NAMES)):
            if _is_file(folder, name):
                return (name,)
        where = f'in its folder "{inside}"' if inside else "in its top folder"
        hint = f"looked for {', '.join(NAMES)}; a folder is named as #branch:folder"
        raise RemoteError(f'"{self._name}" has no stack file {where}', subject=self._name, hint=hint)


def _is_file(folder: str, name: str) -> bool:
    root_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = open_confined(root_fd, name, os.O_PATH | os.O_CLOEXEC)
    except KernelError:
        return False
    finally:
        os.close(root_fd)
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode)
    finally:
        os.close(fd)


class Remotes:
    """What is here of what is elsewhere; called with a name it answers with the copy, fetched when it must be.

    `fresh`: each name is looked at anew, once.
    """

    def __init__(self, session: Session, *, fresh: bool = False) -> None:
        self._session = session
        self._folder = session.layout.remote_dir
        self._fresh = fresh
        self._seen: dict[str, RemoteCopy] = {}

    def __call__(self, name: str) -> RemoteCopy:
        if name not in self._seen:
            found = None if self._fresh and not self._offline else self._copy(name)
            self._seen[name] = found or self._fetch(name)
        return self._seen[name]

    @property
    def _offline(self) -> bool:
        return Access.from_environment(self._session.where.environ, uid=os.geteuid()).offline

    def _record(self, name: str) -> str:
        return os.path.join(self._folder, "names", f"{sha256(name.encode()).hexdigest()}.json")

    def _copy(self, name: str) -> RemoteCopy | None:
        """A record that is no good, or whose folder is gone, is none."""
        path = self._record(name)
        seen, record = stamp(path), read_json(path)
        if not isinstance(record, dict) or record.get("name") != name:
            return None
        folder = os.path.join(self._folder, str(record.get("version", "")).replace(":", "-"))
        files = tuple(os.path.join(folder, str(file)) for file in record.get("files", ()))
        there = files and all(os.path.isfile(file) for file in files)
        return RemoteCopy(folder, files, {path: seen}) if there else None

    def _fetch(self, name: str) -> RemoteCopy:
        source = self._source(name)
        with Lock(os.path.join(self._folder, "lock"), "a stack is fetched", waiting=self._wait):
            if not self._is_agreed(name, source.version):
                self._ask(name, source.version)
            self._keep(name, source)
        found = self._copy(name)
        assert found is not None, "it has just been written"
        return found

    def _wait(self, holder: str) -> None:
        self._session.notice(f"{holder}, waiting for it", level="info")

    def _source(self, name: str) -> Source:
        environ = self._session.where.environ
        if name.startswith(OCI):
            return _Published(name, connect(environ))
        reference = gitref.parse(name)
        if reference is None:
            raise UsageError(
                f'"{name}" names no stack elsewhere', subject=name, hint="write oci://... or https://...git"
            )
        return _Committed(name, reference, Git(environ, offline=self._offline))

    def _is_agreed(self, name: str, version: str) -> bool:
        record = read_json(self._record(name))
        return isinstance(record, dict) and record.get("name") == name and record.get("version") == version

    def _ask(self, name: str, version: str) -> None:
        question = f'"{name}" ({version[:19]}) is a stack from elsewhere: it can do with this machine what it likes.'
        if not self._session.agree(f"{question} Use it?"):
            raise UsageError(
                f'"{name}" is a stack from elsewhere, and nobody agreed to it',
                subject=name,
                hint="read it first, then agree with --yes, or with STACKUP_YES=1 where there is no such flag",
            )

    def _keep(self, name: str, source: Source) -> None:
        folder = os.path.join(self._folder, source.version.replace(":", "-"))
        complete(folder, lambda draft: self._fill(draft, source))
        record = {"name": name, "version": source.version, "files": list(source.files(folder))}
        make_dir(os.path.join(self._folder, "names"))
        write_json(self._record(name), record)

    def _fill(self, folder: str, source: Source) -> None:
        for link in source.write(folder):
            self._session.notice(f'the link "{link}" leads out of its repository and was left out')
        source.files(folder)
