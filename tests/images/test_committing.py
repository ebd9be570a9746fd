"""A commit adds one layer and one step, and keeps what it does not know."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from stackup.errors import UsageError
from stackup.images.committing import Note, commit, edited
from stackup.images.history import history
from stackup.images.importer import import_rootfs
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.images.usage import usage
from tests.images import tarballs as t

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def test_a_configuration_gains_a_layer_a_step_and_the_edits() -> None:
    before = {
        "config": {"Env": ["A=b"], "Cmd": ["x"], "Unknown": 1},
        "rootfs": {"type": "layers", "diff_ids": [ONE]},
        "x": 2,
    }
    made = json.loads(edited(json.dumps(before), (ONE, TWO), Note("me", "why", ("ENV C=d",), "sh -c run"), 1.5))
    assert made["rootfs"]["diff_ids"] == [ONE, TWO]
    assert made["config"] == {"Env": ["A=b", "C=d"], "Cmd": ["x"], "Unknown": 1}
    assert (made["x"], made["author"], made["created"]) == (2, "me", "1970-01-01T00:00:01.500000000Z")
    assert made["history"] == [
        {"created_by": ""},
        {"author": "me", "comment": "why", "created": "1970-01-01T00:00:01.500000000Z", "created_by": "sh -c run"},
    ]


def test_a_history_that_is_there_is_continued() -> None:
    before = {"history": [{"created_by": "a", "empty_layer": True}, {"created_by": "b"}]}
    made = json.loads(edited(json.dumps(before), (ONE, TWO), Note(), 0.0))
    assert [step.get("created_by") for step in made["history"]] == ["a", "b", None]


def test_a_commit_is_an_image_whose_history_and_cost_are_told(store: Store, tmp_path: Path) -> None:
    base = import_rootfs(store, io.BytesIO(t.tarball(t.file("f", b"base"))), "base")
    (tmp_path / "upper").mkdir()
    (tmp_path / "upper/new").write_text("xyz")
    fd = os.open(tmp_path / "upper", os.O_RDONLY)
    try:
        with pytest.raises(UsageError):
            commit(store, base.id, fd, Note(changes=("FROM x",)))
        assert len(store.layer_ids()) == 1, "an instruction that cannot be is known first"
        image = commit(store, base.id, fd, Note("me", "why", ("CMD y",), "run"))
    finally:
        os.close(fd)
    store.tag(image, "made")
    steps = history(store, image)
    assert [(step["created_by"], step["comment"], step["size"]) for step in steps] == [("run", "why", 3), ("", "", 4)]
    assert steps[0]["created"] == pytest.approx(store.get(image)["created"], abs=1)
    rows, total = usage(store)
    assert {row["id"]: (row["shared"], row["unique"]) for row in rows} == {base.id: (4, 0), image: (4, 3)}
    assert total == {"layers": 2, "size": 7, "unused": 0}
    assert problems(store, deep=True) == ()


def test_steps_without_a_layer_and_layers_without_a_step_are_told_apart(store: Store) -> None:
    base = import_rootfs(store, io.BytesIO(t.tarball(t.file("f", b"base"))), "base")
    told = [{"created_by": "FROM"}, {"created_by": "ENV", "empty_layer": True}]
    data = {**json.loads(str(store.get(base.id)["config_text"])), "history": told}
    image = store.add_image(json.dumps(data), (base.layer,), created=5.0)
    assert [(step["created_by"], step["layer"], step["size"]) for step in history(store, image)] == [
        ("ENV", "", 0),
        ("FROM", base.layer, 4),
    ]
    assert history(store, image)[0]["created"] == 5.0
    assert [step["size"] for step in history(store, base.id)] == [4]
