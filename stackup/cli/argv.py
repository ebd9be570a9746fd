"""Command lines without typer: what the table knows is parsed here, anything unusual is left to typer. Hot.

The rules are typer's: `--name value`, `--name=value`, `-abc`, `-n5`, options anywhere among the arguments except where
the command passes its rest on (`exec`, `run`). Docker's `--flag=false` is understood as well. The answer is None as
soon as anything does not fit: then typer says what is wrong, or prints the help.
"""

from __future__ import annotations

from stackup.cli.hot_table import GLOBALS, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    Values = dict[str, object]

TRUE = ("true", "1", "t", "True", "TRUE", "T")
PASSING = ("exec", "run")
CHANGING = ("up", "down", "create", "start", "stop", "restart", "rm", "scale", "kill", "pause", "unpause", "apply")
FALSE = ("false", "0", "f", "False", "FALSE", "F")


class Unusual(Exception):
    """Not for this parser."""


class Syntax:
    """One command's options and arguments, read from its line in the table."""

    __slots__ = ("arguments", "options", "passes_rest", "values")

    def __init__(self, line: str) -> None:
        self.options: dict[str, tuple[str, str]] = {}
        self.arguments: list[tuple[str, str]] = []
        self.values: Values = {}
        self.passes_rest = False
        for token in line.split():
            self._add(token)

    def _add(self, token: str) -> None:
        if token == "rest":
            self.passes_rest = True
            return
        name, kind, names, default = token.split("|")
        if not names:
            self.arguments.append((name, kind))
        for option in filter(None, names.split(",")):
            self.options[option] = (name, kind)
        if kind != "off":
            self.values[name] = _default(kind, default)


def _default(kind: str, default: str) -> object:
    if kind == "flag":
        return default == "1"
    if kind in ("texts", "many", "some"):
        return []
    if kind == "number":
        return int(default) if default else None
    return default or None


def hoisted(argv: list[str]) -> list[str]:
    """Global flags that people write behind the verb: `config --strict` is `--strict config`.

    docker takes --dry-run behind every verb that changes something. What `exec` and `run` pass on is left alone.
    """
    try:
        _, rest = _options(Syntax(f"{GLOBALS} rest"), argv)
    except Unusual:
        return argv
    if not rest or rest[0] in PASSING:
        return argv
    place = len(argv) - len(rest) + 1
    end = argv.index("--", place) if "--" in argv[place:] else len(argv)
    moved, kept = _parted(argv[place:end], rest[0] in CHANGING)
    return [*moved, *argv[:place], *kept, *argv[end:]]


def _parted(words: list[str], changing: bool) -> tuple[list[str], list[str]]:
    moved: list[str] = []
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        value = next(rest, None) if word == "--diagnostics" else None
        if value is not None:
            moved += [word, value]
        elif word == "--strict" or word.startswith("--diagnostics=") or (word == "--dry-run" and changing):
            moved.append(word)
        else:
            kept.append(word)
    return moved, kept


def parse(argv: list[str]) -> tuple[Values, str, Values] | None:
    """(global options, the command's name, its options), or None for typer."""
    try:
        flags, rest = _options(Syntax(f"{GLOBALS} rest"), argv)
        if not rest:
            return None
        verb = rest.pop(0)
        if rest and (verb not in VERBS or f"{verb} {rest[0]}" in VERBS):  # `config` and `config ls`
            verb = f"{verb} {rest.pop(0)}"
        if verb not in VERBS:
            return None
        syntax = Syntax(VERBS[verb])
        values, rest = _options(syntax, rest)
        return flags, verb, _arguments(syntax, values, rest)
    except Unusual:
        return None


def _options(syntax: Syntax, argv: list[str]) -> tuple[Values, list[str]]:
    """The options' values and the arguments between them."""
    values, words = dict(syntax.values), list(argv)
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            return values, rest + words
        if word.startswith("--"):
            _long(syntax, values, word, words)
        elif word.startswith("-") and word != "-":
            _short(syntax, values, word, words)
        else:
            rest.append(word)
            if syntax.passes_rest:
                return values, rest + words
    return values, rest


def _long(syntax: Syntax, values: Values, word: str, words: list[str]) -> None:
    option, mark, value = word.partition("=")
    if option not in syntax.options:
        raise Unusual
    name, kind = syntax.options[option]
    if kind in ("flag", "off"):
        if mark and value not in TRUE + FALSE:
            raise Unusual
        values[name] = (kind == "flag") != (mark != "" and value in FALSE)
    else:
        _set(values, name, kind, value if mark else _next(words))


def _short(syntax: Syntax, values: Values, word: str, words: list[str]) -> None:
    for at, letter in enumerate(word[1:], 1):
        if f"-{letter}" not in syntax.options:
            raise Unusual
        name, kind = syntax.options[f"-{letter}"]
        if kind not in ("flag", "off"):
            _set(values, name, kind, word[at + 1 :] or _next(words))
            return
        values[name] = kind == "flag"


def _next(words: list[str]) -> str:
    if not words:
        raise Unusual
    return words.pop(0)


def _set(values: Values, name: str, kind: str, text: str) -> None:
    if kind == "texts":
        found = values[name]
        values[name] = [*found, text] if isinstance(found, list) else [text]
    elif kind == "number":
        digits = text[1:] if text[:1] in ("-", "+") else text
        if not (digits.isascii() and digits.isdigit()):
            raise Unusual
        values[name] = int(text)
    else:
        values[name] = text


def _arguments(syntax: Syntax, values: Values, rest: list[str]) -> Values:
    for name, kind in syntax.arguments:
        if kind in ("many", "some"):
            if kind == "some" and not rest:
                raise Unusual
            values[name], rest = rest, []
        elif rest:
            text = rest.pop(0)
            _set(values, name, "number" if kind == "count" else "text", text)
        elif kind != "maybe":
            raise Unusual
    if rest:
        raise Unusual
    return values
