"""Files that want to cost: each ends in a diagnostic, in bounded time and memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.errors import UsageError
from stackup.stackfile.discover import MAX_BYTES, read_disk
from stackup.stackfile.load import Request, load
from tests.stackfile.tree import lines, loaded


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
