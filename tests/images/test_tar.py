"""One parser, one meaning: what is read, what is refused, and never anything else."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.errors import StackupError
from stackup.images.refusal import ArchiveRefused
from stackup.images.tar import Entry, Limits, TarReader, entry_path, parse_number
from tests.images import tarballs as t


def read(archive: bytes, *, piece: int = 0, limits: Limits | None = None) -> list[tuple[Entry, bytes]]:
    """All entries with their contents; `piece` cuts the stream into chunks of that size."""
    cuts = range(0, len(archive), piece or len(archive) or 1)
    reader = TarReader(iter([archive[at : at + (piece or len(archive))] for at in cuts]), limits or Limits())
    return [(entry, b"".join(bytes(part) for part in reader.data())) for entry in reader]


def refusal(*members: bytes) -> str:
    with pytest.raises(ArchiveRefused) as caught:
        read(t.tarball(*members))
    return caught.value.message


def test_an_entry_has_all_its_fields() -> None:
    archive = t.tarball(t.file("./a/b", b"hello", mode=0o4755, uid=1000, gid=1001, mtime=12345))
    assert read(archive) == [(Entry("a/b", "file", 0o4755, 1000, 1001, 5, 12345 * 10**9), b"hello")]


def test_every_kind_is_read() -> None:
    archive = t.tarball(
        t.directory("d"), t.symlink("s", "../x"), t.file("f"), t.hardlink("h", "f"),
        t.block(b"c", b"3", device=(1, 3)), t.block(b"b", b"4", device=(8, 1)), t.block(b"p", b"6"),
    )  # fmt: skip
    found = [(entry.path, entry.kind, entry.link, entry.device) for entry, _ in read(archive)]
    assert found == [
        ("d", "directory", "", (0, 0)), ("s", "symlink", "../x", (0, 0)), ("f", "file", "", (0, 0)),
        ("h", "hardlink", "f", (0, 0)), ("c", "char", "", (1, 3)), ("b", "block", "", (8, 1)), ("p", "fifo", "", (0, 0)),
    ]  # fmt: skip


@pytest.mark.parametrize("piece", [1, 7, 511, 512, 513, 4096])
def test_the_cuts_of_the_stream_do_not_matter(piece: int) -> None:
    archive = t.tarball(t.gnu_long(b"n" * 150), t.file("n", b"x" * 1500), t.directory("d"), t.file("d/e", b"y" * 512))
    assert read(archive, piece=piece) == read(archive)


def test_content_that_nobody_reads_is_skipped() -> None:
    reader = TarReader(iter([t.tarball(t.file("a", b"x" * 3000), t.file("b"))]), Limits())
    assert [entry.path for entry in reader] == ["a", "b"]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_other_writers_archives_are_read(form: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name in ("short", "d" * 90 + "/" + "f" * 90):
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.uid, info.uname = 4, 1_700_000_000, 1234, "somebody"
            archive.addfile(info, io.BytesIO(b"data"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "t" * 99
        archive.addfile(link)
    found = read(buffer.getvalue())
    assert [(entry.path, data) for entry, data in found] == [
        ("short", b"data"),
        ("d" * 90 + "/" + "f" * 90, b"data"),
        ("link", b""),
    ]
    assert (found[0][0].uid, found[0][0].mtime_ns, found[2][0].link) == (1234, 1_700_000_000 * 10**9, "t" * 99)


def test_pax_records_are_applied_to_the_next_entry_only() -> None:
    records = {"path": "é/long", "uid": "3000000", "mtime": "1700000000.25", "SCHILY.xattr.user.note": b"a\0b"}
    (first, _), (second, _) = read(t.tarball(t.pax(records), t.file("e_long", b"1"), t.file("plain", b"2")))
    assert first == Entry(
        "é/long", "file", 0o644, 3000000, 0, 1, 1_700_000_000_250_000_000, xattrs={"user.note": b"a\0b"}
    )
    assert second.path == "plain"
    assert second.xattrs == {}


def test_a_large_number_may_be_binary() -> None:
    assert parse_number(b"\x80" + b"\0" * 6 + b"\x01\x00\x00\x00\x00", "size") == 2**32
    with pytest.raises(ArchiveRefused, match="negative"):
        parse_number(b"\xff" * 12, "size")


@pytest.mark.parametrize("field", [b"0o17\0   ", b"-1\0     ", b"1_0\0    ", b"9\0      ", b"\xc2\xb2      "])
def test_a_number_is_octal_digits_and_nothing_that_python_would_take(field: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        parse_number(field, "mode")


def test_a_comment_for_all_is_read_over_and_a_rename_of_all_is_refused() -> None:
    assert [entry.path for entry, _ in read(t.tarball(t.pax({"comment": "0123abcd"}, b"g"), t.file("a")))] == ["a"]
    assert "global" in refusal(t.pax({"path": "x"}, b"g"), t.file("a"))


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"a", "a"),
        (b"./a/b/", "a/b"),
        (b"./", ""),
        (b".", ""),
        (b"a..b/...", "a..b/..."),
        ("é".encode(), "é"),
        (b"\xff", "\udcff"),
    ],
)
def test_clean_names_are_kept(raw: bytes, path: str) -> None:
    assert entry_path(raw, 8) == path


@pytest.mark.parametrize(
    "raw", [b"", b"/", b"/etc", b"..", b"../x", b"a/../b", b"a/..", b"a//b", b".//a", b"a//", b"././a", b"a/./b", b"a\0b", b"a/" * 9 + b"b", b"x/" * 3000]
)  # fmt: skip
def test_t1_names_that_could_mean_something_else_are_refused(raw: bytes) -> None:
    with pytest.raises(ArchiveRefused, match="entry"):
        entry_path(raw, 8)


def test_t10_a_pax_size_must_agree_with_the_header() -> None:
    assert "512" in refusal(t.pax({"size": "512"}), t.file("a", b"x" * 10))


def test_t10_a_pax_size_for_what_the_header_cannot_hold_is_right() -> None:
    archive = t.pax({"size": str(8**11)}) + t.file("a")
    assert next(iter(TarReader(iter([archive]), Limits()))).size == 8**11


@pytest.mark.parametrize(("key", "flag"), [("path", b"0"), ("linkpath", b"2")])
def test_t10_a_pax_name_that_the_header_could_have_held_must_agree(key: str, flag: bytes) -> None:
    assert "extension" in refusal(t.pax({key: "etc/shadow"}), t.block(b"harmless", flag, link=b"harmless"))


def test_t10_two_names_for_one_entry_must_agree() -> None:
    assert "disagree" in refusal(t.pax({"path": "p" * 120}), t.gnu_long(b"q" * 120), t.file("x"))
    assert "two extended" in refusal(t.gnu_long(b"q" * 120), t.gnu_long(b"p" * 120), t.file("x"))
    assert "twice" in refusal(_pax_twice(), t.file("x"))


def _pax_twice() -> bytes:
    record = b"12 path=one\n" + b"12 path=two\n"
    return t.block(b"pax", b"x", size=len(record)) + t.content(record)


def test_t9_sparse_files_are_refused_in_every_spelling() -> None:
    assert "sparse" in refusal(t.block(b"a", b"S", magic=b"ustar  \0"))
    assert "sparse" in refusal(t.pax({"GNU.sparse.major": "1", "GNU.sparse.realsize": str(2**60)}), t.file("a"))


def test_t9_limits_count_extended_headers_too() -> None:
    empties = t.file("a") * 20
    with pytest.raises(ArchiveRefused, match="more than 10 entries"):
        read(t.tarball(empties), limits=Limits(entries=10))
    with pytest.raises(ArchiveRefused, match="more than 10 entries"):
        read(t.tarball(t.pax({"comment": "x"}, b"g") * 20), limits=Limits(entries=10))
    with pytest.raises(ArchiveRefused, match="more than 4096 bytes"):
        read(t.tarball(t.file("a", b"x" * 9000)), piece=512, limits=Limits(size=4096))


def test_an_extended_header_has_a_largest_size() -> None:
    assert "bytes" in refusal(t.block(b"pax", b"x", size=2**30))


@pytest.mark.parametrize("flag", [b"1", b"2", b"5", b"6"])
def test_content_of_what_has_none_is_refused(flag: bytes) -> None:
    assert "with content" in refusal(t.block(b"a", flag, size=512, link=b"b") + bytes(512))


def test_ids_that_would_wrap_are_refused() -> None:
    for value in ("4294967295", "4294967296", "-1"):
        refusal(t.pax({"uid": value}), t.file("a"))


def test_a_damaged_or_foreign_file_is_refused() -> None:
    damaged = bytearray(t.tarball(t.file("a")))
    damaged[0] ^= 1
    for archive in (bytes(damaged), b"hello world" * 100, b""):
        with pytest.raises(ArchiveRefused):
            read(archive)


def test_an_archive_ends_once_and_has_an_end() -> None:
    whole = t.tarball(t.file("a", b"x" * 600))
    assert len(read(whole + bytes(9 * 1024))) == 1
    for archive in (whole[:-1024], whole[:700], whole + t.tarball(t.file("b")), t.file("a") + bytes(512) + t.file("b")):
        with pytest.raises(ArchiveRefused):
            read(archive)


def test_messages_carry_no_control_characters() -> None:
    message = refusal(t.file("../\x1b]0;gotcha\x07"))
    assert message.isprintable()


SEED = t.tarball(
    t.pax({"path": "p" * 120, "mtime": "1.5", "SCHILY.xattr.user.a": "b"}), t.file("p" * 100, b"x" * 700),
    t.gnu_long(b"g" * 120), t.directory("g"), t.symlink("s", "t"), t.hardlink("h", "s"), t.block(b"c", b"3", device=(1, 3)),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 2000))
def test_noise_is_read_or_refused(noise: bytes, piece: int) -> None:
    try:
        read(noise, piece=piece)
    except StackupError:
        pass


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.binary(min_size=1, max_size=12)), max_size=4), st.booleans()
)
def test_a_damaged_archive_is_read_or_refused(edits: list[tuple[int, bytes]], mend: bool) -> None:
    """`mend` gives every block at a header's place its checksum back, so that damage gets past it."""
    archive = bytearray(SEED)
    for at, patch in edits:
        archive[at : at + len(patch)] = patch
    del archive[len(SEED) :]
    if mend:
        for at in range(0, len(archive) - 1024, 512):
            block = bytes(archive[at : at + 512])
            total = sum(block[:148]) + 8 * 32 + sum(block[156:])
            if block[257:262] == b"ustar":
                archive[at + 148 : at + 156] = b"%06o\0 " % total
    try:
        entries = read(bytes(archive))
    except StackupError:
        return
    for entry, _ in entries:
        assert not entry.path.startswith("/")
        assert ".." not in entry.path.split("/")
