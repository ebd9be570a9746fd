"""Who gets which user ids: from the files when they say so, never somebody else's, and an error when there are no more."""

from __future__ import annotations

import pytest

from stackup.errors import HostError
from stackup.runtime import idranges
from stackup.runtime.idmaps import SIZE

OURS = "stackup:1000000:200000\n"


def test_the_range_is_stackups_or_roots_or_one_that_nobody_gives_away() -> None:
    both = "root:500000:65536\n" + OURS
    assert idranges.pool(both, both).spans == [(1000000, 1200000)]
    assert idranges.pool("root:500000:65536", "0:1:1\nroot:500000:65536").spans == [(500000, 565536)]
    assert idranges.pool("alice:100000:65536", "").spans == (idranges.DEFAULT,)
    assert idranges.DEFAULT[1] <= 2**31, "ping_group_range of icmp(7) reaches no further"


def test_both_files_must_agree() -> None:
    assert idranges.pool("stackup:1000000:200000", "stackup:1050000:500000").spans == [(1050000, 1200000)]
    for other in ("", "stackup:3000000:200000", "stackup:1150000:65536"):
        with pytest.raises(HostError, match="agree on"):
            idranges.pool(OURS, other)


def test_lines_that_say_nothing_are_passed_over() -> None:
    text = "# a comment\nstackup\nstackup:x:5\nstackup:5:-1\n:1:2\n\nstackup:4294967000:65536\n"
    assert idranges.entries(text) == [("stackup", (4294967000, 4294967295))]


def test_the_lowest_free_range_is_chosen() -> None:
    pool = idranges.pool(OURS, OURS)
    assert idranges.choose(pool, [], []) == 1000000
    assert idranges.choose(pool, [1000000], []) == 1000000 + SIZE
    assert idranges.choose(pool, [1000000 + SIZE], []) == 1000000
    assert idranges.choose(pool, [1000000 + SIZE - 1], []) == 1000000 + 2 * SIZE - 1, "half of one is no room"


def test_what_others_have_is_passed_over() -> None:
    pool = idranges.pool(OURS + "alice:1000000:10\n", OURS + "bob:1000020:10\n")
    assert idranges.choose(pool, [], []) == 1000030
    assert idranges.choose(pool, [], idranges.users("web:x:1000031:5::/:\nbroken\n")) == 1000032
    assert idranges.choose(pool, [], idranges.mapped("0 1000040 10\n10 0 1\n")) == 1000050
    assert idranges.mapped("         0          0 4294967295\n") == [], "the whole machine is no namespace of its own"


def test_no_more_ranges_must_be_an_error_that_says_where_they_come_from() -> None:
    pool = idranges.pool(OURS, OURS)
    taken = [idranges.choose(pool, range(1000000, 1000000 + SIZE * n, SIZE), []) for n in range(3)]
    assert len({*taken}) == 3
    with pytest.raises(HostError, match='what /etc/subuid gives to "stackup": 3 containers') as failed:
        idranges.choose(pool, taken, [])
    assert failed.value.code == "ids-exhausted"
    assert "/etc/subuid" in failed.value.hint
