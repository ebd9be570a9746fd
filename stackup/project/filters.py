"""`--filter kind=value` of the commands that list: each narrows, several of one kind widen. Hot."""

from __future__ import annotations

from stackup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeVar

    Row = TypeVar("Row")


def narrowed(
    rows: Iterable[Row],
    filters: Sequence[str],
    known: Mapping[str, Sequence[str]],
    fits: Callable[[Row, str, str], bool],
) -> list[Row]:
    """The rows that `fits(row, kind, value)` is true of. `known`: by kind, the values that it takes; none for any.

    Raises UsageError for anything else, also when there are no rows.
    """
    wanted: dict[str, list[str]] = {}
    for text in filters:
        kind, _, value = text.partition("=")
        if kind not in known:
            raise UsageError(f"invalid filter '{kind}'", subject=text, hint=f"one of {', '.join(known)}")
        if known[kind] and value not in known[kind]:
            raise UsageError(f"invalid filter '{text}'", subject=text, hint=f"one of {', '.join(known[kind])}")
        wanted.setdefault(kind, []).append(value)
    return [row for row in rows if all(any(fits(row, kind, one) for one in ones) for kind, ones in wanted.items())]


def has_label(labels: Mapping[str, Any], word: str) -> bool:
    """`key`, or `key=value`."""
    key, mark, value = word.partition("=")
    return key in labels and (not mark or labels[key] == value)
