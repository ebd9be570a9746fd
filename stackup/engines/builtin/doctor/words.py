"""How a look tells what it found, and reads the files that say it."""

from __future__ import annotations

from stackup.engines.engine import Finding


def ok(subject: str, text: str) -> Finding:
    return {"level": "ok", "subject": subject, "text": text, "hint": ""}


def less(subject: str, text: str, hint: str) -> Finding:
    """It works, with less."""
    return {"level": "warning", "subject": subject, "text": text, "hint": hint}


def none(subject: str, text: str, hint: str) -> Finding:
    """Stacks that need it fail."""
    return {"level": "error", "subject": subject, "text": text, "hint": hint}


def read(path: str) -> str:
    """Empty where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def number(path: str) -> int | None:
    text = read(path)
    return int(text) if text.isdigit() else None
