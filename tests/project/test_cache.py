"""The cache gives back what was written, or nothing: whatever happens to its files, its inputs and the tool."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stackup.layout import Layout
from stackup.project import cache
from stackup.project.config import config
from stackup.project.resolve import cached, resolve
from stackup.project.session import Where
from stackup.project.tool import SOURCES, tool
from stackup.stamps import stamp
from tests.project.shop import SHOP, Shop
from tests.rules.tree import ROOT

VALUE = {"name": "shop", "rows": [{"a": 1}] * 50}


def at(folder: Path, **environ: str) -> tuple[Layout, Where, dict[str, Any]]:
    where = Where(str(folder), environ)
    return Layout(str(folder / "state"), ""), where, cache.key_of(where, "stack")


def keep(folder: Path, files: dict[str, Any], variables: dict[str, Any], **environ: str) -> tuple[Any, ...]:
    layout, where, key = at(folder, **environ)
    cache.write(layout, key, VALUE, (files, variables))
    return layout, where, key


def kept(folder: Path) -> Path:
    layout, _, key = at(folder)
    return Path(cache.entry_file(layout, key))


def test_an_entry_is_found_while_nothing_it_rests_on_changes(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text("a")
    layout, where, key = keep(tmp_path, {str(file): stamp(str(file))}, {"TAG": "1"}, TAG="1")
    assert cache.read(layout, where, key) == VALUE


def test_a_changed_file_is_a_miss(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text("a")
    layout, where, key = keep(tmp_path, {str(file): stamp(str(file))}, {})
    file.write_text("longer")
    assert cache.read(layout, where, key) is None


def test_a_file_that_appears_where_none_was_is_a_miss(tmp_path: Path) -> None:
    layout, where, key = keep(tmp_path, {str(tmp_path / "stack.override.yaml"): None}, {})
    assert cache.read(layout, where, key) is not None
    (tmp_path / "stack.override.yaml").write_text("x")
    assert cache.read(layout, where, key) is None


@pytest.mark.parametrize(("before", "now"), [("1", "2"), ("1", None), (None, "1")])
def test_a_variable_with_another_value_is_a_miss(tmp_path: Path, before: str | None, now: str | None) -> None:
    layout, where, key = keep(tmp_path, {}, {"TAG": before}, **({"TAG": now} if now else {}))
    assert cache.read(layout, where, key) is None


def test_another_profile_service_folder_or_engine_is_another_key(tmp_path: Path) -> None:
    plain = cache.key_of(Where("/x", {}), "stack")
    assert cache.key_of(Where("/x", {}, profiles=("dev",)), "stack") != plain
    assert cache.key_of(Where("/x", {}), "stack", ("web",)) != plain
    assert cache.key_of(Where("/y", {}), "stack") != plain
    assert cache.key_of(Where("/x", {"STACKUP_ENGINE": "memory"}), "stack") != plain


def test_what_came_through_a_pipe_is_never_kept(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    keep(tmp_path, {"/a/pipe": stamp(str(tmp_path / "pipe"))}, {})
    assert not kept(tmp_path).exists()


@pytest.mark.parametrize("ask", [{"files": ("-",)}, {}], ids=["named", "from .env"])
def test_a_stack_from_standard_input_is_read_each_time(tmp_path: Path, ask: dict[str, Any]) -> None:
    shop = Shop(tmp_path)
    if not ask:
        (tmp_path / ".env").write_text("COMPOSE_FILE=-\n")
    first = resolve(shop.session(stdin=SHOP.encode, **ask))
    again = resolve(shop.session(stdin=SHOP.replace("name: shop", "name: other").encode, **ask))
    assert (first.name, again.name) == ("shop", "other")


# The tool.


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what has a part in resolving."""
    home = tmp_path / "checkout" / "stackup"
    for folder in SOURCES:
        (home / folder).mkdir(parents=True, exist_ok=True)
        for path in (ROOT / "stackup" / folder).glob("*.py"):
            shutil.copy(path, home / folder)
    return home


@pytest.mark.parametrize("source", ["values.py", "stackfile/merge.py", "engines/desire/mounts.py", "project/cache.py"])
def test_an_edited_checkout_is_another_tool(checkout: Path, source: str) -> None:
    before = tool(str(checkout))
    assert tool(str(checkout)) == before
    path = checkout / source
    text, status = path.read_text(), path.stat()
    path.write_text(text.replace("import", "xmport", 1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert tool(str(checkout)) != before


def test_a_source_that_comes_or_goes_makes_another_tool(checkout: Path) -> None:
    before = tool(str(checkout))
    (checkout / "stackfile" / "new.py").write_text("")
    between = tool(str(checkout))
    (checkout / "stackfile" / "merge.py").unlink()
    assert before != between != tool(str(checkout))


def test_an_installed_tool_changes_with_its_folder(tmp_path: Path) -> None:
    home = tmp_path / "site-packages" / "stackup"
    home.mkdir(parents=True)
    before = tool(str(home))
    (tmp_path / "site-packages" / "other-2.0.dist-info").mkdir()
    assert tool(str(home)) != before


def test_an_entry_of_another_tool_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, where, key = keep(tmp_path, {}, {})
    assert cache.read(layout, where, key) == VALUE
    monkeypatch.setattr(cache, "tool", lambda: ["9.9"])
    assert cache.read(layout, where, key) is None
    cache.write(layout, key, VALUE, ({}, {}))
    assert cache.read(layout, where, key) == VALUE
    assert len(os.listdir(layout.cache_dir)) == 1, "a new tool replaces the entry of the old one"


# Its files.


HOSTILE = [b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe\0" * 100, b"[" * 5000, b"00000000\n", b"0000000g\n{}"]


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_a_file_that_is_no_entry_is_a_miss(tmp_path: Path, data: bytes) -> None:
    layout, where, key = keep(tmp_path, {}, {})
    kept(tmp_path).write_bytes(data)
    assert cache.read(layout, where, key) is None


def test_an_entry_that_lost_or_changed_any_byte_is_a_miss(tmp_path: Path) -> None:
    layout, where, key = keep(tmp_path, {"/a": None}, {"A": None})
    whole = kept(tmp_path).read_bytes()
    for place in range(len(whole)):
        kept(tmp_path).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.read(layout, where, key) is None, place
        kept(tmp_path).write_bytes(whole[:place])
        assert cache.read(layout, where, key) is None, place
    kept(tmp_path).write_bytes(whole + b" ")
    assert cache.read(layout, where, key) is None
    kept(tmp_path).write_bytes(whole)
    assert cache.read(layout, where, key) == VALUE


def test_wrong_types_that_are_not_sealed_by_us_are_never_looked_at(tmp_path: Path) -> None:
    """Every value of an entry made something else, one at a time: the checksum does not fit."""
    layout, where, key = keep(tmp_path, {"/a": None}, {"A": None})
    whole = kept(tmp_path).read_bytes()
    entry = json.loads(whole[9:])
    for name in entry:
        for wrong in (None, 3, "x", [], [[]], {"x": [None]}):
            kept(tmp_path).write_bytes(whole[:9] + json.dumps({**entry, name: wrong}).encode())
            assert cache.read(layout, where, key) is None


def as_symlink(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_everybodys(path: Path) -> None:
    path.chmod(0o666)


def as_endless(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(2**33)


@pytest.mark.parametrize("change", [as_symlink, as_pipe, as_folder, as_everybodys, as_endless])
def test_something_else_in_an_entrys_place_is_a_miss_and_is_replaced_or_left(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    layout, where, key = keep(tmp_path, {}, {})
    change(kept(tmp_path))
    assert cache.read(layout, where, key) is None
    cache.write(layout, key, VALUE, ({}, {}))
    assert cache.read(layout, where, key) == (None if change is as_folder else VALUE)
    if change is as_symlink:
        assert kept(tmp_path).with_suffix(".real").exists(), "what a link pointed at is not ours to write"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")
def test_an_entry_or_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    layout, where, key = keep(tmp_path, {}, {})
    os.chown(kept(tmp_path), 12345, 12345)
    assert cache.read(layout, where, key) is None
    kept(tmp_path).unlink()
    os.chown(layout.cache_dir, 12345, 12345)
    cache.write(layout, key, VALUE, ({}, {}))
    assert os.listdir(layout.cache_dir) == []


def test_a_link_where_the_aside_would_be_written_is_not_followed(tmp_path: Path) -> None:
    layout, _, key = keep(tmp_path, {}, {})
    victim = tmp_path / "victim"
    victim.write_text("mine")
    os.symlink(victim, f"{kept(tmp_path)}.{os.getpid()}.new")
    cache.write(layout, key, {"other": 1}, ({}, {}))
    assert victim.read_text() == "mine"


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    layout, where, key = keep(tmp_path, {}, {})
    assert cache.read(layout, where, key) is None


@pytest.mark.slow
def test_a_full_disk_costs_nothing_but_time_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files fails a write in its middle, as a disk does that has no more blocks."""
    program = f"""
import os, resource, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from tests.project.test_cache import keep
folder = Path({str(tmp_path)!r})
keep(folder, {{}}, {{}})
before = sorted(os.listdir(folder / "state/cache"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
keep(folder, {{"/new": None}}, {{}})
assert sorted(os.listdir(folder / "state/cache")) == before, os.listdir(folder / "state/cache")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    layout, where, key = at(tmp_path)
    assert cache.read(layout, where, key) == VALUE, "the entry from before is whole"


@pytest.mark.slow
def test_two_writers_at_once_never_show_half_of_either(tmp_path: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from stackup.project import cache
from tests.project.test_cache import at
layout, _, key = at(Path({str(tmp_path)!r}))
sys.stdin.read(1)
for n in range(200):
    cache.write(layout, key, {{"who": sys.argv[1] * 20_000, "n": n}}, ({{}}, {{}}))
"""
    layout, where, key = keep(tmp_path, {}, {})
    writers = [subprocess.Popen([sys.executable, "-c", program, who], stdin=subprocess.PIPE) for who in "ab"]
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(b"x")
        writer.stdin.close()
    seen = set()
    while any(writer.poll() is None for writer in writers):
        found = cache.read(layout, where, key)
        assert found is not None
        assert found == VALUE or len(set(found["who"])) == 1
        seen.add(found["name"] if found == VALUE else found["who"][0])
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(os.listdir(layout.cache_dir)) == 1


def test_the_cache_does_not_grow_without_end(tmp_path: Path) -> None:
    layout, where, key = keep(tmp_path, {}, {})
    for n in range(cache.MOST):
        (Path(layout.cache_dir) / f"old-{n}.json").write_text("")
        os.utime(Path(layout.cache_dir) / f"old-{n}.json", ns=(n, n))
    cache.write(layout, cache.key_of(where, "other"), VALUE, ({}, {}))
    assert len(os.listdir(layout.cache_dir)) <= cache.MOST // 2 + 2
    assert cache.read(layout, where, key) == VALUE, "the young stay"


def test_an_entry_is_its_owners_alone(tmp_path: Path) -> None:
    layout, _, key = keep(tmp_path, {}, {})
    assert os.stat(cache.entry_file(layout, key)).st_mode & 0o077 == 0
    cache.forget(layout, [key])
    assert not os.path.exists(cache.entry_file(layout, key))


# The inputs of a real stack: whatever is changed, the next command sees it.

FILES = {
    "stack.yaml": "include: [part/extra.yaml]\nservices:\n  web: {image: 'nginx:${TAG-1}', env_file: web.env, label_file: l.env,"
    " extends: {file: base.yaml, service: base}, secrets: [key]}\nsecrets: {key: {file: key.txt}}\n",
    "stack.override.yaml": "services: {web: {hostname: one}}\n",
    "base.yaml": "services: {base: {hostname: base}}\n",
    "part/extra.yaml": "services: {extra: {image: i, hostname: '${PART-1}'}}\n",
    "part/.env": "PART=1\n",
    ".env": "TAG=1\n",
    "web.env": "A=1\n",
    "l.env": "L=1\n",
    "key.txt": "k1",
}


def built(folder: Path) -> Shop:
    shop = Shop(folder)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return shop


@pytest.mark.parametrize("name", FILES)
def test_the_same_tick_and_size_do_not_hide_a_change(tmp_path: Path, name: str) -> None:
    """Written again with its old length and its old time; as close behind the first as a program can."""
    shop = built(tmp_path)
    resolve(shop.session())
    config(shop.session())
    assert cached(shop.session()) is not None, "nothing has changed yet"
    status = (tmp_path / name).stat()
    with (tmp_path / name).open("r+") as file:
        file.write(FILES[name].replace("1", "2").replace("one", "two").replace("base}", "ba5e}"))
    os.utime(tmp_path / name, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cached(shop.session()) is None


APPEARING = ["compose.yaml", "stack.override.yml", "part/.env", ".env"]


@pytest.mark.parametrize("name", APPEARING)
def test_a_file_that_was_looked_for_and_appears_is_seen(tmp_path: Path, name: str) -> None:
    shop = built(tmp_path)
    for path in ("stack.override.yaml", *APPEARING):
        (tmp_path / path).unlink(missing_ok=True)
    resolve(shop.session())
    assert cached(shop.session()) is not None
    (tmp_path / name).write_text("X=1\n" if name.endswith(".env") else "services: {}\n")
    assert cached(shop.session()) is None


@pytest.mark.parametrize("name", ["part/.env", ".env", "stack.override.yaml", "web.env"])
def test_a_file_that_goes_is_seen(tmp_path: Path, name: str) -> None:
    shop = built(tmp_path)
    resolve(shop.session())
    (tmp_path / name).unlink()
    assert cached(shop.session()) is None


def test_a_link_that_points_elsewhere_is_seen(tmp_path: Path) -> None:
    shop = built(tmp_path)
    for number in (1, 2):
        (tmp_path / f"{number}.env").write_text(f"A={number}\n")
    (tmp_path / "web.env").unlink()
    (tmp_path / "web.env").symlink_to("1.env")
    resolve(shop.session())
    assert cached(shop.session()) is not None
    (tmp_path / "web.env").unlink()
    (tmp_path / "web.env").symlink_to("2.env")
    assert cached(shop.session()) is None


def test_a_variable_that_only_an_env_file_asks_for_is_an_input(tmp_path: Path) -> None:
    shop = Shop(tmp_path, environ={"WHICH": "one"})
    (tmp_path / ".env").write_text("COMPOSE_PROFILES=${WHICH}\n")
    shop.write("services:\n  a: {image: i, profiles: [one]}\n  b: {image: i, profiles: [two]}\n")
    assert resolve(shop.session()).services == ["a"]
    assert cached(shop.session()) is not None
    shop.environ["WHICH"] = "two"
    assert resolve(shop.session()).services == ["b"]


def test_a_file_that_changes_while_it_is_read_is_seen_by_the_next_command(tmp_path: Path) -> None:
    """The stamp is older than the reading, so that what was read late is not taken for what was stamped."""
    shop = Shop(tmp_path, SHOP + "secrets: {key: {file: key.txt}}\n")
    shop.write(SHOP.replace("image: nginx", "image: nginx\n    secrets: [key]") + "secrets: {key: {file: key.txt}}\n")
    (tmp_path / "key.txt").write_text("1")
    facts = shop.host.facts()

    class Facts:
        expect = staticmethod(facts.expect)
        image = staticmethod(facts.image)
        variable = staticmethod(facts.variable)
        seal = staticmethod(facts.seal)
        stored = staticmethod(facts.stored)

        @staticmethod
        def file_digest(path: str) -> str:
            digest = Path(path).read_text()
            (tmp_path / "key.txt").write_text("2")
            return digest

    shop.host.facts = Facts  # type: ignore[method-assign,assignment]
    resolve(shop.session())
    assert cached(shop.session()) is None
