from __future__ import annotations

from typing import Any

import pytest

from stackup.cli.app import run as run_with_typer
from stackup.cli.argv import hoisted, parse
from stackup.cli.hot_writer import text
from stackup.errors import UsageError
from tests.rules.tree import ROOT

SAMPLES = """
up
up -d
up -d web db
up web -d db
up --scale web=3 --scale db=2 --wait --wait-timeout 5
up --no-menu --abort-on-container-exit
up --menu -t 3 -V
up -dVy
up --timeout=-1
down -v --remove-orphans -t5
down --volumes web
ps
ps -a
ps -aq web
ps --format json --no-trunc
ps --format=json --no-orphans
ps --services --status running --status exited --filter status=dead
logs -f -n 5 -t web
logs -fn5 --since 42m
logs --tail=all --no-log-prefix
exec web sh
exec -T web sh -c ls
exec -Tit web ls -la --color
exec -e A=1 -e B -u 0 -w /tmp web env -i x
exec --index=2 web true
exec -- web true
exec web -- true
run --rm web
run --rm -e A=1 web echo -n hi
run --no-interactive --entrypoint sh web -c ls
run -p 80:80 -v ./a:/b --name x web
kill
kill -s HUP web
kill --signal=9
port web 80
port --protocol udp --index 2 web 53
stop -t 3 web
restart --no-deps web
rm -fsv
scale web=3 db=1
plan -o x --detailed-exitcode
apply x -y
why web --json
config --hash * --format json
config -q
config ls
stats
stats web --no-stream --format json
stats -a --no-trunc
config ls -q --filter name=a
config -- ls
config web ls
config create app file.conf -l a=b
config --format json create
secret create db.pass
secret create --replace db.pass -
secret inspect -f {{.ID}} a b
secret rm a b
wait web db --down-project
image ls -q
image ls app --digests --no-trunc -f dangling=true --format json
image history app --no-human -q
image tag a b
image save a b -o x
image load -i x -qf
image fsck --deep --repair
image du
commit web app:1 -a me -m why -c CMD=x --no-pause
export web -o x --index 2
cp web:/a - -aL --all
image import - x:1 -c CMD=x -c ENV=y
image rm a b -f
image prune -a
version --short
version -f json
ls -a --filter name=x
-p shop -f a.yaml -f b.yaml ps
--project-name=shop --profile a --profile b --parallel 3 up
--ansi never --progress plain --dry-run down
--env-file x --project-directory y config
-fa.yaml ps
images
top
volumes -q
doctor
create --scale web=2
start --wait
attach web
""".strip().splitlines()

MISTAKES = """
frob
ps --frob
ps -x
up --wait-timeout soon
up --timeout
port web
port web eighty
port web 80 81
exec web
scale
apply
apply a b
image
image frob
image rm
-x ps
up --detach=maybe
--parallel many ps
""".strip().splitlines()


def by_typer(line: str) -> tuple[Any, ...]:
    found: list[Any] = []

    def dispatch(flags: dict[str, object], verb: str, values: dict[str, object]) -> int:
        found.append((without_nothing(flags), verb, without_nothing(values)))
        return 0

    assert run_with_typer(line.split(), dispatch) == 0
    return tuple(found[0])


def without_nothing(values: dict[str, object]) -> dict[str, object]:
    """The table gives empty lists where typer gives None: options ask for both in the same way."""
    return {name: value for name, value in values.items() if value not in (None, [])}


@pytest.mark.parametrize("line", SAMPLES)
def test_the_table_and_typer_read_a_line_in_the_same_way(line: str) -> None:
    found = parse(line.split())
    assert found is not None
    flags, verb, values = found
    assert (without_nothing(flags), verb, without_nothing(values)) == by_typer(line)


@pytest.mark.parametrize("line", MISTAKES)
def test_the_table_leaves_mistakes_to_typer_which_names_them(line: str) -> None:
    assert parse(line.split()) is None
    with pytest.raises(UsageError) as caught:
        by_typer(line)
    assert caught.value.message[0] != caught.value.message[0].upper() or not caught.value.message[0].isalpha()


@pytest.mark.parametrize(
    ("word", "value"),
    [("--detach=false", False), ("--detach=true", True), ("--detach=0", False), ("--no-menu=false", True)],
)
def test_flags_take_a_value_as_dockers_do(word: str, value: bool) -> None:
    found = parse(["up", "--detach", word])
    assert found is not None
    assert found[2]["menu" if "menu" in word else "detach"] is value


@pytest.mark.parametrize("line", ["", "--help", "ps --help", "ps -h", "image --help", "--version"])
def test_help_is_typers(line: str) -> None:
    assert parse(line.split()) is None


def test_the_table_is_fresh() -> None:
    assert (ROOT / "stackup" / "cli" / "hot_table.py").read_text() == text(), "run `just hot`"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("up -d --strict web", "--strict up -d web"),
        ("-f x config --diagnostics json -q --strict", "--diagnostics json --strict -f x config -q"),
        ("plan --diagnostics=sarif", "--diagnostics=sarif plan"),
        ("up --dry-run", "--dry-run up"),
        ("ps --dry-run", "ps --dry-run"),
        ("up -- --strict", "up -- --strict"),
        ("exec web ls --strict", "exec web ls --strict"),
        ("run web ls --diagnostics json", "run web ls --diagnostics json"),
        ("-p run up --strict", "--strict -p run up"),
        ("up --diagnostics", "up --diagnostics"),
        ("", ""),
    ],
)
def test_global_flags_may_stand_behind_the_verb(line: str, meant: str) -> None:
    assert hoisted(line.split()) == meant.split()
