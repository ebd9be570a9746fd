"""What builds take from elsewhere: commits and archives, as folders of the state root that are complete or not there.

A branch or a URL is asked about for each plan and each build, as a tag of a base is; what is here is not fetched again.
What comes from elsewhere may hold links that lead out of it: nothing is read through them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

from stackup import gitref
from stackup.engines.dockerfiles import DOCKERFILE, ELSEWHERE, LIMIT
from stackup.errors import KernelError, RemoteError, UsageError
from stackup.images.build.recipe import Remote
from stackup.images.build.request import Commit
from stackup.images.build.transfer import HEAD, is_archive
from stackup.images.copying import unpack_onto
from stackup.images.git import Git, is_commit
from stackup.images.refusal import disk
from stackup.images.versions import complete
from stackup.kernel import files
from stackup.kernel.resolve import open_confined
from stackup.layout import Layout
from stackup.values import Data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.images.access import Access
    from stackup.images.download import Download

KEEP_GIT_DIR = "BUILDKIT_CONTEXT_KEEP_GIT_DIR"
"""The argument of a build that BuildKit takes for a switch: `.git` belongs to the context."""
STDIN = "-"
_PLAIN = ".plain"
_PIECE = 1 << 20
_WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Brought:
    """A context that is here now. `plain`: it was a Dockerfile and no more."""

    folder: str
    plain: bool = False


class Sources:
    """Of one command. `environ` is the caller's."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self._top = os.path.join(layout.state, "build", "sources")
        self._downloads = os.path.join(layout.state, "build", "downloads")
        self._environ = environ

    def brought_here(self, form: Data) -> Data:
        """The normal form of a build with folders only; the very same one when all its contexts are here."""
        said: Any = form
        names = {"": said["context"], **said["contexts"]}
        keep = str(said["args"].get(KEEP_GIT_DIR, "")).lower() in ("1", "true")
        here = {name: one for name, text in names.items() if (one := self._context(text, keep=keep and not name))}
        if not here:
            return form
        form = {**said, "contexts": {**said["contexts"], **{name: one.folder for name, one in here.items() if name}}}
        if "" in here:
            form |= {"context": here[""].folder, ELSEWHERE: True}
            form |= {"dockerfile": ""} if here[""].plain else {}
        return form

    def repository(self, remote: Remote) -> Commit:
        """What ADD of a repository takes."""
        reference = gitref.parse(remote.url)
        if reference is None:
            raise UsageError(f'"{remote.url}" names no repository', subject=remote.url)
        git = Git(self._environ, offline=self._access.offline, guard=self._guard)
        commit, folder = self._commit(git, reference, remote.checksum, keep=remote.keep_git_dir)
        return Commit(folder, f"{commit}:{reference.folder}")

    def download(self, url: str, checksum: str = "", *, strange: bool) -> Download:
        from stackup.images.download import Downloads  # TLS: only where something is fetched

        return Downloads(self._downloads, self._access).get(url, checksum, strange=strange)

    def receive(self, stream: BinaryIO) -> str:
        """A build context on standard input, kept; what `brought_here` knows it by, `-` if nothing comes."""
        files.make_dir(self._top)
        with tempfile.TemporaryFile(dir=self._top) as kept, disk("standard input"):
            hashed = hashlib.sha256()
            while piece := stream.read(_PIECE):
                hashed.update(piece)
                kept.write(piece)
            if not kept.tell():
                return STDIN
            kept.seek(0)
            name = f"{STDIN}{hashed.hexdigest()}"
            found = self._unpacked(kept, hashed.hexdigest(), "standard input")
        return f"{name}{_PLAIN}" if found.plain else name

    def _context(self, text: str, *, keep: bool) -> Brought | None:
        """None for what is a folder of this machine, or an image."""
        if text == STDIN:
            hint = "pipe it: stackup build < context.tar; besides, up, create and plan read it"
            raise UsageError("the build context is standard input, and nothing comes there", subject=text, hint=hint)
        if text.startswith(STDIN):
            return Brought(os.path.join(self._top, f"sha256-{text[1:]}"), plain=text.endswith(_PLAIN))
        if os.path.isfile(text):
            with open(text, "rb") as stream:
                packed, digest = is_archive(stream.read(HEAD)), hashlib.file_digest(stream, "sha256").hexdigest()
                return self._unpacked(stream, digest, text) if packed else None
        reference = None if os.path.isabs(text) else gitref.parse(text)
        if reference is not None:
            git = Git(self._environ, offline=self._access.offline)
            return Brought(self._commit(git, reference, keep=keep)[1])
        address, _, inside = text.partition("#")
        if not address.startswith(_WEB):
            return None
        found = self.download(address, strange=False)
        with os.fdopen(found.fd, "rb") as stream:
            return self._unpacked(stream, found.digest.removeprefix("sha256:"), text, inside.lstrip(":"))

    def _unpacked(self, stream: BinaryIO, digest: str, name: str, inside: str = "") -> Brought:
        """An archive as a folder; a file that is none is a Dockerfile, and all that its build has, as docker has it."""
        stream.seek(0)
        plain = not is_archive(stream.read(HEAD))
        stream.seek(0)
        home = os.path.join(self._top, f"sha256-{digest}{_PLAIN if plain else ''}")
        self._complete(home, lambda draft: _fill(draft, stream, plain=plain))
        return Brought(home if plain else _inside(home, inside, f'archive "{name}"'), plain)

    def _commit(
        self, git: Git, reference: gitref.GitReference, checksum: str = "", *, keep: bool = False
    ) -> tuple[str, str]:
        """Nobody is asked about a commit that is named in full and is here."""
        known = is_commit(checksum) and os.path.isdir(self._home(checksum, keep=keep))
        commit = checksum if known else git.commit(reference)
        if not commit.startswith(checksum):
            text = f'"{reference.url}#{reference.ref}" is commit {commit}, and not {checksum}'
            raise RemoteError(text, subject=reference.url, hint="it has moved, or somebody has moved it", code="digest")
        home = self._home(commit, keep=keep)
        self._complete(home, lambda draft: git.checkout(reference, commit, draft, keep=keep))
        return commit, _inside(home, reference.folder, f'repository "{reference.url}"')

    def _home(self, commit: str, *, keep: bool) -> str:
        return os.path.join(self._top, f"{commit}.git" if keep else commit)

    def _complete(self, home: str, fill: Callable[[str], None]) -> None:
        if os.path.isdir(home):
            return
        files.make_dir(self._top)
        with files.Lock(os.path.join(self._top, "lock"), "fetching a build context", waiting=lambda _: None):
            complete(home, fill)

    def _guard(self, host: str) -> list[str]:
        from stackup.images.transport import public_addresses

        return [] if self._access.may_be_private(host) else public_addresses(host)

    @cached_property
    def _access(self) -> Access:
        from stackup.images.access import Access  # what says whether we are offline; TLS, so only here

        return Access.from_environment(self._environ, uid=os.geteuid())


def _fill(draft: str, stream: BinaryIO, *, plain: bool) -> None:
    if plain:
        files.write_bytes(os.path.join(draft, DOCKERFILE), stream.read(LIMIT + 1), durable=False)
        return
    folder_fd = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        unpack_onto(stream, folder_fd, (os.geteuid(), os.getegid()))
    finally:
        os.close(folder_fd)


def _inside(home: str, folder: str, what: str) -> str:
    """The folder that is named, which links and dots cannot lead out of."""
    root_fd = os.open(home, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = open_confined(root_fd, folder or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return os.readlink(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)
    except KernelError as problem:
        raise UsageError(f'{what} has no folder "{folder}"', subject=folder, hint="write #branch:folder") from problem
    finally:
        os.close(root_fd)
