"""PAX extended headers (POSIX.1-2001, pax(1)): records for the next entry, and when they may contradict its header."""

from __future__ import annotations

from stackup.images.refusal import ArchiveRefused, shown

OCTAL_SIZE_MAX = 8**11 - 1
"""The largest size that a header's own field holds."""
XATTR_PREFIX = b"SCHILY.xattr."


def parse_pax(content: bytes) -> dict[bytes, bytes]:
    """The records `length key=value\\n` of a PAX header; each key once."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        digits, space, _ = content[at : at + 8].partition(b" ")
        if not space or not digits.isdigit():
            raise ArchiveRefused("a PAX header is damaged")
        end = at + int(digits)
        key, equals, value = content[at + len(digits) + 1 : end].partition(b"=")
        if end > len(content) or not equals or not key or not value.endswith(b"\n") or key in records:
            raise ArchiveRefused("a PAX header is damaged or says something twice")
        records[key] = value[:-1]
        at = end
    return records


def check_global(records: dict[bytes, bytes]) -> None:
    """A global header may comment (git does); one that renames or resizes every entry is refused."""
    for key in records:
        if key in {b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime"} or key.startswith((b"GNU.", XATTR_PREFIX)):
            raise ArchiveRefused(f"a global PAX header sets {shown(key)}")


def override(pax: dict[bytes, bytes], key: bytes, header: bytes) -> bytes:
    """A long name wins over the header's, which it must repeat if that could have held it (T10)."""
    value = pax.get(key)
    if not value:
        return header
    fits = len(value) < 100 and value.isascii()
    if b"\0" in value or (fits and header and value.strip(b"./") != header.strip(b"./")):
        raise ArchiveRefused(
            f'the header says "{shown(header)}" and its extension "{shown(value)}"', subject=shown(header)
        )
    return value


def override_size(pax: dict[bytes, bytes], header: int) -> int:
    """The entry's size. A sparse file is refused here, since its records change what size means."""
    if any(key.startswith(b"GNU.sparse.") for key in pax):
        raise ArchiveRefused("the archive holds a sparse file", hint="make it without --sparse")
    if b"size" not in pax:
        return header
    value = decimal(pax[b"size"], "size")
    if value != header and value <= OCTAL_SIZE_MAX:
        raise ArchiveRefused(f"the header says {header} bytes and its extension {value}")
    return value


def decimal(raw: bytes, what: str) -> int:
    """A whole number that is not negative."""
    if not raw.isdigit() or len(raw) > 20:
        raise ArchiveRefused(f"a PAX header has a {what} that is no number")
    return int(raw)


def nanoseconds(raw: bytes) -> int:
    """Nanoseconds of `seconds[.fraction]`; before 1970 is 1970."""
    whole, _, fraction = raw.removeprefix(b"-").partition(b".")
    if fraction and not fraction.isdigit():
        raise ArchiveRefused("a PAX header has a time that is no number")
    seconds = decimal(whole, "time")
    return 0 if raw.startswith(b"-") else seconds * 10**9 + int(fraction[:9].ljust(9, b"0"))


def xattrs(pax: dict[bytes, bytes]) -> dict[str, bytes]:
    """The extended attributes among the records."""
    found = {key[len(XATTR_PREFIX) :]: value for key, value in pax.items() if key.startswith(XATTR_PREFIX)}
    if any(not 0 < len(key) < 256 or not key.isascii() or b"\0" in key for key in found):
        raise ArchiveRefused("an extended attribute has no sensible name")
    return {key.decode("ascii"): value for key, value in found.items()}
