"""Every flag of `up`, and the variables that stand for flags, must do what they do under docker compose."""

from __future__ import annotations

import pytest

from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]
BOTH = {"db-1", "web-1"}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_what_is_made_anew_must_be_what_was_asked_for(stack: Hand) -> None:
    assert stack.told("up -d --no-start").count("Created") == 5
    assert set(stack.states().values()) == {"created"}
    told = stack.told("up -d")
    assert "Nothing to do" not in told
    first = stack.ids()
    told = stack.told("up -d")
    assert told.count("  Running\n") == 2
    assert "Nothing to do: everything is as the file says." in told
    assert stack.told("--progress quiet up -d") == ""
    stack("up -d --force-recreate --no-deps web")
    second = stack.ids()
    assert changed(first, second) == {"web-1"}
    stack("up -d --always-recreate-deps web")
    third = stack.ids()
    assert changed(second, third) == BOTH
    stack("up -d --force-recreate")
    assert changed(third, stack.ids()) == BOTH


def test_an_edit_must_be_left_alone_when_asked(stack: Hand) -> None:
    stack("up -d")
    first = stack.ids()
    stack.edit(lambda text: text.replace("COLOUR: red", "COLOUR: blue"))
    stack("up -d --no-recreate")
    assert stack.ids() == first
    stack("up -d -t 1")
    assert changed(first, stack.ids()) == {"web-1"}
    told = stack.told("up -d --no-recreate --force-recreate", code=1)
    assert "--force-recreate and --no-recreate are incompatible" in told


def test_anonymous_volumes_must_be_kept_and_with_v_be_new(stack: Hand) -> None:
    stack("up -d db")
    stack.inside("exec", "-T", "db", "sh", "-c", "touch /anon/old /data/old")
    stack("up -d --force-recreate db")
    assert stack("exec -T db ls /anon /data").split() == ["/anon:", "old", "/data:", "old"]
    stack("up -d --force-recreate -V db")
    assert stack("exec -T db ls /anon /data").split() == ["/anon:", "/data:", "old"]


def test_scale_and_orphans_must_follow_flags_and_variables(stack: Hand) -> None:
    stack("up -d --scale db=2")
    assert set(stack.states()) == {"db-1", "db-2", "web-1"}
    stack("up -d --no-deps --scale db=3 web")
    assert set(stack.states()) == {"db-1", "db-2", "web-1"}
    stack("up -d")
    assert set(stack.states()) == BOTH
    stack.edit(lambda text: text[: text.index("  web:")] + text[text.index("  job:") :])
    assert "found orphan containers (verbs-web-1)" in stack.told("up -d").lower()
    assert "orphan" not in stack.told("up -d", COMPOSE_IGNORE_ORPHANS="1").lower()
    assert set(stack.states()) == BOTH
    stack("up -d", COMPOSE_REMOVE_ORPHANS="true")
    assert set(stack.states()) == {"db-1"}
    stack("up -d --remove-orphans")


def test_variables_must_choose_file_name_and_profiles(stack: Hand) -> None:
    (stack.folder / "over.yaml").write_text("services: {db: {environment: {SHAPE: round}}}")
    env = {"COMPOSE_FILE": "stack.yaml:over.yaml", "COMPOSE_PROJECT_NAME": "other", "COMPOSE_PROFILES": "jobs"}
    stack("up -d", **env)
    assert stack("ps -a --services", **env).split() == ["db", "job", "web"]
    assert stack("-p other exec -T db printenv SHAPE", COMPOSE_FILE=env["COMPOSE_FILE"]) == "round\n"
    assert stack("-p third ps -aq") == ""
    stack("down -v", **env)


def test_wait_must_be_for_health_and_not_for_ever(stack: Hand) -> None:
    stack.edit(
        lambda text: text.replace(
            "    depends_on: [db]",
            "    depends_on: [db]\n"
            "    healthcheck: {test: test -e /tmp/ok, interval: 50ms, timeout: 5s, retries: 1000, start_period: 1s}",
        )
    )
    told = stack.told("up -d --wait --wait-timeout 2", code=1)
    assert 'stack "verbs" is not ready after 2 s' in told
    assert stack.rows()["verbs-web-1"]["Health"] in ("starting", "unhealthy")
    stack("exec -T web touch /tmp/ok")
    stack("up --wait")
    assert stack.rows()["verbs-web-1"]["Health"] == "healthy"
    stack("stop web")
    told = stack.told("start --wait --wait-timeout 40 web")
    assert stack.rows()["verbs-web-1"]["Health"] == "healthy", told
    stack("exec -T web rm /tmp/ok")
    told = stack.told("restart web")
    assert "is not ready after 1 s" in stack.told("start --wait --wait-timeout 1 web", code=1)


def test_one_at_a_time_must_start_them_all(stack: Hand) -> None:
    assert stack.told("--parallel 1 up -d").count("Started") == 2
    assert stack.told("restart", COMPOSE_PARALLEL_LIMIT="1").count("Started") == 2
    assert "COMPOSE_PARALLEL_LIMIT" in stack.told("restart", COMPOSE_PARALLEL_LIMIT="many", code=1)
