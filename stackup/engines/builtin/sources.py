"""Build contexts that are elsewhere: a commit of a repository is a folder of the state root, complete or not there.

A branch is asked about for each plan and each build, as a tag of a base is; a commit that is here is not fetched again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from stackup import gitref
from stackup.errors import KernelError, UsageError
from stackup.images.git import Git
from stackup.images.versions import complete
from stackup.kernel import files
from stackup.kernel.resolve import open_confined
from stackup.layout import Layout
from stackup.values import Data


def brought_here(layout: Layout, form: Data, environ: Mapping[str, str]) -> Data:
    """The normal form of a build with folders only; the very same one when all its contexts are here."""
    said: Any = form
    names = {"": said["context"], **said["contexts"]}
    found = {name: gitref.parse(text) for name, text in names.items() if not os.path.isabs(text)}
    here = {name: _folder(layout, reference, environ) for name, reference in found.items() if reference}
    if not here:
        return form
    contexts = {**said["contexts"], **{name: path for name, path in here.items() if name}}
    return {**said, "context": here.get("", said["context"]), "contexts": contexts}


def fetcher(layout: Layout, environ: Mapping[str, str]) -> Callable[[str], str]:
    """What ADD of a repository asks."""

    def fetch(url: str) -> str:
        reference = gitref.parse(url)
        if reference is None:
            raise UsageError(f'"{url}" names no repository', subject=url)
        return _folder(layout, reference, environ)

    return fetch


def _folder(layout: Layout, reference: gitref.GitReference, environ: Mapping[str, str]) -> str:
    from stackup.images.access import Access  # what says whether we are offline; TLS, so only here

    git = Git(environ, offline=Access.from_environment(environ, uid=os.geteuid()).offline)
    commit = git.commit(reference)
    top = os.path.join(layout.state, "build", "sources")
    folder = os.path.join(top, commit)
    if not os.path.isdir(folder):
        files.make_dir(top)
        with files.Lock(os.path.join(top, "lock"), "fetching a build context", waiting=lambda _: None):
            complete(folder, lambda draft: git.checkout(reference, commit, draft))
    return _inside(folder, reference)


def _inside(folder: str, reference: gitref.GitReference) -> str:
    """The folder that is named, which the repository's links and dots cannot lead out of."""
    root_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = open_confined(root_fd, reference.folder or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return os.readlink(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)
    except KernelError as problem:
        text = f'repository "{reference.url}" has no folder "{reference.folder}"'
        raise UsageError(text, subject=reference.url, hint="a folder is named as #branch:folder") from problem
    finally:
        os.close(root_fd)
