"""Errors of the disk in one sentence with a remedy."""

from __future__ import annotations

import errno
import os

import pytest

from stackup.errors import HostError
from stackup.images.refusal import ArchiveRefused, disk, printable, shown


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO])
def test_a_disk_error_names_the_place_and_the_remedy(number: int) -> None:
    with pytest.raises(HostError) as caught, disk("/var/lib/stackup"):
        raise OSError(number, os.strerror(number))
    assert '"/var/lib/stackup"' in caught.value.message
    assert caught.value.hint
    assert isinstance(caught.value.__cause__, OSError)


def test_other_errors_pass_and_none_is_none() -> None:
    with pytest.raises(ZeroDivisionError), disk("x"):
        _ = 1 // 0
    with disk("x"):
        pass


@pytest.mark.parametrize(
    ("text", "safe"),
    [("plain é", "plain é"), ("\x1b[2J", "\\x1b[2J"), ("a\nb", "a\\nb"), ("\u202e", "\\u202e"), ("\udcff", "\\udcff")],
)
def test_what_could_steer_a_terminal_is_escaped(text: str, safe: str) -> None:
    assert printable(text) == safe
    assert ArchiveRefused(text, subject=text).args == (safe,)


def test_bytes_are_shown_short() -> None:
    assert shown(b"n" * 1000) == "n" * 200
