"""Seeded damage to texts and trees: the same seed makes the same cases, so that a finding can be had again.

A mutator knows a parser's own words (`tokens`), so that what it makes is near the grammar and gets deep.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

ODD = (
    *"\0\x07\x0b\x1b\x7f\x85\xa0\u0663\u2028\u202e\ud800\ue000\ufeff\U0010ffff\t\r\n ",
    "\r\n",
    "\\",
    '"',
    "'",
    "$$",
    "١",
    "-",
    "9" * 25,
    "9" * 5000,
    "1e400",
    "0x",
    "_",
)
"""Letters that have broken parsers: controls, other scripts' digits, what no encoding has, numbers without end."""
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**63,
    2**64,
    -(2**70),
    0.5,
    float("inf"),
    float("nan"),
    1e300,
    "",
    " ",
    "0",
    "-1",
    "x",
    "~",
    "=",
    ":",
    "/",
    "..",
    "${X:-y}",
    "\0",
    "\x1b[31m",
    [],
    [None],
    [[]],
    {},
    {"": None},
    {"x": {}},
)
"""What may stand where a file should have said something else."""


def text(random: Random, seeds: Sequence[str], tokens: Sequence[str]) -> str:
    """A seed with one to six wounds; now and then a seed as it is, or nothing but tokens."""
    if random.random() < 0.1:
        return "".join(random.choices(tokens, k=random.randrange(1, 30)))
    made = random.choice(seeds)
    for _ in range(random.choice((0, 1, 1, 2, 3, 6))):
        made = random.choice(WOUNDS)(random, made, seeds, tokens)
    return made[:20_000]


def _insert(random: Random, made: str, _: Sequence[str], tokens: Sequence[str]) -> str:
    at = random.randrange(len(made) + 1)
    return made[:at] + random.choice(ODD if random.random() < 0.3 else tokens) + made[at:]


def _remove(random: Random, made: str, *_: Sequence[str]) -> str:
    at, end = _stretch(random, made)
    return made[:at] + made[end:]


def _repeat(random: Random, made: str, *_: Sequence[str]) -> str:
    at, end = _stretch(random, made)
    return made[:at] + made[at:end] * random.choice((2, 3, 50, 500)) + made[end:]


def _replace(random: Random, made: str, _: Sequence[str], tokens: Sequence[str]) -> str:
    at, end = _stretch(random, made)
    return made[:at] + random.choice(tokens) + made[end:]


def _splice(random: Random, made: str, seeds: Sequence[str], _: Sequence[str]) -> str:
    other = random.choice(seeds)
    return made[: random.randrange(len(made) + 1)] + other[random.randrange(len(other) + 1) :]


def _nest(random: Random, made: str, _: Sequence[str], tokens: Sequence[str]) -> str:
    """One token many times over: depth, where it opens something."""
    at = random.randrange(len(made) + 1)
    return made[:at] + random.choice(tokens) * random.choice((10, 200, 2000)) + made[at:]


def _lines(random: Random, made: str, *_: Sequence[str]) -> str:
    lines = made.split("\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(3):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            lines.insert(one, lines[other])
        case _:
            lines[one] = " " * random.randrange(5) + lines[one].lstrip()
    return "\n".join(lines)


def _stretch(random: Random, made: str) -> tuple[int, int]:
    at = random.randrange(len(made) + 1)
    return at, min(len(made), at + random.choice((1, 1, 2, 5, 20)))


WOUNDS = (_insert, _remove, _repeat, _replace, _splice, _nest, _lines)


def tree(random: Random, data: Any) -> Any:
    """The data with one of its values, anywhere, put in another's place or made something else."""
    places = list(_places(data))
    if not places:
        return _copy(random.choice(VALUES))
    holder, key = random.choice(places)
    match random.randrange(4):
        case 0 if isinstance(holder, list):
            holder.append(_copy(random.choice(VALUES)))
        case 1:
            other, other_key = random.choice(places)
            holder[key] = _copy(other[other_key])
        case 2 if isinstance(holder, dict):
            holder[random.choice(list(holder)) + random.choice(("", "x", ".", "\x1b"))] = _copy(random.choice(VALUES))
        case _:
            holder[key] = _copy(random.choice(VALUES))
    return data


def _places(data: Any) -> Any:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        yield data, key
        yield from _places(value)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
