"""A stack that was bundled must run where no registry is, as it ran before, and a bundle that lies must leave nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.images import registries as r
from tests.scenarios.machine import Machine
from tests.scenarios.test_pull import REGISTRY, Hand, put

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = f"""
services:
  box:
    image: {REGISTRY}/team/box:1
    stop_grace_period: 0s
    env_file: [box.env]
    configs: [{{source: page, target: /page}}]
    secrets: [word]
  built:
    build: {{context: src}}
    command: [sleep, "600"]
    stop_grace_period: 0s
    volumes: ["./conf:/conf"]
configs: {{page: {{file: pages/one}}}}
secrets: {{word: {{file: secret/word}}}}
"""
FILES = {
    "compose.yaml": STACK,
    "compose.override.yaml": "services: {box: {environment: {WHO: $WHO}}}\n",
    ".env": "WHO=me\n",
    "box.env": "TOKEN=abc\n",
    "pages/one": "a page",
    "secret/word": "hunter2 of shop",
    "conf/run": "#!/bin/sh\n",
    "src/Dockerfile": f"FROM {REGISTRY}/team/box:1\nRUN cat /word > /built\nLABEL of=test\n",
}


def write(folder: Path) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "conf/run").chmod(0o755)
    (folder / "stack.yaml").unlink()


@pytest.fixture
def hand(machine: Machine, tmp_path: Path) -> Hand:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "stack.yaml").touch()
    write(folder)
    return Hand(machine, folder)


def elsewhere(tmp_path: Path, name: str = "other") -> dict[str, str]:
    return {"STACKUP_ROOT": str(tmp_path / name), "STACKUP_RUN": str(tmp_path / f"{name}-run")}


def others_read(bundle: Path, *names: str) -> None:
    """As an OCI layout, and as docker's own archive, each with its layers."""
    r.need("skopeo")
    for name in names:
        for kind in ("oci-archive", "docker-archive"):
            copy = f"dir:{bundle}.{kind}.{len(name)}"
            subprocess.run(["skopeo", "copy", f"{kind}:{bundle}:{name}", copy], check=True, capture_output=True)


def test_a_stack_runs_from_its_bundle_where_no_registry_is(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    hand("lock")
    put(tmp_path, "second")
    told = hand("bundle -o ../shop.bundle")[1]
    assert 'stays here: "secret/word", the secret "word"' in told
    assert 'stays here: "conf", which built mounts' in told
    others_read(tmp_path / "shop.bundle", f"{REGISTRY}/team/box:1", "shop-built:latest")
    bundle, there = tmp_path / "shop.bundle", tmp_path / "there"
    assert bundle.stat().st_mode & 0o777 == 0o600
    assert b"hunter2 of shop" not in bundle.read_bytes()
    there.mkdir()
    other, away = elsewhere(tmp_path), Hand(hand.machine, there)
    subprocess.run(["ip", "link", "set", "lo", "down"], check=True)  # nobody can be reached, the registry neither
    said = away(f"unbundle {bundle}", **other)[1]
    assert "shop: 2 images and 5 files, in shop" in said
    assert "bring it up with: cd shop && stackup --offline up -d" in said
    assert (there / "shop/box.env").read_text() == FILES["box.env"]
    assert not (there / "shop/src").exists()
    (there / "shop/secret").mkdir()
    (there / "shop/secret/word").write_text("hunter2 of shop")
    away.folder = there / "shop"
    away("--offline up -d --locked", **other)
    assert away("exec -T box cat /word /page /run/secrets/word", **other)[0] == "firsta pagehunter2 of shop"
    assert away("exec -T built cat /built", **other)[0] == "first"
    rows = [json.loads(line) for line in away("ps --format json", **other)[0].splitlines()]
    assert {row["Service"] for row in rows} == {"box", "built"}
    assert "Nothing to do" in away("--offline plan", **other)[0]
    away("down", **other)
