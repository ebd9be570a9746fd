"""Which images `image ls` lists: by name and by docker's filters. Hot while there is no filter."""

from __future__ import annotations

from stackup.errors import UsageError
from stackup.project.image import identify, listed, store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from stackup.project.session import Session

    Test = Callable[[dict[str, Any]], bool]


def chosen(
    session: Session, repository: str, filters: tuple[str, ...], moment: Callable[[str], float]
) -> list[dict[str, Any]]:
    """Rows of the store's images. With a name or `reference=` a row keeps only the names that match."""
    rows = listed(session)
    patterns = [word.partition("=")[2] for word in filters if word.startswith("reference=")]
    patterns += [repository] if repository else []
    if patterns:
        rows = [{**row, "tags": [tag for tag in row["tags"] if _matches(tag, patterns)]} for row in rows]
        rows = [row for row in rows if row["tags"]]
    for word in filters:
        if not word.startswith("reference="):
            test = _test(session, word, moment)
            rows = [row for row in rows if test(row)]
    return rows


def _matches(tag: str, patterns: list[str]) -> bool:
    """`app` is every tag of it; wildcards as a shell has them, which stop at no slash less than docker's do."""
    from fnmatch import fnmatchcase  # only where something is looked for

    plain = tag.removeprefix("docker.io/")
    names = {tag, plain, plain.removeprefix("library/")}
    names |= {name.partition("@")[0] if "@" in name else name.rpartition(":")[0] for name in names}
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _test(session: Session, word: str, moment: Callable[[str], float]) -> Test:
    key, mark, value = word.partition("=")
    if key == "dangling" and value in ("true", "false", "1", "0"):
        return lambda row: (not row["tags"]) == (value in ("true", "1"))
    if key in ("before", "since") and value:
        other = identify(session, value)
        at = float(str(store(session).get(other)["created"]))
        return lambda row: row["id"] != other and ((row["created"] < at) if key == "before" else row["created"] > at)
    if key == "until" and value:
        end = moment(value)
        return lambda row: float(row["created"]) < end
    if key == "label" and mark:
        from stackup.project.pruning import Conditions

        only = Conditions(labels=(value,))
        return lambda row: only.meets(store(session).get(str(row["id"])))
    raise UsageError(
        f'"{word}" is not a filter',
        subject=word,
        hint="write dangling=true, label=key=value, before=IMAGE, since=IMAGE, until=24h or reference=PATTERN",
    )
