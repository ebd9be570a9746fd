"""What a child is doing right now, for the report of a failure. Hot."""

from __future__ import annotations

NOT_EXECUTABLE = 126
"""POSIX, 2.8.2: what is wrong before a program runs."""


class Trail:
    __slots__ = ("exit_code", "operation", "path")

    def __init__(self) -> None:
        self.operation, self.path, self.exit_code = "", "", NOT_EXECUTABLE

    def at(self, operation: str, path: str = "") -> None:
        self.operation, self.path = operation, path
