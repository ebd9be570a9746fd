from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stackup import __version__
from stackup.cli.verbs import VERBS
from stackup.errors import Unsupported
from stackup.images.store import Store
from stackup.layout import Layout
from stackup.project.explain import ALL
from stackup.project.hosts import open_host
from tests.cli.shell import Shell, bare_environment
from tests.project.shop import SHOP

UP = """\
 Network shop_default  Creating
 Volume shop_data  Creating
 Network shop_default  Created
 Volume shop_data  Created
 Container shop-db-1  Creating
 Container shop-web-1  Creating
 Container shop-db-1  Created
 Container shop-web-1  Created
 Container shop-db-1  Starting
 Container shop-db-1  Started
 Container shop-db-1  Waiting
 Container shop-db-1  Healthy
 Container shop-web-1  Starting
 Container shop-web-1  Started
 web  http://localhost:8080
"""

RUNNING = """\
 Container shop-db-1  Running
 Container shop-web-1  Running
Nothing to do: everything is as the file says.
 web  http://localhost:8080
"""


def test_up_in_a_pipe_tells_every_state_and_where_to_look(shell: Shell) -> None:
    answer = shell.typed("up -d")
    assert (answer.code, answer.out) == (0, "")
    assert sorted(answer.err.splitlines()) == sorted(UP.splitlines())


def test_up_with_nothing_to_do_says_what_runs(shell: Shell) -> None:
    shell.typed("up -d")
    assert shell.typed("up -d").err == RUNNING
    opened = len(shell.shop.host.opened)
    assert shell.typed("up -d").err == RUNNING
    assert len(shell.shop.host.opened) == opened, "the fast way opens no engine"
    assert shell.typed("up -d --remove-orphans").err == RUNNING


def test_a_plan_reads_like_terraforms(shell: Shell) -> None:
    assert shell.typed("plan").out == (
        "+ network default  absent    create\n"
        "+ volume data      absent    create\n"
        "+ db               absent    create and start\n"
        "+ web              absent    create and start\n"
        "Plan: 4 create.\n"
    )
    shell.typed("up -d")
    assert shell.typed("plan").out == "Nothing to do: everything is as the file says.\n"
    shell.shop.write(SHOP.replace("512m", "768m").replace("image: postgres:16", "image: postgres:17"))
    assert shell.typed("plan").out == (
        "-/+ db   image          id-of-postgres:16 -> id-of-postgres:17  stack.yaml:4  recreate\n"
        "-/+      image_name     postgres:16 -> postgres:17              stack.yaml:4  in place\n"
        "~   web  limits.memory  512M -> 768M                            stack.yaml:11  in place\n"
        "Plan: 1 in place, 1 recreate.\n"
    )


def test_detailed_exit_codes_of_plan(shell: Shell) -> None:
    assert shell.typed("plan --detailed-exitcode").code == 2
    shell.typed("up -d")
    assert shell.typed("plan --detailed-exitcode").code == 0
    shell.shop.write("services: 3")
    assert shell.typed("plan --detailed-exitcode").code == 1


def test_plan_as_json_has_a_schema(shell: Shell) -> None:
    found = json.loads(shell.typed("plan --json").out)
    assert found["schema"] == 1
    assert found["plan"]["changes"][0]["address"] == "network/default"


def test_plan_and_apply_through_a_file(shell: Shell) -> None:
    shell.typed("plan -o it.plan")
    assert shell.typed("apply it.plan").code == 0
    again = shell.typed("apply it.plan")
    assert (again.code, again.err.splitlines()[0]) == (
        1,
        'error: the stack "shop" has changed since "it.plan" was made',
    )


def test_ps_is_docker_composes_table(shell: Shell) -> None:
    shell.typed("up -d")
    lines = shell.typed("ps").out.splitlines()
    assert lines[0].split() == ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]
    assert lines[2].endswith("0.0.0.0:8080->80/tcp, [::]:8080->80/tcp")
    assert shell.typed("ps -q").out == "i3\ni4\n"
    assert shell.typed("ps --services").out == "db\nweb\n"
    shell.typed("stop web")
    assert len(shell.typed("ps").out.splitlines()) == 2
    assert "Exited (0)" in shell.typed("ps -a web").out
    assert shell.typed("ps --status exited --services").out == "web\n"


def test_ps_as_json_is_docker_composes_line_by_line(shell: Shell) -> None:
    shell.typed("up -d")
    lines = shell.typed("ps --format json").out.splitlines()
    assert [json.loads(line)["Service"] for line in lines] == ["db", "web"]
    assert list(json.loads(lines[1])) == sorted(json.loads(lines[1]))
    assert (
        '"Publishers":[{"URL":"0.0.0.0","TargetPort":80,"PublishedPort":8080,"Protocol":"tcp"},'
        '{"URL":"::","TargetPort":80,"PublishedPort":8080,"Protocol":"tcp"}]' in lines[1]
    )
    assert '"Ports":"0.0.0.0:8080-\\u003e80/tcp' in lines[1]


def test_ps_tells_how_containers_stand_to_the_file(shell: Shell) -> None:
    shell.typed("up -d")
    shell.shop.write(SHOP.replace("512m", "768m"))
    found = json.loads(shell.typed("ps --json --drift").out)
    assert {row["service"]: row["state_vs_file"] for row in found["containers"]} == {"db": "current", "web": "stale"}


def test_ls_lists_stacks(shell: Shell, tmp_path: Path) -> None:
    assert shell.typed("ls").out == "NAME   STATUS   CONFIG FILES\n"
    shell.typed("up -d")
    assert shell.typed("ls").out.splitlines()[1] == f"shop   running(2)   {tmp_path}/stack.yaml"
    assert shell.typed("ls --format json").out == (
        f'[{{"Name":"shop","Status":"running(2)","ConfigFiles":"{tmp_path}/stack.yaml"}}]\n'
    )
    shell.typed("stop")
    assert shell.typed("ls -q").out == ""
    assert shell.typed("ls -aq").out == "shop\n"


def test_port_and_its_error(shell: Shell) -> None:
    shell.typed("up -d")
    assert shell.typed("port web 80").out == "0.0.0.0:8080\n"
    missing = shell.typed("port web 81")
    assert missing.err == "error: no port 81/tcp for container shop-web-1\nhint: published: 80/tcp\n"


def test_logs_are_prefixed_aligned_and_in_the_order_of_time(shell: Shell) -> None:
    shell.typed("up -d")
    world = shell.shop.host.world
    world.write("i4", b"from web", at=2_000_000_000)
    world.write("i3", b"from db", at=1_000_000_000)
    world.write("i3", b"again", at=3_000_000_001)
    assert shell.typed("logs").out == "db-1   | from db\nweb-1  | from web\ndb-1   | again\n"
    assert shell.typed("logs -n 1 --no-log-prefix db").out == "again\n"
    assert shell.typed("logs -t db").out.splitlines()[1] == "db-1  | 1970-01-01T00:00:03.000000001Z again"
    assert shell.typed("logs --since 2 --until 2.5").out == "web-1  | from web\n"
    assert shell.typed("logs -n many").code == 1


def test_following_logs_ends_with_the_containers(shell: Shell) -> None:
    shell.typed("up -d")
    shell.shop.host.world.write("i4", b"last words")
    shell.typed("stop")
    assert shell.typed("logs -f").out == "web-1  | last words\n"


def test_exec_passes_the_exit_code_and_the_request_on(shell: Shell) -> None:
    shell.typed("up -d")
    assert shell.typed("exec -T -e A=1 -e HOME -u 5 -w /x web sh 7", HOME="/h").code == 7
    name, request = shell.shop.host.world.executed[0]
    assert name == "shop-web-1"
    assert request["argv"] == ["sh", "7"]
    assert request["env"] == {"A": "1", "HOME": "/h"}
    assert (request["user"], request["cwd"], request["tty"]) == ("5", "/x", False)


def test_exec_where_nothing_runs_says_why(shell: Shell) -> None:
    shell.typed("up -d")
    shell.typed("stop web")
    answer = shell.typed("exec web ls")
    assert (answer.code, answer.err) == (
        1,
        'error: service "web" is not running\nhint: it exited with code 0: see `stackup logs web`\n',
    )


def test_unknown_services_are_named_by_every_verb(shell: Shell) -> None:
    shell.typed("up -d")
    for line in ("ps wbe", "logs wbe", "exec wbe ls", "stop wbe", "up -d wbe", "kill wbe", "port wbe 1", "top wbe"):
        answer = shell.typed(line)
        assert (answer.code, answer.err) == (1, 'error: no such service: wbe\nhint: did you mean "web"?\n'), line


def test_down_and_down_again(shell: Shell) -> None:
    shell.typed("up -d")
    answer = shell.typed("down -v")
    assert answer.code == 0
    assert " Volume shop_data  Removed" in answer.err
    assert shell.typed("down").err == 'warning: no resource found to remove for stack "shop"\n'


def test_wait_prints_and_passes_on_the_code(shell: Shell) -> None:
    from stackup.values import Address

    shell.typed("up -d")
    shell.shop.host.world.end("shop", Address("container", "web", 1), 4)
    answer = shell.typed("wait web")
    assert (answer.code, answer.out) == (4, 'container "shop-web-1" exited with status code 4\n')


def test_config_and_its_lists(shell: Shell) -> None:
    assert shell.typed("config").out.startswith("name: shop\nservices:\n  db:\n")
    assert shell.typed("config --services").out == "db\nweb\n"
    assert shell.typed("config --volumes").out == "data\n"
    assert shell.typed("config --images").out == "nginx\npostgres:16\n"
    assert json.loads(shell.typed("config --format json").out)["services"]["web"]["command"] is None
    assert shell.typed("config -q").out == ""
    assert len(shell.typed("config --hash web").out.split()[1]) == 64
    assert shell.typed("config --hash nope").err == "error: no such service: nope\n"
    assert shell.typed("config --format toml").code == 1
    shell.typed("config -o out.yaml")
    assert Path("out.yaml").read_text() == shell.typed("config").out


def test_errors_of_a_file_are_drawn_with_their_lines(shell: Shell) -> None:
    shell.shop.write(SHOP.replace("mem_limit: 512m", "mem_limits: 512m"))
    answer = shell.typed("config")
    assert answer.code == 1
    assert "  --> stack.yaml:11:5\n" in answer.err
    assert "\n11 |     mem_limits: 512m\n   |     ^^^^^^^^^^" in answer.err
    assert answer.err.endswith("error: 1 error in the stack files\nhelp: `stackup explain SU020` says more\n")


def test_warnings_are_told_each_time_also_from_the_cache(shell: Shell) -> None:
    shell.shop.write("version: '3'\n" + SHOP)
    first, again = shell.typed("plan").err, shell.typed("plan").err
    assert "warning[" in first
    assert first == again


def test_a_bug_is_no_user_error(shell: Shell) -> None:
    def broken(_: str) -> None:
        raise ZeroDivisionError

    shell.shop.host.world.before_write = broken
    with pytest.raises(ZeroDivisionError):
        shell.typed("up -d")


def test_a_failed_step_is_told_with_its_reason_and_the_exit_code(shell: Shell) -> None:
    from stackup.errors import HostError

    def full(what: str) -> None:
        if what == "put container/web#1":
            raise HostError("the disk is full", hint="free some space")

    shell.shop.host.world.before_write = full
    answer = shell.typed("up -d")
    assert answer.code == 1
    assert "error: Container shop-web-1: the disk is full\nhint: free some space\n" in answer.err
    assert answer.err.endswith("3 steps not tried; the same command goes on from here\n")


def test_quiet_and_json_progress(shell: Shell) -> None:
    assert shell.typed("--progress quiet up -d").err == ""
    lines = shell.typed("down", COMPOSE_PROGRESS="json").err.splitlines()
    assert json.loads(lines[0])["event"] == "PlanMade"
    assert shell.typed("--progress loud up").err.startswith('error: "loud" is not a value of --progress')


def test_dry_run_shows_and_does_nothing(shell: Shell) -> None:
    answer = shell.typed("--dry-run up")
    assert answer.out.endswith("Plan: 4 create.\n")
    assert shell.shop.there() == []


def test_version_in_its_forms(shell: Shell) -> None:
    assert shell.typed("version").out == shell.typed("--version").out == f"stackup version {__version__}\n"
    assert shell.typed("version --short").out == f"{__version__}\n"
    assert shell.typed("version -f json").out == f'{{"version":"{__version__}"}}\n'


def test_mistakes_are_errors_with_a_hint_and_code_one(shell: Shell) -> None:
    answer = shell.typed("ps --frob")
    assert (answer.code, answer.err) == (1, "error: no such option: --frob\nhint: see `stackup ps --help`\n")
    assert shell.typed("frob").err == "error: no such command 'frob'\nhint: see `stackup --help`\n"
    missing = "error: missing argument 'NAME'\nhint: see `stackup secret create --help`\n"
    assert shell.typed("secret create").err == missing


def test_help_names_every_command(shell: Shell) -> None:
    found = shell.typed("--help").out
    assert all(f"  {verb.split(' ')[0]} " in found for verb in VERBS)
    assert shell.typed("").out == found
    assert "--detach" in shell.typed("up --help").out
    assert "prune" in shell.typed("image --help").out
    assert "Import" in shell.typed("image import --help").out or "image" in shell.typed("image import --help").out


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_command_has_help_and_a_body(shell: Shell, verb: str) -> None:
    answer = shell.typed(f"{verb} --help")
    assert answer.code == 0
    assert VERBS[verb].split(" ")[0] in answer.out
    __import__(f"stackup.cli.commands.{verb.replace(' ', '_')}")


def test_no_file_is_told_with_what_was_looked_for(shell: Shell) -> None:
    Path("stack.yaml").unlink()
    answer = shell.typed("up")
    assert answer.code == 1
    assert answer.err.startswith("error: ")
    assert "hint: " in answer.err


def test_a_stack_through_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stackup", "-f", "-", "config", "--services"],
        input=SHOP.encode(),
        env=bare_environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"db\nweb\n")


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(SHOP)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "stackup", "config"],
        env=bare_environment(tmp_path),
        cwd=tmp_path,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_every_code_can_be_explained(shell: Shell) -> None:
    assert shell.typed("explain su014").out.startswith("SU014: a service depends on one that is switched off\n\n")
    assert "image: host" in shell.typed("explain SU103").out
    assert shell.typed("explain SU999").err.startswith('error: there is no code "SU999"\n')
    assert shell.typed("explain 14").out == shell.typed("explain SU014").out
    assert [line.split("  ")[0] for line in shell.typed("explain").out.splitlines()] == sorted(ALL)


def test_an_explanation_shows_the_problem_and_its_mended_form(shell: Shell) -> None:
    out = shell.typed("explain SU029").out
    assert out.endswith(
        "For example, compose.yaml\n\n"
        "    services:\n"
        "      web: {image: nginx}\n"
        "      debug: {image: busybox, profiles: [dev]}\n\n"
        "What stackup --profile dve says\n\n"
        '    warning[SU029]: a profile is switched on that no service has: "dve"\n'
        '    help: did you mean "dev"?\n\n'
        "Mended, compose.yaml\n\n"
        "    services:\n"
        "      web: {image: nginx}\n"
        "      debug: {image: busybox, profiles: [dve]}\n"
    )


def test_what_is_asked_for_and_not_done_is_said(shell: Shell) -> None:
    assert "warning: --compatibility changes nothing here" in shell.typed("--compatibility ps").err
    assert "warning" not in shell.typed("up -d --pull missing --quiet-pull").err


@pytest.mark.parametrize(("flag", "variable"), [("--parallel 1", ""), ("", "1"), ("--parallel 1", "7")])
def test_no_more_steps_are_under_way_than_asked_for(shell: Shell, flag: str, variable: str) -> None:
    answer = shell.typed(f"{flag} --progress json up -d --scale db=4", COMPOSE_PARALLEL_LIMIT=variable)
    events = [json.loads(line) for line in answer.err.splitlines() if line.startswith("{")]
    works = [item["event"] for item in events if item.get("verb") not in (None, "await")]
    assert works == ["StepStarted", "StepEnded"] * (len(works) // 2)
    assert len(works) > 12


def test_any_number_may_be_under_way_unless_the_limit_is_no_number(shell: Shell) -> None:
    assert shell.typed("--parallel -1 up -d", COMPOSE_PARALLEL_LIMIT="1").code == 0
    answer = shell.typed("down", COMPOSE_PARALLEL_LIMIT="many")
    assert (answer.code, answer.err) == (1, 'error: COMPOSE_PARALLEL_LIMIT must be a whole number, not "many"\n')


def test_a_volume_that_must_be_made_anew_is_not_lost_without_a_word(shell: Shell) -> None:
    shell.typed("up -d")
    shell.shop.write(SHOP.replace("data: {}", "data: {driver_opts: {type: tmpfs, device: tmpfs}}"))
    answer = shell.typed("up -d")
    assert answer.code == 1
    assert "Volume shop_data must be made anew, and its data would be lost" in answer.err
    assert "hint: pass --yes" in answer.err
    assert shell.typed("up -d -y").code == 0


def test_rm_asks_before_it_removes(shell: Shell) -> None:
    shell.typed("up -d")
    assert shell.typed("rm").err == "No stopped containers\n"
    shell.typed("stop web")
    answer = shell.typed("rm")
    assert (answer.code, answer.err) == (
        1,
        "Going to remove shop-web-1\nerror: nobody is there to agree\nhint: pass -f\n",
    )
    assert shell.typed("rm -f").code == 0
    assert "container/web#1" not in shell.shop.there()


def test_run_in_the_background_prints_its_name(shell: Shell) -> None:
    answer = shell.typed("run -d -e A=1 web sleep 5")
    assert answer.code == 0
    assert answer.out.startswith("shop-web-run-")
    assert shell.typed("ps -q").out.count("\n") == 2


def test_run_takes_variables_from_files_and_orphans_away(shell: Shell, tmp_path: Path) -> None:
    shell.typed("up -d")
    (tmp_path / "more.env").write_text("A=1\nB=2\n")
    shell.shop.write(SHOP[: SHOP.index("  web:")] + SHOP[SHOP.index("volumes: {data") :])
    answer = shell.typed("run -d --env-from-file more.env -e B=3 --remove-orphans db true")
    assert answer.code == 0
    one = next(item for who, item in shell.shop.host.world.stack("shop").items() if "-run-" in who.name)
    assert {"A": "1", "B": "3"}.items() <= dict(one.recorded["env"]).items()
    assert "container/web#1" not in shell.shop.there()
    assert 'cannot read "none.env"' in shell.typed("run --env-from-file none.env db true").err
    (tmp_path / "bad.env").write_text("A='1\n")
    assert "bad.env:1" in shell.typed("run --env-from-file bad.env db true").err


def test_top_volumes_images_and_doctor(shell: Shell) -> None:
    shell.typed("up -d")
    assert shell.typed("top web").out.splitlines()[1].split()[0] == "web"
    assert shell.typed("volumes").out == "DRIVER   VOLUME NAME\nlocal    shop_data\n"
    assert shell.typed("volumes -q").out == "shop_data\n"
    assert shell.typed("images").out.splitlines()[1].split()[:3] == ["shop-db-1", "postgres", "16"]
    assert shell.typed("doctor").out == "ok      memory  everything is possible here\n"


def test_kill_start_restart_scale_and_create(shell: Shell) -> None:
    shell.shop.write(SHOP.replace('    ports: ["8080:80"]\n', ""))
    assert shell.typed("create").code == 0
    assert shell.shop.running() == []
    assert shell.typed("start").code == 0
    assert shell.typed("restart -t 1 web").err.splitlines()[-1] == " Container shop-web-1  Started"
    assert shell.typed("scale web=2").code == 0
    assert shell.typed("kill -s HUP web").err == " Container shop-web-1  Killed\n Container shop-web-2  Killed\n"
    assert shell.typed("scale web").err.startswith('error: "web" is not SERVICE=NUM')


def test_why_tells_the_story(shell: Shell) -> None:
    shell.typed("up -d")
    shell.shop.write(SHOP.replace("512m", "768m"))
    lines = shell.typed("why web").out.splitlines()
    assert lines[0].endswith("container/web#1 created and started by stackup up -d")
    assert lines[-2:] == [
        "now  container/web#1: a plan would update it",
        "     because file changed: limits.memory  stack.yaml:11",
    ]
    assert json.loads(shell.typed("why web --json").out)["why"]["past"][0]["action"] == "+"


def test_the_environment_is_heeded_as_composes_is(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("services: {one: {image: x, profiles: [p]}, two: {image: y}}\n")
    heeded = {"COMPOSE_FILE": "other.yaml", "COMPOSE_PROJECT_NAME": "mine", "COMPOSE_PROFILES": "p"}
    assert shell.typed("config --services", **heeded).out == "one\ntwo\n"
    assert shell.typed("config", **heeded).out.startswith("name: mine\n")
    assert shell.typed("-f stack.yaml -p flag config", **heeded).out.startswith("name: flag\n")


def test_images_by_hand(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs" / "file").write_text("x")
    made = shell.typed(["image", "import", "rootfs", "app:1", "-c", "CMD run"])
    identity = made.out.strip()
    assert identity.startswith("sha256:")
    assert shell.typed("image ls").out.splitlines()[1].split()[:2] == ["app", "1"]
    found = json.loads(shell.typed("image inspect app:1").out)[0]
    assert (found["Id"], found["RepoTags"], found["Config"]["Cmd"]) == (identity, ["app:1"], ["/bin/sh", "-c", "run"])
    assert json.loads(shell.typed("image inspect --json app:1").out)["images"][0]["id"] == identity
    missing = shell.typed("image inspect app:1 nope")
    assert missing.err.startswith("error: no such image: nope\n")
    assert len(json.loads(missing.out)) == 1
    assert shell.typed("image prune").err.startswith("error: nobody is there to agree\n")
    assert shell.typed("image rm app:1").out == f"Untagged: app:1\nDeleted: {identity}\n"
    assert shell.typed("image prune -f").out == "Total reclaimed space: 0B\n"


def test_what_builds_keep_is_told_and_pruned(shell: Shell) -> None:
    assert shell.typed("builder prune -f").out == "Total reclaimed space: 0B\n"
    assert shell.typed("builder prune").err.startswith("error: nobody is there to agree\n")
    assert shell.typed("builder prune -f --filter id=x").err.startswith('error: "id=x" is not a filter of builds\n')
    assert shell.typed("builder prune -f --keep-storage much").err.startswith('error: "much" is not a size')
    cache = Path(shell.shop.layout.state, "build/caches/0123456789abcdef")
    (cache / "data").mkdir(parents=True)
    (cache / "data/f").write_bytes(b"x" * 5000)
    assert "builds keep: caches of RUN " in shell.typed("image du").err
    assert json.loads(shell.typed("image du --json").out)["du"]["total"]["builds"]["cache"] >= 5000
    assert shell.typed("builder prune -f").out == "Total reclaimed space: 0B\n"
    assert shell.typed("builder prune -f -a --filter until=1h").out == "Total reclaimed space: 0B\n"
    assert shell.typed("builder prune -f -a --keep-storage 1m").out == "Total reclaimed space: 0B\n"
    shell.typed("--dry-run builder prune -a")
    assert (cache / "data/f").exists()
    assert shell.typed("builder prune -f -a").out.startswith("cache   0123456789ab  ")
    assert not (cache / "data").exists()


def test_an_image_whose_name_moved_is_dangling_until_it_is_pruned(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    ids: list[str] = []
    for text in ("1", "22"):
        (tmp_path / "rootfs" / "file").write_text(text)
        ids.append(shell.typed(["image", "import", "rootfs", "app:1", "-c", f"LABEL size={text}"]).out.strip())
    rows = [json.loads(line) for line in shell.typed("image ls --no-trunc --format json").out.splitlines()]
    assert {(row["ID"], row["Repository"]) for row in rows} == {(ids[1], "app"), (ids[0], "<none>")}
    assert shell.typed("image ls -f dangling=true --no-trunc -q").out == f"{ids[0]}\n"
    assert shell.typed("image ls -f label=size=22 --no-trunc -q").out == f"{ids[1]}\n"
    assert shell.typed("image ls ap* --format {{.Repository}}").out == "app\n"
    assert shell.typed("image ls nope -q").out == ""
    assert shell.typed("image ls -f nope=1").err.startswith('error: "nope=1" is not a filter\n')
    assert shell.typed("image prune -f --filter label=size=22").out == "Total reclaimed space: 0B\n"
    assert shell.typed("image prune -f --filter until=1h").out == "Total reclaimed space: 0B\n"
    done = shell.typed("image prune -f --filter label=size=1 --filter label!=other").out
    assert done == f"Deleted Images:\ndeleted: {ids[0]}\n\nTotal reclaimed space: 1B\n"
    assert shell.typed("image fsck --deep").out == "the image store is sound\n"


def test_an_id_with_several_names_is_not_removed_by_the_way(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    identity = shell.typed("image import rootfs app:1").out.strip()
    shell.typed("image tag app:1 other")
    assert shell.typed(f"image rm {identity[7:19]}").err.startswith("error: image")
    assert shell.typed("image rm app:1 nope").out == "Untagged: app:1\n"
    shell.typed("image tag other app:1")
    assert shell.typed(f"image rm -f {identity[7:19]}").out == (
        f"Untagged: app:1\nUntagged: other:latest\nDeleted: {identity}\n"
    )


def test_an_image_is_shown_and_removed_by_its_digest(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    identity = shell.typed("image import rootfs app:1").out.strip()
    name = f"app@sha256:{'ab' * 32}"
    assert shell.typed(f"image tag app:1 {name}").err.startswith(f'error: "{name}" has a digest, which is no tag\n')
    Store(shell.shop.layout.images_dir).tag(identity, name)
    rows = shell.typed("image ls --digests").out.splitlines()
    assert [line.split()[:3] for line in rows[1:]] == [["app", "1", name[4:]]]
    assert json.loads(shell.typed("image inspect app:1").out)[0]["RepoDigests"] == [name]
    assert shell.typed(f"image rm {name}").out == f"Untagged: {name}\n"
    assert shell.typed("image ls -q --no-trunc").out == f"{identity}\n"


def test_history_and_costs(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs" / "file").write_text("xyz")
    identity = shell.typed("image import rootfs app:1").out.strip()
    shell.typed(["image", "import", "rootfs", "app:2", "-c", "CMD x"])
    assert shell.typed("image history app:1 --no-trunc -q").out == f"{identity}\n"
    step = json.loads(shell.typed("image history app:1 --no-human --format json").out)
    assert (step["Size"], step["ID"], step["CreatedSince"][-1]) == ("3", identity[7:19], "Z")
    found = json.loads(shell.typed("image du --json").out)["du"]
    assert [(row["shared"], row["unique"]) for row in found["images"]] == [(3, 0), (3, 0)]
    assert found["total"] == {
        "layers": 1,
        "size": 3,
        "unused": 0,
        "builds": {"step": 0, "cache": 0, "source": 0},
    }
    told = shell.typed("image du")
    assert told.err == "2 images, 1 layer, 3B on disk\n"


def test_images_go_into_a_file_and_come_out_of_it(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    one = shell.typed("image import rootfs app:1").out.strip()
    assert shell.typed("image save app:1 nope -o x.tar").code == 1
    assert not (tmp_path / "x.tar").exists()
    assert shell.typed("image save app:1 -o x.tar").code == 0
    two = shell.typed(["image", "import", "rootfs", "app:1", "-c", "CMD other"]).out.strip()
    shell.typed("image prune -f")
    loaded = shell.typed("image load -i x.tar")
    assert (loaded.code, loaded.out) == (1, f"Loaded image ID: {one}\n")
    assert loaded.err.startswith("warning: app:1 still names the image")
    assert shell.typed("image ls app:1 -q --no-trunc").out == f"{two}\n"
    assert shell.typed("image load -i x.tar --force").out == "Loaded image: app:1\n"
    assert shell.typed("image ls app:1 -q --no-trunc").out == f"{one}\n"
    assert shell.typed("image load -q -i x.tar").out == f"{one}\n"
    assert shell.typed("image load -i stack.yaml").code == 1


def test_a_stream_that_nobody_takes_or_no_disk_holds_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs/file").write_bytes(b"x" * 300_000)

    def typed(line: str, end: str) -> subprocess.CompletedProcess[str]:
        words = ["sh", "-c", f'"{sys.executable}" -m stackup {line} {end}']
        return subprocess.run(
            words, env=bare_environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert typed("image import rootfs app:1", "").returncode == 0
    full = typed("image save app:1", "> /dev/full")
    assert (full.returncode, full.stderr.splitlines()[0]) == (
        1,
        'error: cannot use "the output": no space left on device',
    )
    assert typed("image save app:1", "| true").stderr == ""


def test_fsck_says_what_is_wrong_and_repairs_it(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    shell.typed("image import rootfs app:1")
    next((tmp_path / "state/images/layers").iterdir()).joinpath("layer.json").unlink()
    found = shell.typed("image fsck")
    assert (found.code, len(found.out.splitlines())) == (1, 2)
    assert len(json.loads(shell.typed("image fsck --json").out)["fsck"]["problems"]) == 2
    mended = shell.typed("image fsck --repair")
    assert (mended.code, mended.out.count("removed: ")) == (0, 3)
    assert shell.typed("image fsck").out == "the image store is sound\n"


def test_files_of_a_container_are_copied_both_ways(shell: Shell, tmp_path: Path) -> None:
    shell.typed("up -d")
    (tmp_path / "inside/etc").mkdir(parents=True)
    (tmp_path / "inside/etc/conf").write_text("of the container")
    shell.shop.host.world.roots["shop-web-1"] = str(tmp_path / "inside")
    assert shell.typed("cp web:/etc/conf out").code == 0
    assert (tmp_path / "out").read_text() == "of the container"
    assert shell.typed("cp stack.yaml web:etc").code == 0
    assert (tmp_path / "inside/etc/stack.yaml").read_text() == SHOP
    assert "would" not in shell.typed("--dry-run cp stack.yaml web:/").err
    assert not (tmp_path / "inside/stack.yaml").exists()
    assert shell.typed("cp a b").err.startswith("error: cannot copy without a service\n")
    assert shell.typed("cp db:/a web:/b").err.startswith("error: cannot copy between two services\n")
    assert shell.typed("cp web:/nope .").err == 'error: there is no "web:/nope"\n'
    assert "in memory only" in shell.typed("cp db:/a .").err
    assert shell.typed("export web -o all.tar").code == 0
    assert b"of the container" in (tmp_path / "all.tar").read_bytes()


DOCKERFILE = """\
FROM alpine AS base
ENV A="b c" D=e
ONBUILD RUN --network=none <<-E
\techo
\tE
CMD ["a"]
"""


def test_image_parse_shows_a_dockerfile_as_data(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    rows = json.loads(shell.typed(f"image parse {tmp_path}/Dockerfile --format json").out)
    heredocs = [{"name": "E", "fd": 0, "expand": True, "chomp": True, "content": "\techo\n"}]
    trigger = {
        "instruction": "RUN",
        "flags": ["--network=none"],
        "args": ["<<-E"],
        "heredocs": heredocs,
        "line": 3,
        "end_line": 5,
        "trigger": None,
    }
    none = {"flags": [], "heredocs": [], "trigger": None}
    assert rows == [
        {"instruction": "FROM", "args": ["alpine", "AS", "base"], "line": 1, "end_line": 1, **none},
        {"instruction": "ENV", "args": [["A", '"b c"'], ["D", "e"]], "line": 2, "end_line": 2, **none},
        {
            "instruction": "ONBUILD",
            "flags": [],
            "args": [],
            "heredocs": heredocs,
            "line": 3,
            "end_line": 5,
            "trigger": trigger,
        },
        {"instruction": "CMD", "args": ["a"], "line": 6, "end_line": 6, **none},
    ]


def test_image_parse_reads_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"RUN echo \xff\n")))
    (row,) = json.loads(shell.typed("image parse -").out)
    assert row["args"] == ["echo \ufffd"]


def test_image_parse_shows_what_is_wrong_and_prints_nothing(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nRUM x\nENV y\n")
    answer = shell.typed(f"image parse {tmp_path}/Dockerfile")
    assert (answer.code, answer.out) == (1, "")
    assert "error[SU202]: an instruction is not known: unknown instruction: RUM" in answer.err
    assert f"{tmp_path}/Dockerfile:3:5" in answer.err
    assert "error: 2 errors in the Dockerfile\n" in answer.err
    assert (
        shell.typed("image parse nothing-there").err
        == 'error: cannot read "nothing-there": no such file or directory\n'
    )


RISKY = SHOP.replace("    image: nginx\n", "    image: nginx\n    privileged: true\n")


def test_plan_and_up_tell_once_what_a_stack_gets_beyond_its_containers(shell: Shell) -> None:
    shell.shop.write(RISKY)
    line = "  web  is privileged: nothing holds its programs back  stack.yaml:9\n"
    assert line in shell.typed("plan").out
    assert json.loads(shell.typed("plan --json").out)["plan"]["risks"][0]["place"] == "stack.yaml:9"
    first = shell.typed("up -d")
    assert (first.code, first.err.count(line)) == (0, 1)
    again = shell.typed("up -d")
    assert "is privileged" not in again.err + again.out


def test_risks_are_asked_about_only_when_that_is_asked_for(shell: Shell) -> None:
    assert shell.typed("up -d --ask --force-recreate").code == 0, "nothing to ask about"
    shell.shop.write(RISKY)
    refused = shell.typed("up -d --ask")
    assert refused.code == 1
    assert "nothing was changed" in refused.err
    assert "privileged" not in shell.typed("ps --drift").out
    assert "is privileged" in shell.typed("plan").out, "it is still to be done"


def test_an_engine_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for name in ("memory", "nowhere"):
        with pytest.raises(Unsupported, match=name):
            open_host(name, Layout(str(tmp_path), str(tmp_path)), {})
