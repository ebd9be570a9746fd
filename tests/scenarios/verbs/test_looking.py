"""What shows and asks must say what is there, in docker compose's words and fields."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.scenarios.machine import Machine
from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_what_shows_must_tell_of_a_running_stack(machine: Machine, stack: Hand) -> None:
    stack("up -d")
    table = stack("ps")
    assert table.split("\n")[0].split() == ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]
    assert "0.0.0.0:8097->80/tcp, [::]:8097->80/tcp" in table
    web = stack.rows()["verbs-web-1"]
    assert (web["Project"], web["Service"], web["State"], web["Health"]) == ("verbs", "web", "running", "")
    assert web["Publishers"][0] == {"URL": "0.0.0.0", "TargetPort": 80, "PublishedPort": 8097, "Protocol": "tcp"}
    assert "verbs_data" in stack.rows()["verbs-db-1"]["Mounts"].split(",")
    assert stack("ps --services").split() == ["db", "web"]
    assert stack("ps -q web").split() == [stack.ids()["web-1"]]
    assert stack("port web 80") == "0.0.0.0:8097\n"
    assert "no port 81/tcp" in stack.told("port web 81", code=1)
    assert json.loads(stack("ls --format json")) == [
        {"Name": "verbs", "Status": "running(2)", "ConfigFiles": str(stack.file)}
    ]
    top = stack("top web").splitlines()
    assert top[0].split()[:5] == ["SERVICE", "#", "UID", "PID", "PPID"]
    assert any("web-up" in line and line.startswith("web") for line in top[1:])
    [db, _] = json.loads(stack("images --format json"))
    assert (db["ContainerName"], db["Repository"], db["Tag"]) == ("verbs-db-1", "host", "latest")
    assert db["Platform"].startswith("linux/")
    assert stack.inside("ps", "--format", "{{.Service}} {{ .State }}") == "db running\nweb running\n"
    assert stack.inside("ps", "--format", r"table {{.Name}}\t{{.ID}}", "web").splitlines()[0].split() == [
        "NAME",
        "CONTAINER",
        "ID",
    ]
    assert "is not a field here" in stack.told("ps --format {{.Nope}}", code=1)
    assert re.fullmatch(r"stackup version \S+\n", stack("version"))
    assert json.loads(stack("version --format json")) == {"version": stack("version --short").strip()}
    assert "verbs_data" in stack("volumes").split()
    assert "image: host" in stack("doctor")


def test_json_must_have_docker_composes_fields(stack: Hand) -> None:
    """Looked up on docker compose 2.40 with dockerd 20.10."""
    stack("up -d")
    web, [image, _] = stack.rows()["verbs-web-1"], json.loads(stack("images --format json"))
    assert " ".join(web) == (
        "Command CreatedAt ExitCode Health ID Image Labels LocalVolumes Mounts Name Names Networks Ports Project "
        "Publishers RunningFor Service Size State Status"
    )
    assert web["Command"].startswith("\"sh -c 'trap ")
    labels = dict(pair.partition("=")[::2] for pair in web["Labels"].split(","))
    assert labels["com.docker.compose.project.working_dir"] == str(stack.folder)
    assert labels["com.docker.compose.project.config_files"] == str(stack.file)
    assert labels["com.docker.compose.depends_on"] == "db:service_started:false"
    assert {"ID", "ContainerName", "Repository", "Tag", "Platform", "Size", "LastTagTime"} <= image.keys()
    volume = json.loads(stack("volumes --format json").splitlines()[0])
    assert " ".join(volume) == "Availability Driver Group Labels Links Mountpoint Name Scope Size Status"


def test_ls_must_count_what_runs_and_with_a_all(stack: Hand) -> None:
    stack("up -d")
    stack("stop web")
    assert json.loads(stack("ls --format json"))[0]["Status"] == "running(1)"
    assert json.loads(stack("ls -a --format json"))[0]["Status"] == "exited(1), running(1)"


def test_config_must_print_what_the_file_means(stack: Hand) -> None:
    assert stack("config --services").split() == ["db", "web"]
    assert stack("config --services", COMPOSE_PROFILES="jobs").split() == ["db", "job", "web"]
    assert stack("config --volumes").split() == ["data"]
    assert stack("config --images").split() == ["host", "host"], "one a service, as docker compose has it"
    assert stack("config -q") == ""
    assert json.loads(stack("config --format json"))["services"]["web"]["ports"][0]["published"] == "8097"
    stack.edit(lambda text: text.replace("ports:", "prots:"))
    told = stack.told("config -q", code=1)
    assert "stack.yaml:13" in told
    assert "ports" in told


def test_logs_must_follow_cut_and_look_back(machine: Machine, stack: Hand) -> None:
    stack("up -d")
    whole = stack("logs")
    assert {"db-1   | db-up", "web-1  | web-up", "web-1  | oops"} == set(whole.splitlines())
    assert stack("logs -n 1 --no-log-prefix web") in ("web-up\n", "oops\n")
    assert stack("logs --since 0s") == ""
    assert stack("logs --since 10m db") == "db-1  | db-up\n"
    assert re.match(r"db-1  \| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z db-up\n", stack("logs -t db"))
    follow = subprocess.Popen(
        machine.command(["logs", "-f", "web"]),
        cwd=stack.folder,
        env=machine.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follow.stdout is not None
    with follow, follow.stdout:
        assert {follow.stdout.readline() for _ in range(2)} == {"web-1  | web-up\n", "web-1  | oops\n"}
        stack("kill -s USR1 web")
        assert follow.stdout.readline() == "web-1  | poked\n"
        stack("stop web")
        assert follow.stdout.read() == "web-1  | web-stop\n"
    assert follow.returncode == 0


def test_events_must_tell_what_happens_while_it_happens_and_afterwards(machine: Machine, stack: Hand) -> None:
    """Nothing is looked at in between: the command sleeps in the kernel until a monitor or a command writes."""
    follower = subprocess.Popen(
        machine.command(["events", "--json", "web", "--since", "1"]),
        cwd=stack.folder,
        env=machine.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    stack("up -d")
    stack("exec -T web true")
    stack("pause web")
    stack("unpause web")
    stack("kill -s USR1 web")
    stack("run --rm -T --no-deps web true")
    stack("down -t 5")
    expected = ["create", "start", "exec_create: true", "exec_start: true", "exec_die", "pause", "unpause", "kill", "kill",
                "die", "stop", "destroy"]  # fmt: skip
    with follower, follower.stdout as lines:
        told = [json.loads(line) for _, line in zip(expected, lines, strict=False)]
        follower.terminate()
    assert [one["action"] for one in told] == expected
    assert {(one["service"], one["type"], one["attributes"]["name"]) for one in told} == {
        ("web", "container", "verbs-web-1")
    }
    assert told[9]["attributes"]["exitCode"] == "4"
    past = stack("events --until 0s").splitlines()
    assert [line for line in past if "container stop" in line and "verbs-db-1" in line]
    assert len([line for line in past if "verbs-web-1" in line]) == len(expected)
