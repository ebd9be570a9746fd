"""The scalar types of the models: one Annotated type for every way that the specification lets a value be spelled.

What a file may write as a number or as a string (`"8080"`, `"true"`, `64m`, `1m30s`) has one type inside: sizes are int
bytes, durations int nanoseconds, flags bool. A validator takes the loose spelling and raises ValueError with a message
that stands on its own, since the loader prints it beside the caret.
"""

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from stackup.stackfile.document import spell
from stackup.values import LARGEST, parse_duration, parse_size

Loose = Any
"""What JSON can say: keys of the specification that are carried through without being understood. (pydantic's own
type for it checks what the parser has ensured, and costs 10 ms of imports.)"""

_OCTAL = re.compile(r"\s*(0o)?[0-7]{1,10}\s*")
MODES = 0o7777
_FLAGS = {"true": True, "yes": True, "on": True, "y": True, "1": True}
_FLAGS |= {"false": False, "no": False, "off": False, "n": False, "0": False}


def read_text(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"expected text, found the boolean {spell(value)}: quote it")
    if isinstance(value, (int, float)):
        return spell(value)
    return _of(value, str, "text")


def read_word(value: object) -> object:
    """Text of a place where booleans count as text: environment, labels, options of a driver."""
    return spell(value) if isinstance(value, (bool, int, float)) else _of(value, str, "text")


def read_flag(value: object) -> object:
    if isinstance(value, str) and value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    return _of(value, bool, "true or false")


def read_count(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"expected a whole number, found the boolean {spell(value)}")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        return _whole(value)
    return _of(value, int, "a whole number")


def _whole(text: str) -> int:
    try:
        if len(text) > 20 or not text.isascii():
            raise ValueError
        return int(text.strip(), 10)
    except ValueError:
        raise ValueError(f'expected a whole number, found "{text}"') from None


def read_number(value: object) -> object:
    """Infinity and what is no number are none: nothing can be limited to them."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f'expected a number, found "{value}"') from None
        return _finite(number, f'"{value}"')
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float):
        return _finite(value, spell(value))
    return _of(value, float, "a number")


def _finite(number: float, text: str) -> float:
    if math.isinf(number):
        raise ValueError(f"expected a number, found {text}, which is too large")
    if math.isnan(number):
        raise ValueError(f"expected a number, found {text}")
    return number


def read_size(value: object) -> object:
    if isinstance(value, str):
        return -1 if value.strip() == "-1" else parse_size(value)
    if isinstance(value, bool):
        raise ValueError(f"expected a size, found the boolean {spell(value)}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not -1 <= value <= LARGEST:
        raise ValueError(f"expected a size from -1 to {LARGEST}, found {str(value)[:24]}")
    return _of(value, int, "a size such as 512m")


def read_duration(value: object) -> object:
    """A duration must carry a unit; a bare number is refused except 0, as docker compose does."""
    if isinstance(value, str):
        return parse_duration(value)
    if value == 0 and not isinstance(value, bool):
        return 0
    raise ValueError(f"expected a duration such as 30s or 1m30s, found {_kind(value)}")


def read_micros(value: object) -> object:
    """Microseconds: a number of them, or a duration with its unit."""
    if isinstance(value, str) and not value.strip().isdecimal():
        return parse_duration(value) // 1000
    return read_count(value)


def read_octal(value: object) -> object:
    """File modes: an integer is taken as it is (YAML has read `0440` as octal), text is octal."""
    if isinstance(value, str):
        mode: object = int(value, 8) if _OCTAL.fullmatch(value) else None
    else:
        mode = read_count(value)
    if isinstance(mode, int) and mode > MODES:
        raise ValueError(f"expected at most the file mode 7777, found {_kind(value)}, which is too large")
    if not isinstance(mode, int) or mode < 0:
        raise ValueError(f"expected an octal file mode such as 0440, found {_kind(value)}")
    return mode


def _of(value: object, wanted: type, words: str) -> object:
    if type(value) is wanted:
        return value
    raise ValueError(f"expected {words}, found {_kind(value)}")


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return f'"{value}"'
        case _:
            return spell(value)


Text = Annotated[str, BeforeValidator(read_text)]
Word = Annotated[str, BeforeValidator(read_word)]
Flag = Annotated[bool, BeforeValidator(read_flag)]
Count = Annotated[int, BeforeValidator(read_count)]
Number = Annotated[float, BeforeValidator(read_number)]
Size = Annotated[int, BeforeValidator(read_size)]
"""Bytes."""
Duration = Annotated[int, BeforeValidator(read_duration)]
"""Nanoseconds."""
Micros = Annotated[int, BeforeValidator(read_micros)]
"""Microseconds."""
Mode = Annotated[int, BeforeValidator(read_octal)]
"""Permission bits."""
