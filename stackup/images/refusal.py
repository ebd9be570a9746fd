"""The ways in which bytes fail us: an archive or description that is not sound, and a disk that will not take it.

`ArchiveRefused` names the entry. `disk` turns an OSError of the store's own files into one clear HostError.
"""

from __future__ import annotations

from stackup.errors import HostError, StackupError
from stackup.kernel.files import host_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class ArchiveRefused(StackupError):
    """An archive is damaged, hostile or larger than allowed; nothing of it was kept. Its names are shown escaped."""

    code = "archive-refused"

    def __init__(self, message: str, *, subject: str = "", hint: str = "") -> None:
        super().__init__(printable(message), subject=printable(subject), hint=hint)


class ManifestInvalid(StackupError):
    """An image's own description is not what the OCI image specification says."""

    code = "image-manifest"


class disk:  # noqa: N801  # reads as a word: `with disk("...")`
    """`with disk(path):` turns an OSError inside into a HostError about `path`, and says of an archive that is refused
    as a whole which one it is. A class, since contextlib is dear."""

    __slots__ = ("_subject",)

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise disk_error(error, self._subject) from error
        if isinstance(error, ArchiveRefused) and not error.subject:
            error.subject = printable(self._subject)
            error.message = f'"{error.subject}": {error.message}'


def disk_error(error: OSError, subject: str) -> HostError:
    """One sentence with the path and the remedy."""
    return host_error(error, "cannot use", printable(subject))


def shown(raw: bytes) -> str:
    """An archive's own bytes for a message: short and harmless."""
    return printable(raw[:200].decode("utf-8", "replace"))


def printable(text: str) -> str:
    """Control characters, changes of direction and bytes that are no text, escaped: names must not steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )
