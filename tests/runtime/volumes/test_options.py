"""`driver_opts` of the local driver: what is read, and what is refused before anything is mounted."""

from __future__ import annotations

import pytest

from stackup.kernel.abi import MOUNT_ATTR_NOATIME, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_RDONLY
from stackup.runtime.volumes.options import Wish, check, read


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ({"type": "tmpfs", "device": "tmpfs", "o": "size=1m,,uid=5"}, Wish("tmpfs", "tmpfs", 0, {"size": "1m", "uid": "5"}, False)),
        ({"type": "none", "device": "/d", "o": "bind,noexec"}, Wish("", "/d", MOUNT_ATTR_NOEXEC, {}, False)),
        ({"device": "/d", "o": "rbind,noatime"}, Wish("", "/d", MOUNT_ATTR_NOATIME, {}, True)),
        (
            {"type": "nfs4", "device": ":/x", "o": "addr=a,ro,soft"},
            Wish("nfs4", ":/x", MOUNT_ATTR_RDONLY, {"addr": "a", "ro": "", "soft": ""}, False),
        ),
    ],
)  # fmt: skip
def test_what_is_said_is_read_and_is_fine(said: dict[str, str], wish: Wish) -> None:
    assert list(check(said)) == []
    assert read(said) == wish


@pytest.mark.parametrize("said", [{}, {"type": "tmpfs"}, {"type": "bind", "device": "/d"}, {"type": "ext4", "device": "/dev/x", "o": "data=journal"}])  # fmt: skip
def test_what_is_enough(said: dict[str, str]) -> None:
    assert list(check(said)) == []


@pytest.mark.parametrize(
    ("said", "option", "text"),
    [
        ({"size": "5"}, "size", "no option of the local driver"),
        ({"o": "size=5m"}, "o", "no type of file system"),
        ({"device": "/x"}, "device", "no type of file system"),
        ({"type": "none", "device": "/x"}, "type", "`o: bind`"),
        ({"type": "tmpfs", "o": "bind"}, "type", "`type: none`"),
        ({"type": "none", "o": "bind"}, "o", "absolute path"),
        ({"type": "none", "o": "bind", "device": "data"}, "device", "absolute path"),
        ({"type": "none", "o": "bind,size=5", "device": "/x"}, "o", 'no option "size"'),
        ({"type": "nfs"}, "type", "needs a `device`"),
        ({"type": "tmpfs", "o": "size=much"}, "o", '"much" is no value of size'),
        ({"type": "tmpfs", "o": "mode=999"}, "o", '"999" is no value of mode'),
        ({"type": "tmpfs", "o": "sise=5"}, "o", 'no option "sise"'),
    ],
)
def test_what_cannot_be(said: dict[str, str], option: str, text: str) -> None:
    found = list(check(said))
    assert [name for name, _ in found] == [option]
    assert text in found[0][1]
