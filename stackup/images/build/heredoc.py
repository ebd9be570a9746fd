"""Heredocs: files that stand inside the Dockerfile, behind the instruction that opens them with `<<NAME`.

Pure. A part of the name in quotes means that variables of the content stay as they are; `<<-` that leading tabs go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stackup.images.build.expansion import Rules, WordError, expand

_OPENS = re.compile(r"(\d*)<<(-?)\s*([^<]*)", re.ASCII)
_AS_WRITTEN = Rules(keep_quotes=True, keep_escapes=True, keep_unset=True)
_BARE = Rules(keep_unset=True)
_QUOTED = Rules(keep_unset=True, keep_quotes=True)
_MOST = 1_000
"""Heredocs of an instruction; nobody has more."""
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Heredoc:
    """`content` is verbatim, ends of line and leading tabs included. `fd` is 0 when none is written."""

    name: str
    fd: int = 0
    expand: bool = True
    chomp: bool = False
    content: str = ""

    @property
    def text(self) -> str:
        """The content as a command or a file gets it."""
        return _LEADING_TABS.sub("", self.content) if self.chomp else self.content


def parse_heredoc(word: str) -> Heredoc | None:
    """What `<<NAME` opens, without its content; None if the word opens none. Raises WordError on a lone quote."""
    match = _OPENS.fullmatch(word)
    if match is None or not match[3]:
        return None
    bare = expand(match[3], {}, _BARE).words
    quoted = expand(match[3], {}, _QUOTED).words
    if len(bare) != 1 or len(quoted) != 1:
        return None
    fd = int(match[1][:9] or 0)
    return Heredoc(bare[0], fd, expand=_quotes(bare[0]) == _quotes(quoted[0]), chomp=match[2] == "-")


def _quotes(word: str) -> int:
    """An escaped quote is in the name both times; one that quotes is only where quotes are kept."""
    return word.count("'") + word.count('"')


def opened_by(line: str) -> Iterator[Heredoc]:
    """All heredocs that an instruction's line opens, in order. A line that is no sound row of words opens none."""
    if "<<" not in line:
        return
    try:
        words = expand(line, {}, _AS_WRITTEN).words
    except WordError:
        return
    count = 0
    for word in words:
        found = parse_heredoc(word)
        if found is not None:
            count += 1
            if count > _MOST:
                raise WordError(f"more than {_MOST} heredocs")
            yield found
