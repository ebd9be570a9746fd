"""`security_opt` as a user meets it: the filter everywhere, other profiles, mistakes with their lines."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.isolation.conftest import SLEEP, Isolated

pytestmark = [pytest.mark.host, pytest.mark.slow]
STATE = ("sh", "-c", "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status")
FILTERED, FREE = "NoNewPrivs:\t0\nSeccomp:\t2\n", "NoNewPrivs:\t0\nSeccomp:\t0\n"
NEW_NAMESPACE = ("unshare", "-m", "true")


def test_everything_that_runs_in_a_container_must_be_filtered(isolated: Isolated) -> None:
    probe = "healthcheck: {test: 'grep -q ^Seccomp:.2 /proc/self/status', interval: 1s}"
    isolated.stack(
        f"plain: {SLEEP}, {probe}",
        f"user: {SLEEP}, user: '1234:1234', init: true",
        f"free: {SLEEP}, security_opt: ['seccomp=unconfined']",
        f"grand: {SLEEP}, privileged: true",
        f"tight: {SLEEP}, security_opt: ['no-new-privileges:true']",
    )
    isolated("up -d --wait")
    for service, told in (("plain", FILTERED), ("user", FILTERED), ("free", FREE), ("grand", FREE)):
        assert isolated.inside("exec", "-T", service, *STATE) == told, service
    assert isolated.inside("exec", "-T", "tight", *STATE) == FILTERED.replace("Privs:\t0", "Privs:\t1")
    assert (
        isolated.inside("exec", "-T", "user", "grep", "Seccomp:", "/proc/1/status") == "Seccomp:\t0\n"
    )  # our own init
    assert isolated.inside("exec", "-T", "--privileged", "plain", *STATE) == FREE
    isolated.inside("exec", "-T", "plain", *NEW_NAMESPACE, code=1)
    isolated.inside("exec", "-T", "grand", *NEW_NAMESPACE)
    isolated("down -t 0")


def test_a_profile_from_a_file_must_be_part_of_the_container(isolated: Isolated) -> None:
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}
    profile = isolated.folder / "seccomp" / "no-mkdir.json"
    profile.parent.mkdir()
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    isolated.stack(f"web: {SLEEP}, security_opt: ['seccomp:./seccomp/no-mkdir.json']")
    isolated("up -d")
    made = isolated.machine.typed(*["exec", "-T", "web", "mkdir", "/tmp/x"], cwd=isolated.folder, code=1)
    assert "Read-only file system" in made.stderr
    assert isolated.inside("exec", "-T", "web", *STATE) == FILTERED
    assert "web" not in isolated("plan")
    before = isolated.rows()["iso-web-1"]["ID"]
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW"}))
    isolated("up -d")
    assert isolated.rows()["iso-web-1"]["ID"] != before
    isolated.inside("exec", "-T", "web", "mkdir", "/tmp/x")
    isolated("down -t 0")


def test_mistakes_must_be_named_with_their_line(isolated: Isolated) -> None:
    isolated.stack(
        f"a: {SLEEP}, security_opt: ['no-new-privilege:true']",
        f"b: {SLEEP}, security_opt: ['seccomp=none.json']",
        f"c: {SLEEP}, security_opt: ['seccomp=stack.yaml']",
    )
    told = isolated.told("up -d", code=1)
    for line, said in ((3, "no-new-privilege:true"), (4, "none.json"), (5, "stack.yaml")):
        assert f"stack.yaml:{line}:" in told
        assert said in told
    assert told.count("error[SU120]") == 3
    assert isolated.states() == {}
