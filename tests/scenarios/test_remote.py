"""A stack that includes one from elsewhere must ask once, come up, and never write or read outside of its copy."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest

from stackup.images.artifact import MAIN, Published, publish
from stackup.images.index import OCI_MANIFEST, digest_of
from stackup.images.reference import parse
from tests.images import registries as r
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
REGISTRY = "127.0.0.1:5000"
BASE = """\
services:
  db: {image: host, command: [sleep, "600"], stop_grace_period: 1s, environment: {WHO: $WHO}}
"""
STACK = """\
name: far
include: ["%s"]
services:
  web: {image: host, command: [sleep, "600"], stop_grace_period: 1s}
"""
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main")


class Hand:
    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        machine.environment |= {"HOME": str(folder), "STACKUP_CONFIG": str(folder / "config")}

    def __call__(self, line: str, code: int = 0, **env: str) -> str:
        done = self.machine.typed(*line.split(), cwd=self.folder, code=code, env=env)
        return done.stdout + done.stderr

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def copies(self) -> list[str]:
        return sorted(path.name for path in (Path(self.machine.environment["STACKUP_ROOT"]) / "remote").glob("*"))


@pytest.fixture
def hand(machine: Machine, tmp_path: Path) -> Hand:
    folder = tmp_path / "far"
    folder.mkdir()
    return Hand(machine, folder)


def serve_git(repositories: Path) -> None:
    """git's own daemon on this test's loopback; it ends with the test's namespaces."""
    r.need("git")
    words = ("git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1", f"--base-path={repositories}")
    daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    for _ in range(600):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", 9418)) == 0:
                return
        assert daemon.poll() is None
        time.sleep(0.05)
    raise AssertionError("git daemon does not listen")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run([*GIT, "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def test_a_published_stack_is_included_and_asked_about_once(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    hand.write("base/stack.yaml", BASE)
    hand("-f base/stack.yaml publish 127.0.0.1:5000/team/base:1 --yes")
    name = f"oci://{REGISTRY}/team/base:1"
    hand.write("stack.yaml", STACK % name)
    refused = hand("config -q", code=1)
    assert "nobody agreed to it" in refused
    assert "stack.yaml:2:11" in refused
    assert hand.copies() == ["lock"]
    hand("up -d --yes")
    assert {row["Service"] for row in map(json.loads, hand("ps --format json").splitlines())} == {"db", "web"}
    assert "WHO: you" in hand("config", WHO="you")  # variables are of whoever uses it
    hand("--offline config -q")
    hand("down")

    hand.write("base/stack.yaml", BASE.replace("600", "601"))
    hand("-f base/stack.yaml publish 127.0.0.1:5000/team/base:1 --yes")
    assert '"600"' in hand("config")  # a name is looked at anew by `pull` alone
    hand("pull", code=1)
    assert '"600"' in hand("config")
    hand("pull", STACKUP_YES="1")
    assert '"601"' in hand("config")


def test_a_repository_is_a_stack_with_its_folder(hand: Hand, tmp_path: Path) -> None:
    source = tmp_path / "repositories/base.git"
    (source / "deploy/data").mkdir(parents=True)
    git(source, "init", "-q")
    (source / "deploy/compose.yaml").write_text(BASE.replace("stop_grace", 'volumes: ["./data:/data"], stop_grace'))
    (source / "deploy/data/word").write_text("hello")
    (source / "deploy/out").symlink_to("/etc")
    (source / "deploy/in").symlink_to("data/word")
    first = commit(source, "one")
    serve_git(tmp_path / "repositories")
    name = "git://127.0.0.1/base.git#main:deploy"
    hand.write("stack.yaml", STACK % name)
    told = hand("up -d --yes")
    assert 'the link "deploy/out" leads out of its repository' in told
    assert hand("exec db cat /data/word") == "hello"
    copy = Path(hand.machine.environment["STACKUP_ROOT"]) / "remote" / first
    assert sorted(path.name for path in (copy / "deploy").iterdir()) == ["compose.yaml", "data", "in"]
    hand("down")

    (source / "deploy/data/word").write_text("again")
    commit(source, "two")
    assert first in hand("config")
    hand.write("stack.yaml", STACK % f"git://127.0.0.1/base.git#{first}:deploy")
    hand("config -q", STACKUP_YES="1")
    assert first in hand("config")
    hand.write("stack.yaml", STACK % "git://127.0.0.1/base.git#nowhere")
    assert 'no branch or tag "nowhere"' in hand("config -q", code=1)
    hand.write("stack.yaml", STACK % "git://127.0.0.1/base.git")
    assert "no stack file in its top folder" in hand("config -q", code=1, STACKUP_YES="1")


def test_t43_a_published_name_leads_nowhere(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    client = r.client_of(tmp_path)
    for index, evil in enumerate(("../../.ssh/authorized_keys", "/etc/cron.d/x", "..", "a/../b", "")):
        parts = [Published(MAIN, BASE.encode(), main=True), Published(evil, b"ssh-rsa AAAA", main=False)]
        publish(client, parse(f"{REGISTRY}/evil/base:{index}"), parts)
        hand.write("stack.yaml", STACK % f"oci://{REGISTRY}/evil/base:{index}")
        assert "error[SU046]" in hand("up -d --yes", code=1)
    assert hand.copies() == []
    assert not list(tmp_path.rglob("authorized_keys"))


def test_the_bytes_are_those_that_the_manifest_promised(hand: Hand, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    r.serve(folder, 5000)
    client = r.client_of(tmp_path)
    publish(client, parse(f"{REGISTRY}/team/base:1"), [Published(MAIN, BASE.encode(), main=True)])
    digest = digest_of(BASE.encode()).removeprefix("sha256:")
    blob = folder / "data/docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"
    blob.write_bytes(BASE.replace("600", "666").encode())
    hand.write("stack.yaml", STACK % f"oci://{REGISTRY}/team/base:1")
    assert "nothing of it was kept" in hand("up -d --yes", code=1)
    assert hand.copies() == ["lock"]


def test_a_stack_from_elsewhere_is_the_whole_stack(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    hand.write("base/stack.yaml", BASE)
    hand("-f base/stack.yaml publish 127.0.0.1:5000/team/base:1 --yes")
    out = hand(f"-f oci://{REGISTRY}/team/base:1 config", STACKUP_YES="1")
    assert "name: far" in out  # after the folder where it is used


@pytest.mark.parametrize("name", ["team/base:1", "gone/base:1"])
def test_what_is_no_stack_is_said_so(hand: Hand, tmp_path: Path, name: str) -> None:
    r.serve(tmp_path / "plain", 5000)
    registry = r.client_of(tmp_path).registry(REGISTRY)
    empty = b"{}"
    registry.upload("team/base", registry.begin("team/base"), digest_of(empty), empty, 2)
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(empty), "size": 2}
    text = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    registry.put_manifest("team/base", "1", json.dumps(text).encode(), OCI_MANIFEST)
    hand.write("stack.yaml", STACK % f"oci://{REGISTRY}/{name}")
    told = hand("up -d --yes", code=1)
    assert ("is no stack" if name.startswith("team") else "has no such thing") in told


def test_t47_what_is_the_users_own_goes_only_when_it_is_asked_for(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    hand.write("own.env", "PASSWORD=hunter2\n")
    hand.write(
        "stack.yaml",
        BASE.replace("environment:", "env_file: [own.env], environment:").replace(
            "{WHO", '{TOKEN: abc, MY_KEY: "${MY_KEY}", WHO'
        ),
    )
    refused = hand("publish 127.0.0.1:5000/team/base:1 --yes", code=1)
    assert 'db.environment.TOKEN, the env file "own.env" of db' in refused
    assert "WHO" not in refused
    assert "MY_KEY" not in refused
    assert "abc" not in refused
    assert "nothing was published" in hand("publish --with-env 127.0.0.1:5000/team/base:1", code=1)
    hand("publish --with-env --yes 127.0.0.1:5000/team/base:1")
    hand.write("use/stack.yaml", STACK % f"oci://{REGISTRY}/team/base:1")
    out = hand("-f use/stack.yaml config", STACKUP_YES="1")
    assert "PASSWORD: hunter2" in out
