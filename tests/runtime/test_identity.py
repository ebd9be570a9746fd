"""Who a process is: every form of `user:`, the exact groups, and the numbers that must never wrap."""

from __future__ import annotations

import pytest

from stackup.errors import HostError
from stackup.runtime.identity import identify

PASSWD = "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv/web:/bin/sh\n1000:x:7:8::/odd:/bin/sh\nevil:x:4294967296:0::/:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:34:\nextra:x:50:web\nlogs:x:60:root,web\nevil:x:-1:\n"


@pytest.mark.parametrize(
    ("user", "uid", "gid", "groups", "home"),
    [
        ("", 0, 0, [0, 60], "/root"),
        ("root", 0, 0, [0, 60], "/root"),
        ("web", 33, 34, [34, 50, 60], "/srv/web"),
        ("33", 33, 34, [34, 50, 60], "/srv/web"),
        ("web:extra", 33, 50, [50], "/srv/web"),
        ("web:99", 33, 99, [99], "/srv/web"),
        ("1234", 1234, 0, [0], "/"),
        ("1234:5678", 1234, 5678, [5678], "/"),
        ("1000", 7, 8, [8], "/odd"),
        (":50", 0, 50, [50], "/root"),
        ("2147483647", 2147483647, 0, [0], "/"),
    ],
)
def test_every_form_of_a_user(user: str, uid: int, gid: int, groups: list[int], home: str) -> None:
    who = identify(user, [], PASSWD, GROUP)
    assert (who.uid, who.gid, who.groups, who.home) == (uid, gid, groups, home)


@pytest.mark.parametrize(
    "user",
    [
        "4294967296",
        "4294967295",
        "4294967296:0",
        "-1",
        "0:-1",
        "0:4294967296",
        "2147483648",
        "evil",
        "0:evil",
        "٣",
        "9" * 5000,
    ],
)
def test_a_number_that_would_wrap_is_refused(user: str) -> None:
    with pytest.raises(HostError):
        identify(user, [], PASSWD, GROUP)


@pytest.mark.parametrize("user", ["nobody", "web:nobody", "nobody:web", "+5"])
def test_a_name_that_the_image_lacks_is_named(user: str) -> None:
    with pytest.raises(HostError, match=r"no (user|group)"):
        identify(user, [], PASSWD, GROUP)


def test_added_groups_are_names_or_numbers_and_come_once() -> None:
    assert identify("web:34", ["extra", "70", "34"], PASSWD, GROUP).groups == [34, 50, 70]


def test_a_crafted_group_number_among_the_members_is_refused() -> None:
    with pytest.raises(HostError, match="4294967296"):
        identify("web", [], PASSWD, "wheel:x:4294967296:web\n")


def test_broken_lines_count_for_nothing() -> None:
    who = identify("5", [], "\n#root:x:5:1::/:\nshort:x\n:::::\n", "x\n")
    assert (who.uid, who.gid) == (5, 0)
