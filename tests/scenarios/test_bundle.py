"""A stack that was bundled must run where no registry is, as it ran before, and a bundle that lies must leave nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.images import registries as r
from tests.scenarios.machine import Machine
from tests.scenarios.test_pull import REGISTRY, Hand, box, put

pytestmark = [pytest.mark.host, pytest.mark.slow]
BOX = f"{REGISTRY}/team/box:1"
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


def test_a_bundle_is_brought_up_at_once_and_bundled_again_where_it_is(hand: Hand, tmp_path: Path) -> None:
    """With what is asked for: secrets, and what is mounted. No registry ever knew these images."""
    box(tmp_path, "first")
    hand.machine.typed("image", "import", str(tmp_path / "root-first"), BOX, "-c", 'CMD ["sleep", "600"]')
    assert "Nothing was written" in hand("--dry-run bundle -o ../dry")[1]
    assert not (tmp_path / "dry").exists()
    hand("bundle -o ../one --with-secrets --with-mounts")
    away = Hand(hand.machine, tmp_path)
    away("unbundle one -C second --up --wait", **elsewhere(tmp_path))
    away.folder = tmp_path / "second"
    assert away("exec -T box cat /run/secrets/word", **elsewhere(tmp_path))[0] == "hunter2 of shop"
    assert (away.folder / "conf/run").stat().st_mode & 0o777 == 0o755
    lock = (away.folder / "stackup.lock").read_text()
    assert "built:\n  built:\n" in lock
    assert '"built" is not built' in away("build", **elsewhere(tmp_path))[1]
    away("down", **elsewhere(tmp_path))
    away("-p shop bundle -o ../two --with-secrets", **elsewhere(tmp_path))
    away.folder = tmp_path
    third = elsewhere(tmp_path, "third")
    away("unbundle two -C place", **third)
    away.folder = tmp_path / "place"
    assert (away.folder / "stackup.lock").read_text() == lock
    away("--offline -p any up -d --build", **third)
    assert away("-p any exec -T built cat /built", **third)[0] == "first"
    away("-p any down", **third)


def test_what_rests_on_this_machine_is_not_bundled(hand: Hand, tmp_path: Path) -> None:
    (hand.folder / "src/Dockerfile").write_text("FROM host\nRUN true\n")
    (hand.folder / "compose.yaml").write_text("services: {built: {build: src}, own: {image: host}}")
    (hand.folder / "compose.override.yaml").unlink()
    told = hand("bundle -o ../shop.bundle", code=1)[1]
    assert "rests on this machine's own /usr" in told
    assert not list(tmp_path.glob("shop.bundle*"))
    assert "a bundle is not for" not in told
