"""`--format`: fields of a row filled into docker's templates, a small part of Go's language. Hot.

`{{.Name}}`, `{{.Config.Env}}`, `{{json .Labels}}`, `{{index .Labels "key"}}`, `{{join .Env ", "}}`, `{{len .Layers}}`,
`{{upper .Name}}`, `{{lower .Name}}`; with `table` before it, under heads.
"""

from __future__ import annotations

from stackup.cli.views.tables import go_json, table
from stackup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from stackup.cli.terminal import Terminal


def show(terminal: Terminal, form: str, rows: Sequence[Mapping[str, Any]], heads: Mapping[str, str]) -> None:
    """A line a row. `heads` has every field that a row may have, with what stands above its column."""
    form = form.replace("\\t", "\t").replace("\\n", "\n")
    plain = form.removeprefix("table ")
    if plain == form:
        for fields in rows:
            terminal.print(filled(plain, fields, heads))
        return
    above = filled(plain, heads, heads).split("\t")
    table(terminal, above, [filled(plain, fields, heads).split("\t") for fields in rows])


def is_template(text: str) -> bool:
    return "{{" in text


def filled(form: str, fields: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    first, *parts = form.split("{{")
    text = [first]
    for part in parts:
        inside, _, rest = part.partition("}}")
        text += [_value(inside.strip(" -"), fields, known), rest]
    return "".join(text)


def _value(inside: str, fields: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    word, *arguments = _words(inside)
    if word.startswith(".") and not arguments:
        return go_text(_field(word, inside, fields, known))
    made = _FUNCTIONS.get((word, len(arguments)))
    if made is None:
        hint = 'write {{.Name}}, {{json .}}, {{index .A "key"}}, {{join .A ","}}, {{len .A}} or {{upper .A}}'
        raise UsageError(f'"{{{{{inside}}}}}" is not understood in a format', subject=inside, hint=hint)
    return str(made(_field(arguments[0], inside, fields, known), *arguments[1:]))


def _words(inside: str) -> list[str]:
    """Split at spaces, but for quoted words, which lose their quotes."""
    found: list[str] = []
    for at, piece in enumerate(inside.replace("`", '"').split('"')):
        found += [piece] if at % 2 else piece.split()
    return found or [""]


def _field(path: str, inside: str, fields: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    value: Any = fields
    for at, name in enumerate(path[1:].split(".") if path != "." else ()):
        if not path.startswith(".") or (at == 0 and name not in known):
            raise UsageError(
                f'"{{{{{inside}}}}}" is not a field here', subject=inside, hint=f"choose .{', .'.join(known)}"
            )
        value = value.get(name) if hasattr(value, "get") else None
    return value


def go_text(value: Any) -> str:
    """As Go prints values: `true`, `[a b]`, `map[k:v]`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<no value>"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    return str(value)


def _index(value: Any, key: str) -> str:
    if isinstance(value, list):
        return go_text(value[int(key)]) if key.isdigit() and int(key) < len(value) else ""
    return go_text(value[key]) if isinstance(value, dict) and key in value else ""


_FUNCTIONS: dict[tuple[str, int], Any] = {
    ("json", 1): go_json,
    ("println", 1): lambda value: go_text(value) + "\n",
    ("len", 1): lambda value: len(value or ()),
    ("upper", 1): lambda value: go_text(value).upper(),
    ("lower", 1): lambda value: go_text(value).lower(),
    ("index", 2): _index,
    ("join", 2): lambda value, mark: mark.join(map(go_text, value or ())),
}
"""By name and number of arguments, the first of which is a field."""
