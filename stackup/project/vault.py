"""Secrets and configs that belong to no stack: what `stackup secret` and `stackup config create` and the rest do."""

from __future__ import annotations

from stackup.errors import UsageError
from stackup.project.filters import has_label, narrowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stackup.engines.engine import Stored
    from stackup.project.session import Session

_FILTERS: Mapping[str, Sequence[str]] = dict.fromkeys(("id", "label", "name"), ())


def create(
    session: Session, kind: str, name: str, data: bytes, *, labels: Mapping[str, str], replace: bool = False
) -> Stored:
    """No bytes are mostly those of a command that failed on the other side of a pipe, and are refused."""
    from stackup.engines.engine import LARGEST  # typing: not for listing

    if not data:
        raise UsageError(f"{kind} {name} would be empty", subject=name, hint="look at what should have written it")
    if len(data) > LARGEST:
        hint = "what is so large belongs on a volume"
        raise UsageError(f"{kind} {name} is larger than {LARGEST >> 20} MiB", subject=name, hint=hint)
    return session.host.vault.create(kind, name, data, labels, replace=replace)


def listed(session: Session, kind: str, filters: Sequence[str] = ()) -> list[Stored]:
    """By name; each filter narrows, several of one kind widen."""
    return narrowed(session.host.vault.all(kind), filters, _FILTERS, _fits)


def _fits(row: Stored, word: str, value: str) -> bool:
    match word:
        case "label":
            return has_label(row["labels"], value)
        case "id":
            return row["id"].startswith(value)
    return value in row["name"]


def need(session: Session, kind: str, name: str) -> Stored:
    """By name, else by the beginning of its id."""
    found = session.host.vault.find(kind, name)
    begun = [row for row in session.host.vault.all(kind) if len(name) > 3 and row["id"].startswith(name)]
    for row in (found, *begun):
        if row is not None:
            return row
    raise UsageError(f"{kind} not found: {name}", subject=name, hint=f"see `stackup {kind} ls`", code="not-found")


def content(session: Session, kind: str, row: Stored) -> bytes:
    return session.host.vault.content(kind, row["name"])


def remove(session: Session, kind: str, name: str) -> str:
    row = need(session, kind, name)
    session.host.vault.remove(kind, row["name"])
    return row["name"]
