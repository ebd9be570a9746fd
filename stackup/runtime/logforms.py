"""One entry of a log in the words of a collector: journald's native protocol, or syslog's two formats.

Hot. journald: systemd.journal-fields(7) and "Native Journal Protocol"; a value may hold any byte, for its length is
sent. syslog: RFC 3164 and RFC 5424. What came from standard error is an error, everything else is information.
"""

from __future__ import annotations

import os
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from stackup.runtime.description import Collector
    from stackup.runtime.logs import Entry

_ERROR, _INFORMATION = 3, 6
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""English in every locale."""


def form(collector: Collector) -> Callable[[Entry], bytes]:
    if collector["format"] == "journal":
        fields = b"".join(field(name, value.encode()) for name, value in sorted(collector["fields"].items()))
        return lambda entry: journal(entry, fields)
    words = rfc5424 if collector["format"].startswith("rfc5424") else rfc3164
    # The host's number: a monitor has a pid namespace of its own.
    sender = os.readlink("/proc/self")
    return lambda entry: words(entry, collector, sender)


def severity(stream: bytes) -> int:
    return _ERROR if stream in (b"stderr", b"losses") else _INFORMATION


def journal(entry: Entry, fields: bytes) -> bytes:
    """`fields`: what all entries of a container have in common."""
    at, stream, data = entry
    whole = data.endswith(b"\n")
    message = field("MESSAGE", data[:-1] if whole else data)
    partial = b"" if whole else b"CONTAINER_PARTIAL_MESSAGE=true\n"
    return b"%sPRIORITY=%d\nSYSLOG_TIMESTAMP=%d\n%s%s" % (fields, severity(stream), at // 1000, partial, message)


def field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name.encode() + b"=" + value + b"\n"


def rfc3164(entry: Entry, collector: Collector, sender: str) -> bytes:
    """The time is local and has no year; a syslog on this machine knows the machine's name itself."""
    at, stream, data = entry
    local = time.localtime(at // 10**9)
    when = f"{_MONTHS[local.tm_mon - 1]} {local.tm_mday:2} {local.tm_hour:02}:{local.tm_min:02}:{local.tm_sec:02}"
    host = f" {collector['host']}" if collector["host"] else ""
    head = f"<{_priority(stream, collector)}>{when}{host} {collector['tag']}[{sender}]: "
    return head.encode() + data.removesuffix(b"\n") + b"\n"


def rfc5424(entry: Entry, collector: Collector, sender: str) -> bytes:
    at, stream, data = entry
    seconds, rest = divmod(at, 10**9)
    micro = f".{rest // 1000:06}" if collector["format"] == "rfc5424micro" else ""
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + micro + "Z"
    tag = collector["tag"]
    head = f"<{_priority(stream, collector)}>1 {when} {collector['host'] or '-'} {tag} {sender} {tag} - "
    return head.encode() + data.removesuffix(b"\n") + b"\n"


def _priority(stream: bytes, collector: Collector) -> int:
    return collector["facility"] * 8 + severity(stream)
