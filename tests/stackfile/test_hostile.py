"""Files that want to cost: each ends in a diagnostic, in bounded time and memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stackup.diagnostics import Diagnostics
from stackup.errors import UsageError
from stackup.project.problems import rows_of
from stackup.stackfile.discover import MAX_BYTES, read_disk
from stackup.stackfile.document import Sequence, plain
from stackup.stackfile.load import Request, load
from stackup.stackfile.parse import MAX_NODES, parse
from tests.fuzz.targets import nodes
from tests.stackfile.tree import HOME, lines, loaded


def codes(text: str | dict[str, str], **rest: object) -> set[str]:
    return {line.split()[1] for line in lines(loaded(text, **rest))}  # type: ignore[arg-type]


@pytest.mark.slow
def test_thousands_of_ranges_of_ports() -> None:
    services = "\n".join(f"  s{i}: {{image: i, ports: ['1-65535']}}" for i in range(3000))
    assert codes(f"services:\n{services}\n") == {"SU025"}


@pytest.mark.slow
def test_thousands_of_unknown_keys() -> None:
    keys = "\n".join(f"    kee{i}: 1" for i in range(20_000))
    assert codes(f"services:\n  web:\n    image: i\n{keys}\n") == {"SU020"}


@pytest.mark.slow
def test_thousands_of_names_that_do_not_exist() -> None:
    volumes = "\n".join(f"      - volum{i}:/v{i}" for i in range(3000))
    known = "\n".join(f"  volume{i}:" for i in range(2000))
    assert codes(f"services:\n  web:\n    image: i\n    volumes:\n{volumes}\nvolumes:\n{known}\n") == {"SU030"}


@pytest.mark.slow
def test_variables_that_grow_without_end() -> None:
    labels = "\n".join(f"      - l{i}=$A$A" for i in range(300))
    files = {"compose.yaml": f"services:\n  web:\n    image: i\n    labels:\n{labels}\n", ".env": "A=" + "x" * 400_000}
    assert codes(files) == {"SU010"}


@pytest.mark.slow
def test_an_env_file_that_doubles_every_line() -> None:
    doubling = "V0=xxxxxxxxxx\n" + "".join(f"V{i + 1}=$V{i}$V{i}\n" for i in range(200))
    assert codes({"compose.yaml": "services: {web: {image: i}}", ".env": doubling}) == {"SU013"}


@pytest.mark.slow
def test_a_long_env_file_is_read_in_one_pass() -> None:
    text = "".join(f"V{i}='{i}'\n" for i in range(100_000))
    done = loaded({"compose.yaml": "services: {web: {image: 'i$V99999'}}", ".env": text})
    assert done.stack is not None
    assert done.stack.services["web"].image == "i99999"


@pytest.mark.slow
def test_a_long_command_is_split_in_one_pass() -> None:
    done = loaded("services: {web: {image: i, command: '" + "\\a" * 200_000 + "'}}")
    assert done.stack is not None
    assert done.stack.services["web"].command == ("a" * 200_000,)


def test_a_chain_of_extends_is_followed_so_far() -> None:
    services = "\n".join(f"  s{i}: {{extends: s{i + 1}}}" for i in range(200))
    assert "SU016" in codes(f"services:\n{services}\n  s200: {{image: i}}\n")


def test_a_file_that_includes_itself_under_many_names() -> None:
    text = "include: [./compose.yaml, sub/../compose.yaml]\nservices: {web: {image: i}}\n"
    assert codes(text) == {"SU018"}


def test_devices_and_pipes_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.env")
    for path in ("/dev/zero", "pipe.env"):
        (tmp_path / "compose.yaml").write_text(f"services: {{web: {{image: i, env_file: {path}}}}}")
        with pytest.raises(UsageError, match="is not a file"):
            load(Request(str(tmp_path)))


def test_a_folder_is_no_file_and_a_large_file_is_cut(tmp_path: Path) -> None:
    assert read_disk(str(tmp_path)) is None
    assert read_disk(str(tmp_path / "none")) is None
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(MAX_BYTES * 4)
    assert len(read_disk(str(large)) or b"") == MAX_BYTES + 1


def test_escapes_for_a_terminal_stay_in_the_data_and_out_of_summaries() -> None:
    done = loaded('services: {"web\\e[31m": {image: i, "k\\e]0;x\\a": 1}}')
    assert done.diagnostics
    assert not any("\x1b" in item.summary + item.hint for item in done.diagnostics)


def nodes_of(text: str) -> int:
    """How many values the parser hands on, aliases counted wherever they stand."""
    return sum(nodes(plain(document.root)) for document in parse(text.encode(), "f", Diagnostics()))


BOMB = "x-a: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)
)
QUADRATIC = "x-a: &a [" + "1, " * 2000 + "1]\nx-b: [" + "*a, " * 2000 + "*a]\n"
MERGED = "x-0: &m0 {k0: 1}\n" + "".join(f"x-{n}: &m{n} {{<<: *m{n - 1}, k{n}: 1}}\n" for n in range(1, 500))


@pytest.mark.parametrize("text", [BOMB, QUADRATIC], ids=["exponential", "quadratic"])
def test_aliases_that_expand_to_too_much(text: str) -> None:
    assert codes(text) == {"SU005"}
    assert nodes_of(text) == 0


def test_aliases_within_the_bound_are_shared_not_copied() -> None:
    """The tree that later stages walk is bounded, and what is in memory is as small as the text."""
    text = "x-a: &a [" + "1, " * 300 + "1]\nx-b: [" + "*a, " * 300 + "*a]\nservices: {web: {image: i}}\n"
    (document,) = parse(text.encode(), "f", Diagnostics())
    copies = document.root.get("x-b")
    assert isinstance(copies, Sequence)
    assert len({id(item) for item in copies.items}) == 1
    assert nodes_of(text) < MAX_NODES


def test_merge_keys_that_grow_with_every_line() -> None:
    assert nodes_of(MERGED) <= MAX_NODES


RECURSIVE = [
    ("x-a: &a {<<: *a, b: 1}\n", "SU004"),
    ("x-a: &a [*a]\n", "SU004"),
    ("x-a: &a {b: &b {<<: [*b, *a]}}\n", "SU004"),
    ("x-a: {<<: 1}\n", "SU009"),
    ("x-a: {<<: [{a: 1}, [2]]}\n", "SU009"),
]


@pytest.mark.parametrize(("text", "code"), RECURSIVE, ids=range(len(RECURSIVE)))
def test_merges_of_what_contains_itself(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, "x-a: " + "{a: " * 5000, "".join(f"{' ' * n}a:\n" for n in range(2000)), "- " * 5000, "? " * 5000],
    ids=["lists", "mappings", "blocks", "dashes", "keys"],
)
def test_depth_is_bounded_before_it_is_reached(text: str) -> None:
    assert codes(text) <= {"SU005", "SU001"}
    assert codes(text)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["{}: 1\n", '"{}": 1\n', "? {}\n: 1\n", "services: {{web: {{image: {}}}}}\n"])
def test_a_key_or_value_of_nine_megabytes(text: str) -> None:
    """Under the limit of a file, so the whole way is walked; what is said of it is short."""
    done = loaded(text.replace("{}", "k" * 9_000_000).replace("{{", "{").replace("}}", "}"))
    assert len(json.dumps(rows_of(done.diagnostics, done.sources))) < 20_000


@pytest.mark.slow
def test_a_file_of_eleven_megabytes_is_refused() -> None:
    assert codes("x: " + "k" * (MAX_BYTES + 1)) == {"SU005"}


TAGS = ["!!python/object:os.system", "!!python/object/apply:os.system", "!!python/name:os.system", "!!python/module:os"]
TAGS += ["!!binary", "!!set", "!!omap", "!!timestamp", "!!js/function", "!ruby/object:X", "!<tag:yaml.org,2002:x>"]


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_that_names_something_to_make_is_never_followed(tag: str) -> None:
    done = loaded(f"services:\n  web:\n    image: {tag} ['true']\n")
    assert (done.diagnostics[0].code, str(done.diagnostics[0].span)) == ("SU006", "compose.yaml:3:12")
    assert done.stack is None


CIRCLES = {
    "a file that includes itself": {"compose.yaml": "include: [compose.yaml]\n"},
    "three files in a ring": {
        "compose.yaml": "include: [b.yaml]\n",
        "b.yaml": "include: [c.yaml]\n",
        "c.yaml": "include: [compose.yaml]\n",
    },
    "extends over two files": {
        "compose.yaml": "services: {a: {extends: {file: b.yaml, service: b}}}\n",
        "b.yaml": "services: {b: {extends: {file: compose.yaml, service: a}}}\n",
    },
    "extends of itself": {"compose.yaml": "services: {a: {extends: a}}\n"},
}


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_of_files_is_named(files: dict[str, str]) -> None:
    found = [item for item in loaded(files).diagnostics if item.code in ("SU016", "SU018")]
    assert found
    assert all(" -> " in item.detail and item.span for item in found)


def test_env_files_that_speak_of_each_other_end() -> None:
    """An env file cannot name another; variables that need each other are read in order, so they end too."""
    files = {"compose.yaml": "services: {a: {image: i, env_file: [a.env, a.env]}}", "a.env": "A=$B\nB=$A\nA=$A$A\n"}
    done = loaded(files)
    assert done.stack is not None
    assert done.stack.services["a"].environment == {"A": "", "B": ""}


def test_includes_that_fan_out_are_counted() -> None:
    files = {"compose.yaml": "include: [f0.yaml, f0.yaml]\nservices: {a: {image: i}}\n"}
    files |= {f"f{n}.yaml": f"include: [f{n + 1}.yaml, f{n + 1}.yaml]\n" for n in range(30)}
    assert "SU018" in codes(files)


@pytest.mark.parametrize("name", ['"a\\0b"', '"a\\e[2Jb"', '"\\u202eb"', '"a\\rb"', '"' + "a" * 5000 + '"'])
@pytest.mark.parametrize("place", ["env_file: {}", "label_file: {}", "extends: {{file: {}, service: x}}"])
def test_a_path_that_no_file_can_have_is_a_missing_file(tmp_path: Path, name: str, place: str) -> None:
    (tmp_path / "compose.yaml").write_text(f"services:\n  web:\n    image: i\n    {place.format(name)}\n")
    done = load(Request(str(tmp_path)))
    assert [item.code for item in done.diagnostics] == ["SU015"]


NUMBERS = [
    ("scale: 9223372036854775808", set()),
    ("cpus: .nan", {"SU021"}),
    ("cpus: .inf", {"SU021"}),
    ("mem_limit: 1e300", {"SU021"}),
    ("mem_limit: " + "9" * 5000, {"SU021"}),
    ("shm_size: -99999999999999999999999", {"SU021"}),
    ("secrets: [{source: s, mode: -1}]", {"SU021", "SU030"}),
    ("secrets: [{source: s, mode: '77777'}]", {"SU021", "SU030"}),
    ("stop_grace_period: " + "9" * 50 + "h", {"SU021"}),
]


@pytest.mark.parametrize(("line", "expected"), NUMBERS, ids=[line[:30] for line, _ in NUMBERS])
def test_numbers_without_end(line: str, expected: set[str]) -> None:
    assert codes(f"services: {{web: {{image: i, {line}}}}}") == expected


def test_numbers_in_the_place_of_names_count_as_names() -> None:
    text = "services:\n  web: {image: i, links: [7], profiles: [8]}\n  '7': {build: {context: 2024}}\n"
    done = loaded(text, profiles=["8"])
    assert done.stack is not None, lines(done)
    assert list(done.stack.services["web"].depends_on) == ["7"]
    build = done.stack.services["7"].build
    assert build is not None
    assert build.context == f"{HOME}/2024"
    assert loaded(text).disabled == ("web",)


@pytest.mark.parametrize("name", ["a\\e[2J", "\\u202eb", "a\\rb", "a b", "-a", "a/b"])
def test_names_hold_letters_that_stay_where_they_are(name: str) -> None:
    assert codes(f'services: {{web: {{image: i, container_name: "{name}"}}}}') == {"SU026"}
    if name not in ("-a",):
        assert codes(f'services: {{"{name}": {{image: i}}}}') == {"SU026"}
