"""A stack that is built: two services, one on top of the other; one file is edited, the plan says which, `up` follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.images import registries
from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: built
services:
  web:
    build: {context: web, args: {WHO: world}, secrets: [token]}
    command: [sleep, "300"]
  api:
    build:
      context: api
      dockerfile_inline: |
        FROM base
        COPY f /f
      additional_contexts: {base: "service:web"}
    command: [sleep, "300"]
secrets: {token: {environment: TOKEN}}
"""
WEB = """
FROM host
ARG WHO
RUN --mount=type=secret,id=token,env=T echo "hello $WHO ${#T}" > /hello
"""


def _folder(machine: Machine) -> Path:
    folder = machine.folder / "built"
    for name in ("web", "api"):
        (folder / name).mkdir(parents=True)
    (folder / "compose.yaml").write_text(STACK)
    (folder / "web/Dockerfile").write_text(WEB)
    (folder / "api/f").write_text("one\n")
    machine.environment["TOKEN"] = "abc"
    return folder


def test_an_edited_file_is_named_by_the_plan_and_built_by_up(machine: Machine) -> None:
    folder = _folder(machine)
    machine.stackup("up", "-d", cwd=folder)
    assert machine.stackup("exec", "-T", "api", "cat", "/f", "/hello", cwd=folder) == "one\nhello world 3\n"
    assert "Nothing to do" in machine.typed("up", "-d", cwd=folder).stderr
    assert "Nothing to do" in machine.stackup("plan", cwd=folder)
    (folder / "api/f").write_text("two\n")
    said = machine.stackup("plan", cwd=folder)
    built, recreated, summary = said.splitlines()
    assert built.split() == ["+", "image", "built-api", f"{folder}/api/f", "changed", "build"]
    assert recreated.split()[:3] == ["-/+", "api", "image"]
    assert summary == "Plan: 1 build, 1 recreate."
    machine.stackup("create", "--no-build", cwd=folder)
    assert machine.stackup("exec", "-T", "api", "cat", "/f", cwd=folder) == "one\n"
    told = machine.typed("up", "-d", cwd=folder).stderr
    assert "COPY f /f" in told
    assert "RUN" not in told
    assert machine.stackup("exec", "-T", "api", "cat", "/f", cwd=folder) == "two\n"
    assert "Nothing to do" in machine.typed("up", "-d", cwd=folder).stderr
    machine.stackup("down", "-v", "-t", "0", cwd=folder)


def test_a_failing_step_shows_its_output_its_line_and_its_exit_code(machine: Machine) -> None:
    folder = _folder(machine)
    (folder / "web/Dockerfile").write_text("FROM host\nRUN echo some output; exit 7\n")
    done = machine.typed("up", "-d", cwd=folder, code=1)
    assert "some output" in done.stderr
    assert "SU221" in done.stderr
    assert "Dockerfile:2:1" in done.stderr
    assert "exit code 7" in done.stderr
    assert machine.stackup("image", "fsck", cwd=folder).strip() == "the image store is sound"


def test_the_verb_and_its_flags(machine: Machine) -> None:
    folder = _folder(machine)
    first = machine.stackup("build", "-q", cwd=folder).split()
    assert machine.stackup("build", "-q", cwd=folder).split() == first
    (other,) = machine.stackup("build", "-q", "--build-arg", "WHO=you", "web", cwd=folder).split()
    assert other not in first
    (again,) = machine.stackup("build", "-q", "--no-cache", "web", cwd=folder).split()
    assert again not in (*first, other)
    (folder / "compose.yaml").write_text(STACK.replace("[sleep, ", "[sleep,  ").replace("world", "everybody"))
    assert machine.stackup("build", "-q", cwd=folder).split()[0] not in (*first, other, again)
    (folder / "web/Dockerfile").write_text("FROM host\nMAINTAINER me\n")
    assert "MaintainerDeprecated" in machine.stackup("build", "--check", "web", cwd=folder)
    printed = json.loads(machine.stackup("build", "--print", "--build-arg", "WHO=me", "web", cwd=folder))
    assert printed["target"]["web"]["args"] == {"WHO": "me"}
    assert printed["target"]["web"]["tags"] == ["built-web"]
    pushed = machine.typed("build", "--push", "--sbom", "true", "web", cwd=folder).stderr
    assert "--sbom: no attestation is made" in pushed
    assert "skipped: it has no `image:` to be pushed as" in pushed
    assert machine.typed("build", "nobody", cwd=folder, code=1).stderr.startswith("error: no such service: nobody")


def test_a_plan_is_carried_out_as_it_was_shown_or_not_at_all(machine: Machine) -> None:
    folder = _folder(machine)
    machine.stackup("plan", "-o", "shown", cwd=folder)
    (folder / "api/f").write_text("two\n")
    said = machine.typed("apply", "shown", cwd=folder, code=1).stderr
    assert '"built-api" is built from has changed since the plan was made' in said
    machine.stackup("plan", "-o", "shown", cwd=folder)
    machine.stackup("apply", "shown", cwd=folder)
    assert "Nothing to do" in machine.stackup("plan", cwd=folder)
    assert machine.stackup("exec", "-T", "api", "cat", "/f", cwd=folder) == "two\n"
    machine.stackup("down", "-v", "-t", "0", cwd=folder)


def test_what_is_built_without_the_cache_is_built_once_for_each_change(machine: Machine) -> None:
    folder = _folder(machine)
    (folder / "compose.yaml").write_text(STACK.replace("context: api\n", "context: api\n      no_cache: true\n"))
    machine.stackup("up", "-d", cwd=folder)
    assert "Nothing to do" in machine.stackup("plan", cwd=folder)
    (folder / "api/f").write_text("two\n")
    machine.stackup("up", "-d", cwd=folder)
    assert "Nothing to do" in machine.stackup("plan", cwd=folder)
    assert machine.stackup("exec", "-T", "api", "cat", "/f", cwd=folder) == "two\n"
    machine.stackup("down", "-v", "-t", "0", cwd=folder)


def test_a_cold_machine_takes_its_steps_from_the_caches_that_a_file_names(machine: Machine) -> None:
    folder = _folder(machine)
    place = f"{registries.serve(machine.folder / 'plain', 5000)}/built:cache"
    text = STACK.replace("secrets: [token]", f"secrets: [token], cache_from: [type=gha, {place}], cache_to: [{place}]")
    text = text.replace(
        "context: api\n",
        "context: api\n      cache_from: ['type=local,src=kept']\n"
        "      cache_to: ['type=local,dest=kept,mode=max,compression=zstd']\n",
    )
    (folder / "compose.yaml").write_text(text)
    said = machine.typed("build", cwd=folder).stderr
    assert "compose.yaml:5" in said
    assert '"type=gha": a build\'s cache can be in a registry' in said
    assert '"compression": it changes nothing' in said
    assert "warning: nothing is taken from the cache" in said
    assert said.count("RUN --mount") == 1
    machine.environment["STACKUP_ROOT"] = str(machine.folder / "cold")
    done = machine.typed("up", "-d", cwd=folder).stderr
    assert [line for line in done.splitlines() if "] RUN" in line and "CACHED" not in line] == []
    assert "CACHED [stage-0 1/1] RUN" in done
    assert "nothing is taken" not in done
    assert machine.stackup("exec", "-T", "api", "cat", "/f", "/hello", cwd=folder) == "one\nhello world 3\n"
    assert "Nothing to do" in machine.stackup("plan", cwd=folder)
    printed = json.loads(machine.stackup("build", "--print", cwd=folder))["target"]
    assert printed["web"]["cache-from"] == [{"type": "registry", "ref": place}]
    kept = str(folder / "kept")
    assert printed["api"]["cache-to"] == [{"type": "local", "dest": kept, "tag": "latest", "mode": "max"}]
    machine.stackup("down", "-v", "-t", "0", cwd=folder)


def test_a_step_has_the_memory_that_it_is_given(machine: Machine) -> None:
    folder = _folder(machine)
    limit = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
    (folder / "web/Dockerfile").write_text(f"FROM host\nRUN cat {limit} /sys/fs/cgroup/memory.max || true\n")
    said = machine.typed("build", "-m", "64m", "--builder", "other", "web", cwd=folder).stderr
    assert f" {64 << 20}\n" in said
    assert "--builder: there is one builder" in said
    assert '"much" is not a size' in machine.typed("build", "-m", "much", "web", cwd=folder, code=1).stderr
