"""`up` must bring in the images that it needs, once, and nothing but what the plan showed; with a registry of Debian's."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.images import registries as r
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
REGISTRY = "127.0.0.1:5000"
STACK = """
name: pulled
services:
  box: {image: "127.0.0.1:5000/team/box:1", stop_grace_period: 1s}
"""
QUIET = "--progress=plain"


class Hand:
    """Types in the stack's folder."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        machine.environment |= {"HOME": str(folder), "STACKUP_CONFIG": str(folder / "config")}

    def __call__(self, line: str, *, code: int = 0, given: str | None = None, **env: str) -> tuple[str, str]:
        done = self.machine.typed(*line.split(), cwd=self.folder, code=code, given=given, env=env)
        return done.stdout, done.stderr

    def write(self, text: str) -> None:
        (self.folder / "stack.yaml").write_text(text)

    def container(self) -> str:
        (row,) = map(json.loads, self("ps -a --format json")[0].splitlines())
        return str(row["ID"])


@pytest.fixture
def hand(machine: Machine, tmp_path: Path) -> Hand:
    folder = tmp_path / "pulled"
    folder.mkdir()
    (folder / "stack.yaml").write_text(STACK)
    return Hand(machine, folder)


def box(folder: Path, word: str) -> str:
    """A small root that sleeps and has a file with a word in it, as skopeo takes it."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed: apt-get install busybox-static")
    root = folder / f"root-{word}"
    (root / "bin").mkdir(parents=True)
    shutil.copy(busybox, root / "bin/busybox")
    for name in ("sh", "sleep", "cat"):
        (root / "bin" / name).symlink_to("busybox")
    (root / "word").write_text(word)
    with tarfile.open(folder / f"{word}.tar", "w") as archive:
        archive.add(root, ".")
    archive_bytes = (folder / f"{word}.tar").read_bytes()
    return r.layout(folder / f"oci-{word}", layers=(archive_bytes,), command=("sleep", "600"))


def put(folder: Path, word: str, tag: str = "1") -> None:
    r.put_in(box(folder, word), REGISTRY, f"team/box:{tag}")


def test_an_image_comes_in_once_and_the_next_plan_is_empty(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    assert f"image {REGISTRY}/team/box:1" in hand("plan", code=0)[0]
    told = hand("up -d")[1]
    assert f" Image {REGISTRY}/team/box:1  Pulled\n" in told
    assert hand("exec -T box cat /word")[0] == "first"
    assert "Nothing to do" in hand("up -d")[1]
    hand("plan --detailed-exitcode")
    assert "Nothing to do" in hand("--offline up -d")[1]
    hand("down")


def test_what_is_here_needs_no_registry(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    hand("pull")
    hand.write(STACK.replace("5000", "5001"))
    out, told = hand("--offline up -d", code=1)
    assert "is not asked: this command is offline" in out + told
    hand.write(STACK)
    hand("--offline up -d")
    hand("down")


def test_a_tag_that_moved_replaces_the_container_where_the_policy_says_always(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    hand("up -d")
    before = hand.container()
    put(tmp_path, "second")
    assert "Nothing to do" in hand("up -d")[1]
    hand.write(STACK.replace("stop_grace", "pull_policy: always, stop_grace"))
    assert "image" in hand("plan")[0]
    hand("up -d")
    assert hand("exec -T box cat /word")[0] == "second"
    after = hand.container()
    assert after != before
    assert "Nothing to do" in hand("up -d")[1]
    assert hand.container() == after
    hand("down")


def test_pull_missing_and_never_say_what_they_mean(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    assert "it may not be pulled" in "".join(hand("up -d --pull never", code=1))
    hand("create --pull always --quiet-pull")
    put(tmp_path, "second")
    assert "Nothing to do" in hand("up -d --no-start --pull missing")[1]
    assert hand("run --rm -T --pull always box cat /word")[0] == "second"
    hand("down")


def test_a_pull_that_fails_has_stopped_nobody(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    hand("up -d")
    before = hand.container()
    put(tmp_path, "broken", "2")
    for blob in (tmp_path / "plain/data").rglob("data"):
        if blob.stat().st_size > 100_000:  # the layers
            blob.write_bytes(bytes(blob.stat().st_size))
    hand.write(STACK.replace("box:1", "box:2"))
    assert "Error" in hand("up -d", code=1)[1]
    assert hand.container() == before
    assert hand("exec -T box cat /word")[0] == "first"
    hand("down")


def test_every_missing_image_is_named_in_one_go(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    two = "".join(f"  {name}: {{image: '{REGISTRY}/no/{name}'}}\n" for name in ("one", "two"))
    hand.write(f"name: pulled\nservices:\n{two}")
    said = "".join(hand("up -d", code=1))
    assert said.count("error[SU109]") == 2
    assert f'there is no image "{REGISTRY}/no/one:latest"' in said


def test_a_pull_takes_what_it_can_get_and_says_what_it_cannot(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    hand.write(STACK + f"  gone: {{image: '{REGISTRY}/no/gone'}}\n  home: {{image: host}}\n")
    assert f'error: {REGISTRY}/no/gone: there is no image "{REGISTRY}/no/gone:latest"' in hand("pull", code=1)[1]
    hand("pull --ignore-pull-failures")
    hand("pull -q box")
    assert hand("image ls --format json")[0].count("\n") == 1
    assert "Up to date" in hand("pull box")[1]


def test_a_pull_that_is_killed_goes_on(hand: Hand, tmp_path: Path) -> None:
    """At every event that it tells of; what is left is sound, and the last one ends it."""
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    event = 1
    while hand.machine.killed_at(event, "up", "-d", cwd=hand.folder):
        event += 1
        hand("image ls")
    assert event > 3
    hand("up -d")
    assert hand("exec -T box cat /word")[0] == "first"
    hand("down")


def test_a_login_is_asked_for_checked_kept_and_forgotten(hand: Hand, tmp_path: Path) -> None:
    name = r.serve(tmp_path / "login", 5001, login=True)
    r.put_in(box(tmp_path, "first"), name, "team/box:1", "--dest-creds=me:secret")
    hand.write(STACK.replace("5000", "5001"))
    assert f"log in with `stackup login {name}`" in "".join(hand("up -d", code=1))
    assert "does not let us in" in hand(f"login -u me --password-stdin {name}", code=1, given="wrong")[1]
    assert not (hand.folder / ".docker/config.json").exists()
    assert hand(f"login -u me --password-stdin http://{name}/", given="secret\n")[0] == "Login Succeeded\n"
    kept = hand.folder / ".docker/config.json"
    assert json.loads(kept.read_text()) == {"auths": {name: {"auth": r.LOGIN}}}
    assert kept.stat().st_mode & 0o777 == 0o600
    r.skopeo("inspect", "--tls-verify=false", f"--authfile={kept}", f"docker://{name}/team/box:1")
    hand("up -d")
    hand("down")
    assert hand(f"logout {name}")[0] == f"Removing login credentials for {name}\n"
    assert hand(f"logout {name}")[0] == f"Not logged in to {name}\n"
    assert "nobody is there to ask" in hand(f"login {name}", code=1)[1]


def test_an_image_goes_out_and_comes_in_on_another_machine(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    box(tmp_path, "mine")
    change = ("-c", 'CMD ["sleep", "600"]')
    hand.machine.stackup("image", "import", *change, str(tmp_path / "root-mine"), f"{REGISTRY}/team/box:1")
    assert f"{REGISTRY}/team/box:1: digest: sha256:" in hand(f"image push {REGISTRY}/team/box:1")[0]
    other = {"STACKUP_ROOT": str(tmp_path / "other")}
    identity = hand(f"image pull {REGISTRY}/team/box:1", **other)[0].strip()
    assert identity == json.loads(hand(f"image inspect {REGISTRY}/team/box:1")[0])[0]["Id"]
    assert "is skipped: it is not built here" in hand("push")[1]
    hand.write(STACK.replace("stop_grace", "build: ., stop_grace"))
    assert f"{REGISTRY}/team/box:1: digest: sha256:" in hand("push box")[0]
    assert "no such image" in hand("image push 127.0.0.1:5009/x", code=1)[1]


def test_what_is_built_on_a_base_from_a_registry_runs_on_another_machine(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    (hand.folder / "app").mkdir()
    (hand.folder / "app/Dockerfile").write_text(f"FROM {REGISTRY}/team/box:1\nRUN cat /word > /built\nCOPY f /f\n")
    (hand.folder / "app/f").write_text("second")
    built = f"name: pulled\nservices:\n  box: {{image: '{REGISTRY}/team/built:1', build: app, stop_grace_period: 1s}}\n"
    hand.write(built)
    assert f"pull {REGISTRY}/team/box:1" in hand("up -d")[1]
    assert hand("exec -T box cat /built /f")[0] == "firstsecond"
    assert "Nothing to do" in hand("up -d")[1]
    assert f"{REGISTRY}/team/built:1: digest: sha256:" in hand("build --push")[0]
    hand("down")
    other = {"STACKUP_ROOT": str(tmp_path / "other"), "STACKUP_RUN": str(tmp_path / "other-run")}
    hand.write(built.replace("build: app, ", ""))
    hand("up -d", **other)
    assert hand("exec -T box cat /built /f", **other)[0] == "firstsecond"
    hand("down", **other)


def test_what_has_a_name_and_a_build_is_pulled_where_that_works(hand: Hand, tmp_path: Path) -> None:
    r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    (hand.folder / "Dockerfile").write_text(f"FROM {REGISTRY}/team/box:1\nCOPY f /word\n")
    (hand.folder / "f").write_text("second")
    both = STACK.replace("stop_grace", "build: ., stop_grace")
    for place, why in (
        ("5009", "and its registry cannot be asked "),
        ("5000/other", "nor to be had from its registry "),
    ):
        hand.write(both.replace("5000", place))
        assert f"it is not here, {why}" in hand("plan")[0]
    hand.write(both)
    assert "Plan: 3 create." in hand("plan")[0]
    hand("up -d")
    assert hand("exec -T box cat /word")[0] == "first"
    assert "Nothing to do" in hand("plan")[0]
    (hand.folder / "Dockerfile").write_text(f"FROM {hand('image ls -q')[0].strip()}\nCOPY f /word\n")
    hand("up -d --build")
    assert hand("exec -T box cat /word")[0] == "second"
    assert "Nothing to do" in hand("plan")[0]


def test_what_stands_on_this_machine_is_not_pushed(hand: Hand, tmp_path: Path) -> None:
    (hand.folder / "Dockerfile").write_text("FROM host\nRUN true\n")
    hand.write(f"name: pulled\nservices: {{box: {{image: '{REGISTRY}/team/built:1', build: .}}}}\n")
    hand("build")
    assert "this machine's own /usr" in hand("push", code=1)[1]


def test_a_pull_that_is_interrupted_ends_at_once(hand: Hand, tmp_path: Path) -> None:
    """From a registry whose layer never ends; the code says who wanted it."""
    behind = r.serve(tmp_path / "plain", 5000)
    put(tmp_path, "first")
    slow = r.serve_slowly(behind, 5004)
    hand.write(STACK.replace("5000", "5004"))
    command = hand.machine.command(["--progress", "json", "up", "-d"])
    with subprocess.Popen(command, cwd=hand.folder, env=hand.machine.environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"StepTransfer" not in process.stderr.readline():
            pass
        assert slow.wait(30)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert hand("image ls -q")[0] == ""
