from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from stackup.cli.settings import counts, form, key_sequence, lines, moment, pairs
from stackup.cli.terminal import Terminal
from stackup.cli.views.containers import compose_row, ports, quoted, show_template, status
from stackup.cli.views.diagnostics import draw
from stackup.cli.views.events import json_line, line
from stackup.cli.views.images import human, name_and_tag
from stackup.cli.views.logs import LogView, color_of
from stackup.cli.views.stored import docker_rows
from stackup.cli.views.stored import show_table as show_stored
from stackup.cli.views.tables import go_json, table
from stackup.cli.views.templates import filled
from stackup.cli.views.times import age, local_stamp, stamp
from stackup.cli.views.urls import show as show_urls
from stackup.cli.views.values import name, shown, transition
from stackup.engines.engine import Container
from stackup.errors import UsageError
from stackup.reconcile.diff import ABSENT
from stackup.runtime.description import Happening

NOW = 1_700_000_000.0


def row(**changes: Any) -> Container:
    base: dict[str, Any] = {
        "stack": "shop", "service": "web", "index": 1, "name": "shop-web-1", "address": "container/web#1",
        "instance": "0123456789ab", "image": "nginx:1", "image_id": "sha256:ab", "root": "sha256:ab", "command": "nginx -g daemon",
        "state": "running", "health": "", "exit_code": 0, "error": "", "warning": "", "oom": False, "oom_reason": "", "restarts": 0,
        "pid": 7, "created_at": NOW - 400, "started_at": NOW - 300, "finished_at": 0.0, "ports": [], "networks": {},
        "mounts": [], "labels": {}, "transient": False, "stopped": False, "probe": "", "tty": False,
    }  # fmt: skip
    return {**base, **changes}  # type: ignore[typeddict-item,return-value]


def port(target: int, published: int, ip: str = "", protocol: str = "tcp") -> dict[str, Any]:
    return {"host_ip": ip, "host_port": published, "target": target, "protocol": protocol}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (125, "2 minutes"),
        (3600, "About an hour"),
        (47 * 3600, "47 hours"),
        (49 * 3600, "2 days"),
        (20 * 86400, "2 weeks"),
        (100 * 86400, "3 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_ages_are_dockers(seconds: float, words: str) -> None:
    assert age(seconds) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Up 5 minutes"),
        ({"health": "healthy"}, "Up 5 minutes (healthy)"),
        ({"health": "starting"}, "Up 5 minutes (health: starting)"),
        ({"state": "paused"}, "Up 5 minutes (Paused)"),
        ({"state": "exited", "exit_code": 137, "finished_at": NOW - 7200}, "Exited (137) 2 hours ago"),
        ({"state": "restarting", "exit_code": 1, "finished_at": NOW - 3}, "Restarting (1) 3 seconds ago"),
        ({"state": "created"}, "Created"),
        ({"state": "dead"}, "Dead"),
    ],
)
def test_states_are_dockers(changes: dict[str, Any], words: str) -> None:
    assert status(row(**changes), NOW) == words


def test_ports_are_dockers_and_runs_are_drawn_together() -> None:
    assert ports(row(ports=[port(80, 8080)])) == "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"
    assert ports(row(ports=[port(80, 8080, "127.0.0.1"), port(53, 53, "::1", "udp")])) == (
        "127.0.0.1:8080->80/tcp, [::1]:53->53/udp"
    )
    assert ports(row(ports=[port(90, 9000, "1.2.3.4"), port(91, 9001, "1.2.3.4")])) == "1.2.3.4:9000-9001->90-91/tcp"


def test_commands_are_quoted_and_cut() -> None:
    assert quoted("/docker-entrypoint.sh nginx", whole=False) == '"/docker-entrypoint.…"'
    assert quoted('say "a"', whole=True) == '"say \\"a\\""'


def test_the_fields_of_compose() -> None:
    found = compose_row(row(labels={"a": "1", "b": "2"}, mounts=["data"], networks={"shop_default": "x"}), NOW)
    assert found["Labels"] == "a=1,b=2"
    assert (found["Networks"], found["Mounts"], found["LocalVolumes"]) == ("shop_default", "data", "1")
    assert found["RunningFor"] == "6 minutes ago"
    assert len(found) == 20


def test_json_is_gos() -> None:
    assert go_json({"b": 1, "a": "<&>"}) == '{"a":"\\u003c\\u0026\\u003e","b":1}'


def test_tables_have_dockers_gaps(capsys: pytest.CaptureFixture[str]) -> None:
    table(Terminal({}), ("NAME", "X"), [("long-name", "1"), ("b", "")])
    assert capsys.readouterr().out == "NAME        X\nlong-name   1\nb\n"


def test_log_lines_keep_their_prefix_and_their_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    view = LogView(Terminal({}), [row(), row(name="shop-longer-1")])
    view.line(row(), 0, b"one\ntwo \xff")
    view.note(row(), "exited with code 0")
    view.flush()
    assert capfdbinary.readouterr().out == (b"web-1     | one\nweb-1     | two \xff\nweb-1 exited with code 0\n")


def test_a_service_keeps_its_colour(capsys: pytest.CaptureFixture[str]) -> None:
    assert color_of("web") == color_of("web")
    assert len({color_of(f"service{number}") for number in range(50)}) > 5
    LogView(Terminal({}, "always"), [row()]).line(row(), 0, b"x")
    assert capsys.readouterr().out == f"{color_of('web')}web-1  | \033[0mx\n"
    LogView(Terminal({}, "always"), [row()], color=False, prefix=False).line(row(), 0, b"x")
    assert capsys.readouterr().out == "x\n"


def test_stamps_have_nanoseconds() -> None:
    assert stamp(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456789Z"


def test_moments_of_events_are_gos(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for zone in ("UTC0", "IST-5:30"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        told.append(local_stamp(1_700_000_000_120_000_000))
    monkeypatch.undo()
    time.tzset()
    assert told == ["2023-11-14T22:13:20.12Z", "2023-11-15T03:43:20.12+05:30"]


def test_an_event_has_docker_composes_shapes() -> None:
    one: Happening = {
        "at": 1_700_000_000_000_000_000, "service": "web", "id": "i1", "action": "die", "transient": False,
        "attributes": {"name": "shop-web-1", "exitCode": "3"},
    }  # fmt: skip
    assert re.fullmatch(r"2023-11-1\d \d\d:\d\d:20.000000 container die i1 \(exitCode=3, name=shop-web-1\)", line(one))
    assert list(json.loads(json_line(one))) == ["action", "attributes", "id", "service", "time", "type"]


def test_urls_point_at_what_answers(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        row(ports=[port(443, 8443), port(80, 8080), port(53, 53, protocol="udp")]),
        row(service="api", ports=[port(80, 90, "10.0.0.1"), port(80, 91, "fd00::1")]),
    ]
    show_urls(Terminal({}), rows)
    assert capsys.readouterr().err == (
        " web  http://localhost:8080\n web  https://localhost:8443\n api  http://10.0.0.1:90\n api  http://[fd00::1]:91\n"
    )


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("limits", "memory"), 512 << 20, "512M"),
        (("limits", "memory"), 0, "unlimited"),
        (("limits", "pids"), 200, "200"),
        (("health", "interval"), 90 * 10**9, "1m30s"),
        (("image",), "sha256:" + "ab" * 32, "sha256:abababababab"),
        (("env", "A"), "", '""'),
        (("env", "A"), "two\nlines", '"two\\nlines"'),
        (("env", "A"), None, "(none)"),
        (("init",), True, "true"),
        (("command",), ["a", "b"], '["a", "b"]'),
    ],
)
def test_values_are_shown_as_a_person_writes_them(path: tuple[str, ...], value: Any, words: str) -> None:
    assert shown(path, value) == words


def problem(**changes: Any) -> dict[str, Any]:
    span = {"source": "stack.yaml", "line": 18, "column": 9, "end_line": 18, "end_column": 11, "text": "      - db"}
    base: dict[str, Any] = {
        "code": "SU014", "severity": "error", "summary": "s", "detail": 'service "web" depends on "db"',
        "label": "not enabled by this run", "hint": "run with --profile dev", "span": span, "related": [],
    }  # fmt: skip
    return {**base, **changes}


def drawn(**changes: Any) -> str:
    return draw(problem(**changes), lambda text, style: text)


def test_a_diagnostic_is_drawn_as_rustc_does() -> None:
    other = {"source": "b.yaml", "line": 4, "column": 1, "end_line": 4, "end_column": 3, "text": "db:"}
    assert drawn(related=[{"label": "defined here", "span": other}]) == (
        'error[SU014]: s: service "web" depends on "db"\n'
        "  --> stack.yaml:18:9\n"
        "   |\n"
        "18 |       - db\n"
        "   |         ^^ not enabled by this run\n"
        "  ::: b.yaml:4:1\n"
        "   |\n"
        " 4 | db:\n"
        "   | -- defined here\n"
        "help: run with --profile dev"
    )


def test_a_caret_stands_under_its_word_behind_a_tab() -> None:
    span = {"source": "s", "line": 1, "column": 4, "end_line": 1, "end_column": 6, "text": "a:\tbc"}
    text, caret = drawn(span=span, hint="", label="").splitlines()[-2:]
    assert text.index("bc") == caret.index("^^")
    assert caret.endswith("^^")


def test_a_span_over_several_lines_marks_the_rest_of_its_first() -> None:
    span = {"source": "s", "line": 1, "column": 3, "end_line": 4, "end_column": 2, "text": "a: bcd"}
    assert drawn(span=span, hint="", label="").splitlines()[-1] == "  |   ^^^^"


def test_a_line_too_long_to_read_is_cut_around_its_marker() -> None:
    text = "x" * 5000 + "HERE" + "y" * 5000
    span = {"source": "s", "line": 1, "column": 5001, "end_line": 1, "end_column": 5005, "text": text}
    line, caret = drawn(span=span, hint="", label="").splitlines()[-2:]
    assert len(line) < 200
    assert line[caret.index("^") :].startswith("HERE")
    assert caret.endswith(" ^^^^")


def test_a_problem_without_a_place_is_a_line() -> None:
    assert drawn(span=None, hint="") == 'error[SU014]: s: service "web" depends on "db"'


def test_images_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert name_and_tag("docker.io/library/nginx:1.2") == ("nginx", "1.2")
    assert name_and_tag("localhost:5000/app") == ("localhost:5000/app", "latest")
    assert [human(size) for size in (0, 999, 1500, 7_800_000)] == ["0B", "999B", "1.5kB", "7.8MB"]


def test_stored_images_are_a_line_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    digest = "sha256:" + "cd" * 32
    tags = ["docker.io/library/a:1", "reg:5000/b:2", f"docker.io/library/a@{digest}", f"docker.io/c/d@{digest}"]
    stored = [{"id": "sha256:" + "ab" * 32, "tags": tags, "created": NOW - 90, "size": 5}]
    stored += [{"id": "sha256:" + "ef" * 32, "tags": [], "created": 0, "size": 0}]
    rows = docker_rows(stored, NOW, whole=False)
    assert [(row["Repository"], row["Tag"], row["Digest"]) for row in rows] == [
        ("a", "1", digest),
        ("reg:5000/b", "2", "<none>"),
        ("c/d", "<none>", digest),
        ("<none>", "<none>", "<none>"),
    ]
    show_stored(Terminal({}), rows, digests=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert lines[1].split() == ["a", "1", "abababababab", "About", "a", "minute", "ago", "5B"]


def test_templates_know_the_functions_that_people_use() -> None:
    fields = {"A": {"B": ["x", "y"], "C": {"k": "v"}, "D": True}, "E": "Text", "F": None}

    def made(form: str) -> str:
        return filled(form, fields, fields)

    assert made('{{.A.B}} {{index .A.B "1"}} {{join .A.B ", "}} {{len .A.B}}') == "[x y] y x, y 2"
    assert made('{{json .A.C}} {{.A.C}} {{index .A.C "k"}} {{index .A.C "no"}}!') == '{"k":"v"} map[k:v] v !'
    assert made("{{upper .E}} {{lower .E}} {{.A.D}} {{.F}} {{.A.Nope}}") == "TEXT text true <no value> <no value>"
    for wrong in ("{{.Nope}}", "{{range .A}}", "{{json E}}", "{{}}"):
        with pytest.raises(UsageError):
            made(wrong)


def test_counts_pairs_and_lines_of_options() -> None:
    assert counts(("web=3", "db=0")) == {"web": 3, "db": 0}
    assert pairs(("A=1", "B", "C=", "D"), {"B": "2"}) == {"A": "1", "B": "2", "C": "", "D": None}
    assert (lines(""), lines("all"), lines("5")) == (None, None, 5)
    for word in ("web", "web=x", "=3", "web=-1"):
        with pytest.raises(UsageError, match="is not SERVICE=NUM"):
            counts((word,))


def test_moments_of_options() -> None:
    assert moment("", NOW) == 0.0
    assert moment("42m", NOW) == NOW - 42 * 60
    assert moment("1700000000.5", NOW) == 1700000000.5
    assert moment("2023-11-14T22:13:20Z", NOW) == NOW
    assert moment("2023-11-14", NOW) == time.mktime((2023, 11, 14, 0, 0, 0, 0, 0, -1))
    with pytest.raises(UsageError, match='"yesterday" is not a time'):
        moment("yesterday", NOW)


def test_a_published_port_comes_and_goes_as_a_whole() -> None:
    path, port = ("ports", "8080->80/tcp"), {"host_ip": "", "published": "8080", "target": 80, "protocol": "tcp"}
    assert name(path) == "ports"
    assert transition(path, ABSENT, port) == "8080->80/tcp  added"
    assert transition(path, port, ABSENT) == transition(path, port, None) == "8080->80/tcp  removed"
    assert transition(("limits", "memory"), 256 << 20, 512 << 20) == "256M -> 512M"


def test_fields_are_filled_into_a_template(capsys: pytest.CaptureFixture[str]) -> None:
    terminal, rows = Terminal({}), [row(service="web", ports=[port(80, 8080, "127.0.0.1")])]
    show_template(terminal, "{{.Service}}: {{ .Ports }}", rows, NOW)
    assert capsys.readouterr().out == "web: 127.0.0.1:8080->80/tcp\n"
    show_template(terminal, r"table {{.Service}}\t{{.RunningFor}}", rows, NOW)
    assert capsys.readouterr().out.splitlines()[0] == "SERVICE   CREATED"
    show_template(terminal, "{{json .}}", rows, NOW)
    assert json.loads(capsys.readouterr().out)["Service"] == "web"
    with pytest.raises(UsageError, match=r'"\{\{\.Nope\}\}" is not a field'):
        show_template(terminal, "{{.Nope}}", rows, NOW)


def test_a_volume_is_counted_and_a_long_name_is_shortened() -> None:
    found = compose_row(row(mounts=["/srv/a", "shop_quite_long_name"]), NOW)
    assert (found["LocalVolumes"], found["Mounts"]) == ("1", "/srv/a,shop_quite_lon…")


def test_a_format_is_one_of_the_choices() -> None:
    assert [form(text, "table", "json") for text in ("", "table", "json")] == ["", "", "json"]
    with pytest.raises(UsageError, match='"yaml" is not a format'):
        form("yaml", "table", "json")


def test_detach_keys_are_dockers() -> None:
    assert key_sequence("") == b""
    assert key_sequence("ctrl-p,ctrl-q") == b"\x10\x11"
    assert key_sequence("a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_") == b"a\x00\x1b\x1c\x1d\x1e\x1f"
    for wrong in ("ctrl-", "ctrl-pp", "ctrl-1", "ab", "a,,b", "ä"):
        with pytest.raises(UsageError, match="not a key"):
            key_sequence(wrong)
