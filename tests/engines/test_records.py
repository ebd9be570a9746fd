"""The shelf of one kind: steps of one plan put things on it and take things off at the same time."""

from __future__ import annotations

import threading
from pathlib import Path

from stackup.engines.builtin.records import Shelf
from stackup.layout import Layout
from stackup.reconcile.resource import Desired
from stackup.values import Address

STACK = "shop"


def config(name: str) -> Desired:
    return Desired(Address("config", name), {"name": name})


def test_what_is_made_while_the_last_one_goes_has_its_folder(tmp_path: Path) -> None:
    shelf = Shelf(Layout(str(tmp_path / "state"), str(tmp_path / "run")), STACK, "config")
    problems: list[Exception] = []

    def come_and_go(name: str) -> None:
        try:
            for _ in range(300):
                shelf.settle(config(name), shelf.claim(config(name)))
                shelf.forget(Address("config", name))
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=come_and_go, args=(name,)) for name in ("page", "rules", "words")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list(shelf.all()) == []


def test_a_sweep_removes_a_claim_that_was_never_whole(tmp_path: Path) -> None:
    shelf = Shelf(Layout(str(tmp_path / "state"), str(tmp_path / "run")), STACK, "config")
    torn = Path(shelf.state_dir(Address("config", "page")))
    torn.mkdir(parents=True)
    (torn / "record.json").write_text("{")
    shelf.sweep()
    assert not torn.exists()
