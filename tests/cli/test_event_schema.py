"""Every line of `--progress json` is as its published schema says."""

from __future__ import annotations

import io
import json
from typing import get_args

import pytest
from jsonschema import Draft7Validator

from stackup.cli.terminal import Terminal
from stackup.cli.views.event_schema import event_schema
from stackup.cli.views.progress import choose
from stackup.cli.views.words import Words
from stackup.events import Event, Notice, PlanMade, StepEnded, StepProgress, StepSkipped, StepStarted, StepTransfer

CHECK = Draft7Validator(event_schema())
EVENTS: tuple[Event, ...] = (
    PlanMade(1.0, 2, ("container/web#1",)),
    StepStarted(1.0, 1, "create", "container/web#1"),
    StepProgress(1.0, 1, "await", "container/web#1", "starting"),
    StepTransfer(1.0, 1, "create", "image/nginx", "sha256:0", 5, 10),
    StepEnded(1.0, 1, "create", "container/web#1", 0.5, "no", "try"),
    StepSkipped(1.0, 2, "start", "container/web#1", "container/web#1 create"),
    Notice(1.0, "warning", "word"),
)


def test_there_is_one_of_each() -> None:
    assert tuple(map(type, EVENTS)) == get_args(Event)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_line_is_valid(event: Event) -> None:
    terminal = Terminal({}, "never")
    terminal.err = io.StringIO()
    choose(terminal, "json", Words())(event)
    line = json.loads(terminal.err.getvalue())
    assert list(CHECK.iter_errors(line)) == []
    assert not CHECK.is_valid(line | {"at": "noon"})
