"""What the user may have meant: the nearest of the names that exist. Keys that mean nothing are refused with it."""

from __future__ import annotations

from collections.abc import Iterable

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import Mapping

MAX_ADVICE = 100
"""A file with more problems than this gets no further advice, since it costs."""


def meant(name: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean "web"?`, or `otherwise` when nothing is near."""
    import difflib  # 4 ms that only a file with a mistake pays

    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6) or [other for other in names if _same(other, name)]
    return f'did you mean "{close[0]}"?' if close else otherwise


def refuse_unknown(node: Mapping, known: Iterable[str], where: str, diagnostics: Diagnostics) -> None:
    """For mappings that are used up before the whole is validated."""
    for key, entry in node.entries.items():
        if key not in known and not key.startswith("x-"):
            diagnostics.error(
                "SU020",
                "a key is not known",
                detail=f'"{key}" in {where}',
                span=entry.key,
                label="not known here",
                hint=meant(key, known, f"{where} has {', '.join(known)}"),
            )


def _same(one: str, other: str) -> bool:
    """Letters that changed places, of names too short to be near; or letters of another case."""
    return sorted(one.lower()) == sorted(other.lower())
