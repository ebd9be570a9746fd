"""What `config` prints is the stack: it loads again to the same one, whatever was left out that a reader can put back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stackup.stackfile.discover import UNMASKED
from stackup.stackfile.emit import to_yaml
from stackup.stackfile.load import Loaded
from stackup.stackfile.raw import outline
from stackup.stackfile.render import go_json, json_text, yaml_text
from tests.stackfile.drawn import ENVIRON, Drawn, drawn
from tests.stackfile.tree import lines, loaded

pytestmark = pytest.mark.slow
SEEDS = range(40)
WAYS = {
    "as it is": frozenset[str](),
    "without the stack's folder": frozenset(("path_resolution",)),
    "without what env files say": frozenset(("env_resolution",)),
    "without defaults": frozenset(("normalize",)),
    "without values": frozenset(("interpolate",)),
    "portable": frozenset(("path_resolution", "env_resolution", UNMASKED)),
}


def load(stack: Drawn, **request: Any) -> Loaded:
    return loaded(stack.files, ENVIRON, files=stack.named, profiles=stack.profiles, **request)


def meaning(done: Loaded) -> Any:
    """All that the stack says, which is not from which file a variable came, nor that `resources` is there and empty."""
    assert done.stack is not None, lines(done)
    return json.loads(json_text(done.stack))


def printed(done: Loaded, without: frozenset[str]) -> dict[str, str]:
    if "interpolate" in without:
        data = outline(done.root)
        return {"yaml": to_yaml(data), "json": go_json(data)}
    assert done.stack is not None, lines(done)
    named = "env_resolution" in without
    return {"yaml": yaml_text(done.stack, env_files=named), "json": json_text(done.stack, env_files=named)}


@pytest.mark.parametrize("way", WAYS)
def test_a_printed_stack_is_the_same_stack(way: str) -> None:
    tried = 0
    for seed in SEEDS:
        stack = drawn(seed)
        whole = load(stack, all_resources=True)
        if whole.stack is None:
            continue
        tried += 1
        for form, text in printed(load(stack, all_resources=True, without=WAYS[way]), WAYS[way]).items():
            again = Drawn({**stack.files, "again.yaml": text}, ("again.yaml",), stack.profiles)
            assert meaning(load(again, all_resources=True)) == meaning(whole), f"seed {seed} as {form}"
    assert tried > len(SEEDS) / 2


def test_what_is_printed_is_printed_again() -> None:
    for seed in SEEDS:
        done = load(drawn(seed))
        if done.stack is not None:
            text = yaml_text(done.stack)
            again = loaded(text, profiles=("*",))
            assert again.stack is not None, lines(again)
            assert yaml_text(again.stack) == text, f"seed {seed}"


def test_no_value_of_a_free_text_is_in_portable_output() -> None:
    secret = "s3cr3t"
    for seed in SEEDS:
        stack = drawn(seed)
        environ = ENVIRON | {"TAG": "1", "DOLLAR": secret}
        done = loaded(stack.files, environ, files=stack.named, profiles=stack.profiles, without=WAYS["portable"])
        if done.stack is not None:
            text = yaml_text(done.stack, env_files=True)
            assert secret not in text, f"seed {seed}"
            assert "/srv/demo" not in text, f"seed {seed}"
