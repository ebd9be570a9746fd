"""Calls over D-Bus: as much of the wire format as a call and its answer need, over a unix socket.

Values are plain Python with a signature beside them: y b u t s o g, arrays, structs as tuples, and a variant as a pair
of its signature and its value. Source: the D-Bus Specification, "Message Protocol" and "Authentication Protocol".
"""

from __future__ import annotations

import os
import socket
import struct

from stackup.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NUMBERS = {"y": ("B", 1), "b": ("I", 4), "u": ("I", 4), "t": ("Q", 8)}
_ALIGNED = {"s": 4, "o": 4, "g": 1, "a": 4, "(": 8, "v": 1}
_CALL, _ANSWER, _ERROR = 1, 2, 3
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _ANSWERS, _DESTINATION, _SIGNATURE = 1, 2, 3, 4, 5, 6, 8
_MOST_BYTES = 1 << 20
_MOST_MESSAGES = 1000
"""Signals that may come before the answer."""
TIMEOUT_S = 10.0
_REMEDY = "see: systemctl status dbus"


class Refused(HostError):
    """The other side answered with an error; `name` is its name, such as `org.freedesktop.systemd1.UnitExists`."""

    def __init__(self, name: str, text: str, subject: str) -> None:
        super().__init__(f"{subject}: {text or name}", subject=subject)
        self.name = name


def split(signature: str) -> list[str]:
    """The complete types in a signature."""
    found, at = [], 0
    while at < len(signature):
        end = _end(signature, at)
        found.append(signature[at:end])
        at = end
    return found


def _end(signature: str, at: int) -> int:
    if signature[at] == "a":
        return _end(signature, at + 1)
    if signature[at] != "(":
        return at + 1
    at += 1
    while signature[at] != ")":
        at = _end(signature, at)
    return at + 1


def _boundary(kind: str) -> int:
    return _NUMBERS[kind][1] if kind in _NUMBERS else _ALIGNED[kind[0]]


def pack(signature: str, values: tuple[Any, ...], out: bytearray | None = None) -> bytes:
    """Appended to `out`, from whose beginning alignment counts."""
    out = bytearray() if out is None else out
    for kind, value in zip(split(signature), values, strict=True):
        _pad(out, _boundary(kind))
        _pack_one(kind, value, out)
    return bytes(out)


def _pack_one(kind: str, value: Any, out: bytearray) -> None:
    if kind in _NUMBERS:
        out += struct.pack("<" + _NUMBERS[kind][0], value)
    elif kind in ("s", "o", "g"):
        text = value.encode()
        out += struct.pack("<B" if kind == "g" else "<I", len(text)) + text + b"\0"
    elif kind == "v":
        pack("g", (value[0],), out)
        pack(value[0], (value[1],), out)
    elif kind[0] == "(":
        pack(kind[1:-1], value, out)
    else:
        at = len(out)
        out += bytes(4)
        _pad(out, _boundary(kind[1:]))
        begin = len(out)  # padding before the first item does not count
        for item in value:
            pack(kind[1:], (item,), out)
        struct.pack_into("<I", out, at, len(out) - begin)


def _pad(out: bytearray, boundary: int) -> None:
    out += bytes(-len(out) % boundary)


def call(serial: int, where: tuple[str, str, str, str], signature: str, values: tuple[Any, ...]) -> bytes:
    """A method call's message. `where`: destination, object's path, interface, method."""
    destination, path, interface, member = where
    body = pack(signature, values)
    fields = [(_PATH, ("o", path)), (_INTERFACE, ("s", interface)), (_MEMBER, ("s", member))]
    if destination:
        fields.append((_DESTINATION, ("s", destination)))
    if signature:
        fields.append((_SIGNATURE, ("g", signature)))
    head = bytearray(struct.pack("<cBBBII", b"l", _CALL, 0, 1, len(body), serial))
    pack("a(yv)", (fields,), head)
    _pad(head, 8)
    return bytes(head) + body


class Connection:
    """To a message bus, or to a peer that is none (`bus=False`). Raises HostError when there is nobody to talk to."""

    def __init__(self, path: str, *, bus: bool = True) -> None:
        self._path, self._serial, self._left = path, 0, b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(TIMEOUT_S)
        try:
            self._greet(path, bus=bus)
        except BaseException:
            self.close()
            raise

    def _greet(self, path: str, *, bus: bool) -> None:
        try:
            self._socket.connect(path)
            self._socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
            if not self._line().startswith(b"OK "):
                raise HostError(f'"{path}" lets nobody in with this user id', subject=path, hint=_REMEDY)
            self._socket.sendall(b"BEGIN\r\n")
        except OSError as problem:
            raise HostError(f'nobody answers at "{path}": {problem}', subject=path) from problem
        if bus:
            self.call(("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"))

    def close(self) -> None:
        self._socket.close()

    def call(self, where: tuple[str, str, str, str], signature: str = "", values: tuple[Any, ...] = ()) -> None:
        """Until it is answered; what the answer holds is nobody's need so far. Raises Refused and HostError."""
        self._serial += 1
        try:
            self._socket.sendall(call(self._serial, where, signature, values))
            for _ in range(_MOST_MESSAGES):
                kind, fields, body = self._message()
                if fields.get(_ANSWERS) == self._serial:
                    if kind == _ERROR:
                        raise Refused(str(fields.get(_ERROR_NAME, "")), _first_text(fields, body), where[3])
                    return
        except OSError as problem:
            raise HostError(f"{where[3]}: {problem}", subject=self._path, hint=_REMEDY) from problem
        raise HostError(f"{where[3]} is not answered", subject=self._path, hint=_REMEDY)

    def _line(self) -> bytes:
        while b"\r\n" not in self._left:
            self._more()
        line, _, self._left = self._left.partition(b"\r\n")
        return line

    def _message(self) -> tuple[int, dict[int, Any], bytes]:
        """Kind, header fields, body."""
        order, kind, _, _, body, _, fields = struct.unpack("<cBBBIII", self._take(16))
        if order != b"l" or body + fields > _MOST_BYTES:
            raise HostError(f'"{self._path}": a message that no answer can be', subject=self._path, hint=_REMEDY)
        told = _fields(self._take(fields + -fields % 8)[:fields])
        return kind, told, self._take(body)

    def _take(self, count: int) -> bytes:
        while len(self._left) < count:
            self._more()
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def _more(self) -> None:
        part = self._socket.recv(65536)
        if not part or len(self._left) > 2 * _MOST_BYTES:
            raise HostError(f'"{self._path}": the connection ended', subject=self._path, hint=_REMEDY)
        self._left += part


def _fields(data: bytes) -> dict[int, Any]:
    """Header fields: texts and numbers. Alignment counts from the message's beginning, 16 bytes before."""
    found, at = {}, 0
    while at < len(data):
        at += -at % 8
        code, kind = data[at], data[at + 2 : at + 3].decode()
        at += 4
        if kind == "u":
            found[code], at = struct.unpack_from("<I", data, at)[0], at + 4
        else:
            found[code], at = _text(kind, data, at)
    return found


def _text(kind: str, data: bytes, at: int) -> tuple[str, int]:
    length, size = (data[at], 1) if kind == "g" else (struct.unpack_from("<I", data, at)[0], 4)
    begin = at + size
    return data[begin : begin + length].decode(errors="replace"), begin + length + 1


def _first_text(fields: dict[int, Any], body: bytes) -> str:
    return _text("s", body, 0)[0] if str(fields.get(_SIGNATURE, "")).startswith("s") else ""
