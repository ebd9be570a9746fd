"""Stack files that are elsewhere: what names one, and what is here of it. Hot.

The pipeline opens no socket. It asks the request for the copy of a remote file; whoever made the request fetched it, or
raises why not.
"""

from __future__ import annotations

from stackup import gitref
from stackup.errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackup.stamps import Stamp

OCI = "oci://"


class RemoteCopy:
    """The files that make a remote stack, in the order of their merging, in a `folder` of this machine.

    `rests_on`: what says which version this is, with its stamp from before it was read.
    """

    __slots__ = ("files", "folder", "rests_on")

    def __init__(self, folder: str, files: tuple[str, ...], rests_on: Mapping[str, Stamp | None]) -> None:
        self.folder = folder
        self.files = files
        self.rests_on = rests_on


def is_remote_file(text: str) -> bool:
    """Whether this names a stack file of a registry or of a repository."""
    return text.startswith(OCI) or ((":" in text or text.startswith("github.com/")) and gitref.parse(text) is not None)


def no_copy(name: str) -> RemoteCopy:
    raise Unsupported(f'"{name}" is elsewhere, and nothing is fetched here', subject=name)
