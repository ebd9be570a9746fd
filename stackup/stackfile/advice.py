"""What the user may have meant: the nearest of the names that exist. Keys that mean nothing are refused with it."""

from __future__ import annotations

from collections.abc import Iterable

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import Mapping


def meant(name: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean "web"?`, or `otherwise` when nothing is near."""
    import difflib  # 4 ms that only a file with a mistake pays

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
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
