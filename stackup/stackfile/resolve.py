"""What an unquoted YAML value means, as docker compose reads it: Go's yaml.v3, except that dates stay text.

`0440` is octal, `22:22`, `yes` and `on` are text, `1_000` is a number. Used both ways: to read a scalar, and to tell
whether a text must be quoted when it is written.
"""

from __future__ import annotations

import math
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.stackfile.document import Value

_CONSTANTS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INT = re.compile(r"([-+]?)(0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+|0[0-7]*|[1-9][0-9]*)\Z")
_INT_BASE = {"0x": 16, "0o": 8, "0b": 2}


def resolve(text: str) -> Value:
    """What a plain scalar means to Go's yaml.v3, except that dates stay text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if text.lstrip("+-").lower() == ".inf":
        return -math.inf if text[0] == "-" else math.inf
    if text.lower() == ".nan":
        return math.nan
    return _number(text)


def _number(text: str) -> Value:
    digits = text.replace("_", "")
    if found := _INT.match(digits):
        number = found[2]
        base = _INT_BASE.get(number[:2].lower(), 8 if number[0] == "0" and len(number) > 1 else 10)
        if len(number) <= 66:
            whole = int(number, base) * (-1 if found[1] == "-" else 1)
            if -(2**63) <= whole < 2**64:
                return whole
    if _FLOAT.match(digits) and len(digits) < 400 and math.isfinite(value := float(digits)):
        return value
    return text
