"""A container's output goes where the file says, and `logs` shows it whatever that is."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest

from stackup.kernel import calls
from tests.scenarios.machine import Machine
from tests.scenarios.verbs.conftest import Hand

pytestmark = [pytest.mark.host, pytest.mark.slow]

SYSLOG = (
    '{driver: syslog, options: {syslog-address: "udp://127.0.0.1:5140", tag: "{{.Name}}", syslog-facility: local3}}'
)


def logs_to(logging: str) -> Callable[[str], str]:
    return lambda text: text.replace("    depends_on: [db]\n", f"    depends_on: [db]\n    logging: {logging}\n")


def test_a_syslog_must_get_what_logs_shows_and_nothing_restarts_for_it(machine: Machine, stack: Hand) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.settimeout(10)
        syslog.bind(("127.0.0.1", 5140))
        stack.edit(logs_to(SYSLOG))
        stack("up -d")
        got = sorted(syslog.recv(1 << 16) for _ in range(2))
        assert [line.split(b">")[0] for line in got] == [b"<155", b"<158"]  # local3.err, local3.info
        assert got[0].endswith(b": oops\n")
        assert b" verbs-web-1[" in got[1]
        assert "web-up" in stack("logs web")
        ids = stack.ids()
        stack.edit(lambda text: text.replace("{{.Name}}", "other"))
        assert "~ web  log.options.tag  {{.Name}} -> other  stack.yaml:13  in place" in stack("plan")
        stack("up -d")
        assert stack.ids() == ids
        stack("kill -s USR1 web")
        assert b" other[" in syslog.recv(1 << 16)
        stack("stop web")
        assert syslog.recv(1 << 16).endswith(b": web-stop\n")


def test_a_journal_must_be_there_or_be_named(machine: Machine, stack: Hand) -> None:
    stack.edit(logs_to("{driver: journald, options: {env: COLOUR}}"))
    calls.mount("tmpfs", "/run", "tmpfs", 0, "")
    told = stack.told("up -d", code=1)
    assert '"verbs-web-1" is to log to journald, and nobody listens at /run/systemd/journal/socket' in told
    assert "another `logging.driver`" in told
    os.makedirs("/run/systemd/journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.settimeout(10)
        journal.bind("/run/systemd/journal/socket")
        stack("up -d")
        entry = journal.recv(1 << 16).decode()
    assert "CONTAINER_NAME=verbs-web-1\n" in entry
    assert "IMAGE_NAME=host\n" in entry
    assert "COLOUR=red\n" in entry
    assert f"CONTAINER_ID_FULL={stack.ids()['web-1']}\n" in entry


def test_a_collector_that_is_gone_must_be_said_while_the_container_goes_on(machine: Machine, stack: Hand) -> None:
    stack.edit(logs_to('{driver: syslog, options: {syslog-address: "tcp://127.0.0.1:5141"}}'))
    stack("up -d")
    assert "web-up" in stack("logs web")
    assert stack.states()["web-1"] == "running"
    told = stack.told("ps")
    assert "verbs-web-1: syslog at tcp://127.0.0.1:5141 does not take the output: connection refused" in told


def test_full_files_must_be_packed_and_read_as_before(machine: Machine, stack: Hand) -> None:
    stack.edit(logs_to('{options: {max-size: 20k, max-file: "30", compress: "true"}}'))
    stack.edit(
        lambda text: text.replace("echo web-up;", "i=0; while [ $$i -lt 3000 ]; do echo line $$i; i=$$((i+1)); done;")
    )
    stack("up -d")
    wanted = [f"line {number}" for number in range(3000)]
    shown = stack("logs --no-log-prefix web").splitlines()
    assert [line for line in shown if line != "oops"] == wanted
    folder = os.path.join(machine.state, "stacks", "verbs", "container")
    packed = [name for at, _, names in os.walk(folder) for name in names if name.endswith(".gz")]
    assert packed
    assert stack("logs -n 1500 --no-log-prefix web").splitlines()[:1500][0].startswith("line 15")
