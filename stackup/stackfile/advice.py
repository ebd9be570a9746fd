"""What the user may have meant: the nearest of the names that exist."""

from __future__ import annotations

from collections.abc import Iterable


def meant(name: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean "web"?`, or `otherwise` when nothing is near."""
    import difflib  # 4 ms that only a file with a mistake pays

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else otherwise
