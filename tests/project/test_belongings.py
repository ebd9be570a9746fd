"""What a stack rests on goes along and keeps its place; what could be somebody's secret only when that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackup.errors import StackupError
from stackup.project.belongings import MAX_FILES, MOUNTS, SECRETS, Belongings, gather, variables
from stackup.project.resolve import load
from tests.project.shop import Shop

STACK = """\
include: [../common/base.yaml]
services:
  web:
    image: nginx
    env_file: [web.env]
    environment: {A: $TAG, B: "${HOME}", TOKEN: }
    secrets: [key, pass, vault]
    configs: [{source: page, target: /page}]
    volumes: ["./html:/html", "/etc/hostname:/host", "./none:/none", "data:/data"]
  off: {image: nginx, profiles: [off], env_file: [off.env]}
secrets: {key: {file: key}, pass: {environment: PASSWORD}, vault: {external: true, name: kept}, unused: {file: nowhere}}
configs: {page: {file: page}}
volumes: {data: {}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    tree = {
        "common/base.yaml": "services: {base: {image: host, env_file: [base.env]}}", "common/base.env": "B=1",
        "home/web.env": "W=1", "home/key": "private", "home/page": "x", "home/html/a/run": "#!", "home/html/index": "",
    }  # fmt: skip
    for name, text in tree.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "home/html/a/run").chmod(0o775)
    (tmp_path / "home/key").chmod(0o600)
    (tmp_path / "home/html/out").symlink_to("/etc/shadow")
    return Shop(tmp_path / "home", STACK, {"TAG": "1", "TOKEN": "t", "HOME": "/root", "COMPOSE_IGNORED": "1"})


def gathered(shop: Shop, *flags: str, **where: Any) -> Belongings:
    session = shop.session(**where)
    return gather(session, load(session), frozenset(flags))


def test_files_keep_their_place_and_secrets_and_mounts_stay(shop: Shop) -> None:
    found = gathered(shop)
    assert found.top == str(shop.folder.parent)
    assert sorted(found.files) == [
        "common/base.env", "common/base.yaml", "home/page", "home/stack.yaml", "home/web.env",
    ]  # fmt: skip
    assert sorted(found.own) == ["common/base.env", "home/web.env"]
    assert found.left == [
        '"key", the secret "key"',
        '"html", which web mounts',
        '"/etc/hostname", which web mounts',
        'the secret "kept" of this host',
    ]
    assert variables(load(shop.session())) == ("PASSWORD", "TAG", "TOKEN")


def test_what_is_asked_for_goes_along_with_its_modes_and_without_links(shop: Shop) -> None:
    found = gathered(shop, SECRETS, MOUNTS)
    assert {"home/key", "home/html/a/run", "home/html/index"} < set(found.files)
    assert "home/html/out" not in found.files
    assert (found.modes["home/key"], found.modes["home/html/a/run"]) == (0o600, 0o755)
    assert "home/key" in found.own
    assert found.left == ['"/etc/hostname", which web mounts', 'the secret "kept" of this host']


def test_profiles_that_are_on_bring_their_files(shop: Shop) -> None:
    (shop.folder / "off.env").write_text("X=1")
    assert "home/off.env" in gathered(shop, profiles=("off",)).files


def test_what_has_no_files_here_is_refused_with_a_word(shop: Shop) -> None:
    with pytest.raises(StackupError, match="through a pipe"):
        gathered(shop, files=("-",), stdin=lambda: b"services: {a: {image: nginx}}")
    copy = Path(shop.layout.remote_dir) / "abc"
    copy.mkdir(parents=True)
    (copy / "compose.yaml").write_text("services: {a: {image: nginx}}")
    assert list(gathered(shop, files=(str(copy / "compose.yaml"),)).files) == ["compose.yaml"]
    shop.write(f"include: ['{copy}/compose.yaml']")
    with pytest.raises(StackupError, match="includes one from elsewhere"):
        gathered(shop)


def test_what_is_missing_or_too_much_is_named(shop: Shop) -> None:
    (shop.folder / "page").unlink()
    with pytest.raises(StackupError, match='page" is not there'):
        gathered(shop)
    with (shop.folder / "page").open("wb") as file:
        file.truncate(11 << 20)
    with pytest.raises(StackupError, match='page" is too much'):
        gathered(shop)
    (shop.folder / "page").write_text("")
    for number in range(MAX_FILES):
        (shop.folder / "html" / str(number)).touch()
    with pytest.raises(StackupError, match="too much beside the images"):
        gathered(shop, MOUNTS)
    gathered(shop)
