"""A command's options as they came from argv, with one typed accessor a shape. Hot."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Options:
    """Asking for an option that the grammar does not have is a bug and raises KeyError."""

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values

    def flag(self, name: str) -> bool:
        return bool(self.values[name])

    def text(self, name: str) -> str:
        value = self.values[name]
        return "" if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values[name]
        return tuple(value) if isinstance(value, (list, tuple)) else ()

    def number(self, name: str) -> int | None:
        value = self.values[name]
        return value if isinstance(value, int) else None

    def seconds(self, name: str) -> float | None:
        """A time-out; negative means without end, as docker compose has it."""
        value = self.number(name)
        return None if value is None else float("inf") if value < 0 else float(value)
