"""Option values that need more than typer's types: counts, moments, key=value pairs. Hot."""

from __future__ import annotations

from stackup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def counts(words: tuple[str, ...]) -> dict[str, int]:
    """`web=3` pairs of --scale and `scale`."""
    found: dict[str, int] = {}
    for word in words:
        name, mark, number = word.partition("=")
        if not mark or not name or not number.isdigit():
            raise UsageError(f'"{word}" is not SERVICE=NUM', subject=word, hint="for example: web=3")
        found[name] = int(number)
    return found


def pairs(words: tuple[str, ...], environ: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """`KEY=VALUE` words; a bare KEY takes its value from the environment, where one is given."""
    found: dict[str, str | None] = {}
    for word in words:
        key, mark, value = word.partition("=")
        found[key] = value if mark else (environ or {}).get(key)
    return found


def keyed(words: tuple[str, ...], option: str) -> dict[str, str]:
    """KEY=VALUE each."""
    for word in words:
        if not word.partition("=")[1]:
            raise UsageError(f'{option} takes KEY=VALUE, not "{word}"', subject=word)
    return {word.partition("=")[0]: word.partition("=")[2] for word in words}


def several(words: tuple[str, ...]) -> tuple[str, ...]:
    """What docker takes one by one or with commas between them."""
    return tuple(part for word in words for part in word.split(",") if part)


def moment(text: str, now: float) -> float:
    """Epoch seconds of `--since`: an age (`42m`), a date, a time, or epoch seconds; 0 for none."""
    if not text:
        return 0.0
    try:
        return float(text)
    except ValueError:
        pass
    from stackup.values import parse_duration  # regular expressions: only when there is something to parse

    try:
        return now - parse_duration(text) / 1e9
    except ValueError:
        return _date(text)


def _date(text: str) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise UsageError(
            f'"{text}" is not a time', subject=text, hint="write 2026-01-02T13:23:37Z, or an age such as 42m"
        ) from None


def form(text: str, *choices: str) -> str:
    """`--format`; empty for the form that people read, which is the first choice."""
    if text not in ("", *choices):
        raise UsageError(f'"{text}" is not a format', subject="--format", hint=f"choose {' or '.join(choices)}")
    return "" if text == choices[0] else text


def lines(text: str) -> int | None:
    """`--tail`: a number, or all of them."""
    if text in ("", "all"):
        return None
    if not text.isdigit():
        raise UsageError(f'"{text}" is not a number of lines', subject=text, hint="write a number, or all")
    return int(text)


def key_sequence(text: str) -> bytes:
    """`ctrl-p,ctrl-q` as the bytes that a terminal sends; docker's notation, and empty for its default."""
    found = b""
    for word in text.split(",") if text else ():
        key = word.removeprefix("ctrl-")
        code = ord(key) if len(key) == 1 and key.isascii() else -1
        if key != word:  # the control characters are the row of capitals, @ to _, without its sixth bit
            code = ord(key.upper()) - 64 if len(key) == 1 and "@" <= key.upper() <= "_" else -1
        if code < 0:
            hint = "write letters, or ctrl- and one of a-z @ [ \\ ] ^ _, with commas in between"
            raise UsageError(f'"{word}" is not a key', subject="--detach-keys", hint=hint)
        found += bytes([code])
    return found
