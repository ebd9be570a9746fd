"""One value that the kernel is to hold for a group, written as the kernel's file takes it and told as people read it.
Pure, hot.

A controller is a module that compiles limits to settings for v2 and v1; who writes and reads them back is `limits`.
What is written and what is there are compared as `tell` reads both, so that the kernel's own spelling is no difference.
"""

from __future__ import annotations

import os

from stackup.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MAX_V1 = 1 << 62  # v1 spells "unlimited" as the highest multiple of the page size
_PAGE = os.sysconf("SC_PAGE_SIZE")


def number(text: str) -> int:
    """0: not limited."""
    if text == "max":
        return 0
    value = int(text)
    return 0 if value < 0 or value >= _MAX_V1 else value


class NoDevice(HostError):
    """A limit names as its device what is none; `subject` is the path."""


class Setting:
    """`path` is the field of `Limits` that it comes from, `idle` what `tell` makes of a group that nobody limited.

    `without` is for what a kernel may lack and a container does without: what is said then. None: it is an error.
    """

    __slots__ = ("asked", "file", "path", "tell", "text", "wanted", "without")

    def __init__(
        self,
        path: tuple[str, ...],
        file: str,
        text: str,
        tell: Callable[[str], Any] = number,
        idle: Any = 0,
        without: str | None = None,
    ) -> None:
        self.path, self.file, self.text, self.tell, self.without = path, file, text, tell, without
        self.wanted = tell(text)
        self.asked = self.wanted != idle


def most(value: int) -> str:
    """v2's word for what has no limit."""
    return str(value) if value > 0 else "max"


def page(size: int) -> int:
    """Memory is counted in pages; less than one is one."""
    return max(_PAGE, size // _PAGE * _PAGE) if size > 0 else 0
