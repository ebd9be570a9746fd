"""Secrets and configs that belong to no stack: what both engines promise, and what the machine's disk tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackup.engines.builtin.contents import LARGEST, Contents, read_file
from stackup.engines.builtin.vault import Vault
from stackup.engines.engine import Vault as Promise
from stackup.engines.memory.vault import MemoryVault
from stackup.errors import HostError, UsageError
from stackup.layout import Layout


def layout_of(folder: Path) -> Layout:
    return Layout(str(folder / "state"), str(folder / "run"))


@pytest.fixture(params=["memory", "builtin"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Promise:
    return MemoryVault() if request.param == "memory" else Vault(layout_of(tmp_path))


def test_what_is_kept_is_found_by_kind_and_name(vault: Promise) -> None:
    made = vault.create("secret", "a.b", b"one", {"k": "v"}, replace=False)
    assert vault.find("secret", "a.b") == made
    assert vault.all("secret") == [made]
    assert vault.content("secret", "a.b") == b"one"
    assert (vault.find("config", "a.b"), vault.all("config")) == (None, [])
    with pytest.raises(HostError, match='no config "a.b"'):
        vault.content("config", "a.b")


def test_a_name_is_taken_until_it_is_removed_or_replaced(vault: Promise) -> None:
    first = vault.create("secret", "a", b"one", {}, replace=False)
    with pytest.raises(UsageError, match="already exists"):
        vault.create("secret", "a", b"two", {}, replace=False)
    assert vault.content("secret", "a") == b"one"
    second = vault.create("secret", "a", b"two", {}, replace=True)
    assert second["id"] == first["id"]
    assert second["digest"] != first["digest"]
    assert vault.content("secret", "a") == b"two"
    vault.remove("secret", "a")
    vault.remove("secret", "a")
    assert vault.all("secret") == []


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "-a", "a-", ".a", "a" * 65, "a\n", "é"])
def test_a_name_that_could_lead_elsewhere_is_none(tmp_path: Path, name: str) -> None:
    vault = Vault(layout_of(tmp_path))
    with pytest.raises(UsageError, match="cannot be the name"):
        vault.create("secret", name, b"x", {}, replace=False)
    assert vault.find("secret", name) is None
    assert not (tmp_path / "state" / "vault").exists()


def test_the_disk_holds_no_bytes_that_were_kept(tmp_path: Path) -> None:
    vault = Vault(layout_of(tmp_path))
    vault.create("secret", "a", b"hunter2", {}, replace=False)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_nothing_is_left_of_what_was_removed(tmp_path: Path) -> None:
    vault = Vault(layout_of(tmp_path))
    for name in ("a", "b"):
        vault.create("secret", name, b"x", {}, replace=False)
    vault.remove("secret", "a")
    assert [row["name"] for row in vault.all("secret")] == ["b"]
    vault.remove("secret", "b")
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["key", "locks"]


def test_an_entry_in_anothers_place_does_not_open(tmp_path: Path) -> None:
    vault, folder = Vault(layout_of(tmp_path)), tmp_path / "state/vault/secret"
    vault.create("secret", "cheap", b"one", {}, replace=False)
    vault.create("secret", "dear", b"two", {}, replace=False)
    (folder / "cheap.json").write_bytes((folder / "dear.json").read_bytes())
    with pytest.raises(HostError, match="cannot be opened"):
        vault.content("secret", "cheap")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', "null", '{"format": 1}'])
def test_a_torn_entry_is_none(tmp_path: Path, text: str) -> None:
    vault = Vault(layout_of(tmp_path))
    vault.create("secret", "a", b"one", {}, replace=False)
    (tmp_path / "state/vault/secret/a.json").write_text(text)
    assert vault.find("secret", "a") is None
    vault.create("secret", "a", b"two", {}, replace=False)
    assert vault.content("secret", "a") == b"two"


def test_another_key_opens_nothing_and_says_so(tmp_path: Path) -> None:
    one = layout_of(tmp_path)
    Vault(one).create("secret", "a", b"one", {}, replace=False)
    other = Layout(one.state, one.run, str(tmp_path / "elsewhere/key"))
    with pytest.raises(HostError, match="cannot be opened"):
        Vault(other).content("secret", "a")


def test_the_bytes_of_a_normal_form_come_back(tmp_path: Path) -> None:
    contents = Contents(layout_of(tmp_path))
    (tmp_path / "f").write_bytes(b"from a file")
    contents.vault.create("config", "kept", b"from the store", {}, replace=False)
    digest, sealed = contents.seal("from \udcff a variable")
    assert contents.seal("from \udcff a variable") == (digest, sealed)
    assert contents.digest(b"from \xff a variable") == digest
    forms = {
        b"from \xff a variable": {"kind": "secret", "source": "environment:V", "sealed": sealed},
        b"from a file": {"kind": "secret", "source": f"file:{tmp_path}/f", "sealed": ""},
        b"from the store": {"kind": "config", "source": "external:kept", "sealed": ""},
    }
    for data, form in forms.items():
        assert contents.read(dict(form)) == data
        assert data.decode(errors="replace") not in json.dumps(form)


def test_a_file_is_read_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(LARGEST)
    assert len(read_file(str(path))) == LARGEST
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(HostError, match="larger than 16 MiB"):
        read_file(str(path))
