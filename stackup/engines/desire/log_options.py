"""Options of logging drivers, as dockerd has them: which driver knows which, and how each is read.

Every reader raises ValueError with what was expected. What docker knows and is not here has no effect, and is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from stackup.values import parse_size

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
"""By number, RFC 5424 table 1; those without a word of their own go by it."""
FORMATS = ("", "rfc3164", "rfc5424", "rfc5424micro")
SYSLOG_PORT = 514
TAG_WORDS = ("ID", "FullID", "Name", "ImageName", "ImageID", "ImageFullID", "Command", "DaemonName")
_TAG_WORD = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")


def count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:11]) > 2**31 - 1:
        raise ValueError(f'"{text}" is not a count')
    return int(text)


def flag(text: str) -> bool:
    """As Go reads one."""
    if text not in ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"):
        raise ValueError(f'"{text}" is neither true nor false')
    return text.lower() in ("1", "t", "true")


def mode(text: str) -> str:
    """Both are the same here: nobody waits for a collector, and what it has not taken is read again from the files."""
    if text not in ("blocking", "non-blocking"):
        raise ValueError(f'"{text}" is neither "blocking" nor "non-blocking"')
    return text


def tag(text: str) -> str:
    """A template of docker's; `filled` writes the words in."""
    return filled(text, dict.fromkeys(TAG_WORDS, ""))


def filled(text: str, words: Mapping[str, str]) -> str:
    def word(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise ValueError(f'"{match[0]}" is none of {", ".join(TAG_WORDS)}')
        return words[match[1]]

    found = _TAG_WORD.sub(word, text)
    if "{{" in _TAG_WORD.sub("", text):
        raise ValueError(f'"{text}": a tag knows {{{{.Name}}}} and its like, and nothing that computes')
    return found


def pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as problem:
        raise ValueError(f'"{text}" is no regular expression: {problem}') from None


def facility(text: str) -> int:
    if text in FACILITIES and text:
        return FACILITIES.index(text)
    if not (text.isascii() and text.isdigit()) or int(text[:4]) >= len(FACILITIES):
        raise ValueError(f'"{text}" is not a facility: {", ".join(filter(None, FACILITIES))}')
    return int(text)


def syslog_format(text: str) -> str:
    if text not in FORMATS:
        raise ValueError(f'"{text}" is none of {", ".join(filter(None, FORMATS))}')
    return text


def address(text: str) -> tuple[str, str | tuple[str, int]]:
    """(`udp`, (host, port)) or (`unixgram`, path), from a URL."""
    from urllib.parse import urlsplit  # 3 ms, for the few files that name one

    parts = urlsplit(text)
    if parts.scheme in ("unix", "unixgram") and parts.path.startswith("/") and not parts.netloc:
        return parts.scheme, parts.path
    if parts.scheme in ("udp", "tcp") and parts.hostname:
        return parts.scheme, (parts.hostname, parts.port or SYSLOG_PORT)
    if parts.scheme == "tcp+tls":
        raise ValueError(f'"{text}": TLS is not spoken here; send to a syslog on this machine that does')
    raise ValueError(f'"{text}" is not an address such as udp://127.0.0.1:514, tcp://host:514 or unix:///dev/log')


Reader = Callable[[str], object]
FILES: dict[str, Reader] = {"max-size": parse_size, "max-file": count, "compress": flag}
_CACHE: dict[str, Reader] = {f"cache-{name}": reader for name, reader in FILES.items()}
_ANY: dict[str, Reader] = {"tag": tag, "mode": mode, "max-buffer-size": parse_size, **_CACHE}
_SYSLOG: dict[str, Reader] = {"syslog-address": address, "syslog-facility": facility, "syslog-format": syslog_format}
_FIELDS: dict[str, Reader] = {"labels": str, "labels-regex": pattern, "env": str, "env-regex": pattern}
OPTIONS: dict[str, dict[str, Reader]] = {
    "json-file": FILES,
    "local": FILES,
    "none": {},
    "journald": {**_ANY, **_FIELDS},
    "syslog": {**_ANY, **_SYSLOG},
}
"""Of each driver that has an effect; the output of any other is kept in files."""


def options_of(driver: str | None) -> dict[str, Reader]:
    return OPTIONS.get(driver or "json-file", FILES)
