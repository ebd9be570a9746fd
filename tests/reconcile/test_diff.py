"""The three-way diff: what the file did, what drifted, and what each takes."""

from __future__ import annotations

from stackup.diagnostics import Span
from stackup.reconcile.diff import ABSENT, Cause, diff, effect_of
from stackup.reconcile.resource import Desired, Effect, Observed, Row
from stackup.values import Address

WEB = Address("container", "web", 1)
EFFECTS = {
    "limits": Row(Effect.IN_PLACE, "cgroup write"),
    "limits.cpuset": Row(Effect.RESTART, "kernel threads"),
    "labels": Row(Effect.IN_PLACE, "record"),
    "note": Row(Effect.IGNORE, "means nothing"),
    "mounts.*.size": Row(Effect.IN_PLACE, "remount"),
}


def test_the_longest_row_decides_and_without_a_row_it_is_made_anew() -> None:
    assert effect_of(EFFECTS, ("limits", "memory")).effect is Effect.IN_PLACE
    assert effect_of(EFFECTS, ("limits", "cpuset")).effect is Effect.RESTART
    assert effect_of(EFFECTS, ("image",)).effect is Effect.REPLACE
    assert effect_of(EFFECTS, ("mounts", "/a.b", "size")).effect is Effect.IN_PLACE
    assert effect_of(EFFECTS, ("mounts", "/a.b")).effect is Effect.REPLACE
    assert effect_of(EFFECTS, ("mounts", "/a.b", "mode")).effect is Effect.REPLACE


def test_a_change_of_the_file_names_its_line() -> None:
    line = Span("stack.yaml", 22, 7, 22, 11)
    want = Desired(WEB, {"limits": {"memory": 2, "pids": 5}}, origins={("limits", "memory"): line})
    (found,) = diff(want, Observed(WEB, "i", {"limits": {"memory": 1, "pids": 5}}), EFFECTS)
    assert (found.path, found.wanted, found.recorded, found.cause) == (("limits", "memory"), 2, 1, Cause.FILE)
    assert found.span == line


def test_a_key_with_a_dot_is_one_key() -> None:
    want = Desired(WEB, {"labels": {"com.example.a": "1"}})
    (found,) = diff(want, Observed(WEB, "i", {"labels": {}}), EFFECTS)
    assert (found.path, found.recorded, found.effect) == (("labels", "com.example.a"), ABSENT, Effect.IN_PLACE)


def test_the_kernel_is_believed_over_the_record() -> None:
    want = Desired(WEB, {"limits": {"memory": 2}})
    (found,) = diff(want, Observed(WEB, "i", {"limits": {"memory": 2}}, live={("limits", "memory"): 7}), EFFECTS)
    assert (found.cause, found.live) == (Cause.DRIFT, 7)


def test_a_field_that_both_the_file_and_the_kernel_changed_is_told_once() -> None:
    want = Desired(WEB, {"limits": {"memory": 3}})
    found = diff(want, Observed(WEB, "i", {"limits": {"memory": 2}}, live={("limits", "memory"): 7}), EFFECTS)
    assert [(item.cause, item.live) for item in found] == [(Cause.FILE, 7)]


def test_numbers_and_truth_are_not_confused() -> None:
    want = Desired(WEB, {"limits": {"memory": True}})
    assert len(diff(want, Observed(WEB, "i", {"limits": {"memory": 1}}), EFFECTS)) == 1


def test_lists_are_one_value() -> None:
    want = Desired(WEB, {"labels": {}, "command": ["a", "b"]})
    (found,) = diff(want, Observed(WEB, "i", {"labels": {}, "command": ["a"]}), EFFECTS)
    assert found.path == ("command",)


def test_fields_that_mean_nothing_are_not_told() -> None:
    assert diff(Desired(WEB, {"note": "b"}), Observed(WEB, "i", {"note": "a"}), EFFECTS) == ()
