"""Vendors' files about devices, also bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin import cdi
from stackup.errors import HostError


def device(name: str, node: str = "/dev/null") -> str:
    return edited(name, json.dumps({"deviceNodes": [{"path": f"/dev/x{name}", "hostPath": node}]}))


def edited(name: str, edits: str) -> str:
    return f'{{"name": "{name}", "containerEdits": {edits}}}'


def spec(kind: str, *listed: str) -> str:
    return f'{{"cdiVersion": "0.5.0", "kind": "{kind}", "devices": [{",".join(listed)}]}}'


def registry(folder: Path, **files: str) -> cdi.Registry:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return cdi.registry([str(folder)])


def request(**changes: Any) -> Any:
    return {"driver": "", "count": -1, "ids": [], "capabilities": ["gpu"], "options": {}, **changes}


def targets(found: cdi.Edits) -> list[str]:
    return [node["target"] for node in found.devices]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("acme.com/light=red", True),
        ("/dev/a=b", False),
        ("/dev/a", False),
        ("a=b", False),
        ("a/b=", False),
        ("a/b/c=d", False),
    ],
)
def test_names(text: str, named: bool) -> None:
    assert cdi.is_name(text) is named


def test_requests_choose_by_count_in_the_order_of_numbers(tmp_path: Path) -> None:
    known = registry(tmp_path, a_json=spec("nvidia.com/gpu", *map(device, ("10", "2", "1"))))
    assert targets(known.edits([], [request(count=2)])) == ["/dev/x1", "/dev/x2"]
    assert targets(known.edits([], [request()])) == ["/dev/x1", "/dev/x2", "/dev/x10"]
    assert targets(known.edits([], [request(count=0, ids=["10"], driver="nvidia")])) == ["/dev/x10"]
    with pytest.raises(HostError, match='only 3 "nvidia.com/gpu"'):
        known.edits([], [request(count=4)])
    with pytest.raises(HostError, match='"amd.com/gpu"'):
        known.edits([], [request(driver="amd")])


def test_other_vendors_cards_and_other_kinds(tmp_path: Path) -> None:
    known = registry(tmp_path, a_json=spec("amd.com/gpu", device("0")), b_json=spec("acme.com/tpu", device("7")))
    assert targets(known.edits([], [request()])) == ["/dev/x0"]
    assert targets(known.edits([], [request(capabilities=["tpu"])])) == ["/dev/x7"]
    assert targets(known.edits(["acme.com/tpu=7"], [])) == ["/dev/x7"]


def test_what_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    known = registry(tmp_path, a_json=spec("acme.com/tpu", device("7")))
    with pytest.raises(HostError, match="acme.com/tpu=8") as caught:
        known.edits(["acme.com/tpu=8"], [])
    assert '"acme.com/tpu" has 7' in caught.value.hint
    assert str(tmp_path) in caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "[]", "kind: x", "{kind: a.com/b, devices: 7}", "{kind: a.com/b, devices: [7]}", "{kind: a.com/b, devices: [{}]}",
     "\0", "a: &a [*a]", "kind: [", "--- {}\n--- {}\n"],
)  # fmt: skip
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(HostError):
        registry(tmp_path, a_yaml=text)


@pytest.mark.parametrize(
    "edits",
    ['{"deviceNodes": [7]}', '{"deviceNodes": [{}]}', '{"deviceNodes": 7}', '{"mounts": [{}]}', '{"env": 7}', "[]", '{"hooks": [{}]}',
     '{"deviceNodes": [{"path": "/dev/x", "hostPath": "/nowhere"}]}', '{"deviceNodes": [{"path": "/dev/null", "uid": "x"}]}'],
)  # fmt: skip
def test_edits_that_make_no_sense_are_an_error(tmp_path: Path, edits: str) -> None:
    known = registry(tmp_path, a_json=spec("a.com/b", edited("c", edits)))
    if edits == "[]":
        assert known.edits(["a.com/b=c"], []) == cdi.Edits()
        return
    with pytest.raises(HostError):
        known.edits(["a.com/b=c"], [])


def test_what_is_not_done_is_said(tmp_path: Path) -> None:
    edits = '{"hooks": [{"hookName": "createContainer", "path": "/x"}], "intelRdt": {}, "additionalGids": [5, 0]}'
    known = registry(tmp_path, a_json=spec("a.com/b", edited("c", edits)))
    found = known.edits(["a.com/b=c"], [])
    assert found.undone == ['the hook "/x" is not run', '"intelRdt" is not understood']
    assert found.groups == ["5"]
