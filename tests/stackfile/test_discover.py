"""Which files make a stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackup.errors import UsageError
from stackup.stackfile.discover import NAMES, Request, find, is_name, normal_name


def place(root: Path, *names: str, text: str = "services: {}\n") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def found(root: Path, *, at: str = "", **rest: object) -> list[str]:
    done = find(Request(str(root / at), **rest))  # type: ignore[arg-type]
    return [str(Path(path).relative_to(root)) for path in done.files]


def test_names_are_tried_in_order(tmp_path: Path) -> None:
    for index, name in reversed(list(enumerate(NAMES))):
        place(tmp_path, name)
        assert found(tmp_path) == [name]
        assert find(Request(str(tmp_path))).ignored == tuple(str(tmp_path / other) for other in NAMES[index + 1 :])


def test_parents_are_searched_and_give_the_folder(tmp_path: Path) -> None:
    place(tmp_path, "compose.yaml", "a/b/x")
    done = find(Request(str(tmp_path / "a/b")))
    assert (done.directory, done.folder_name) == (str(tmp_path), normal_name(tmp_path.name))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["compose.yaml", "compose.override.yaml"], ["compose.yaml", "compose.override.yaml"]),
        (["compose.yaml", "compose.override.yml"], ["compose.yaml", "compose.override.yml"]),
        (["compose.yml", "docker-compose.override.yml"], ["compose.yml", "docker-compose.override.yml"]),
        (["stack.yaml", "stack.override.yaml"], ["stack.yaml", "stack.override.yaml"]),
        (["stack.yaml", "compose.override.yaml"], ["stack.yaml"]),
    ],
)
def test_the_sibling_override_is_added(tmp_path: Path, files: list[str], expected: list[str]) -> None:
    place(tmp_path, *files)
    assert found(tmp_path) == expected


def test_named_files_replace_the_search_and_take_no_override(tmp_path: Path) -> None:
    place(tmp_path, "compose.yaml", "compose.override.yaml", "x/other.yaml")
    assert found(tmp_path, files=["x/other.yaml", "compose.yaml"]) == ["x/other.yaml", "compose.yaml"]
    assert find(Request(str(tmp_path), files=["x/other.yaml", "compose.yaml"])).directory == str(tmp_path / "x")


def test_compose_file_comes_from_the_environment_or_the_env_file(tmp_path: Path) -> None:
    place(tmp_path, "a.yaml", "b.yaml", "compose.yaml")
    assert found(tmp_path, environ={"COMPOSE_FILE": "a.yaml:b.yaml"}) == ["a.yaml", "b.yaml"]
    environ = {"COMPOSE_FILE": "a.yaml;b.yaml", "COMPOSE_PATH_SEPARATOR": ";"}
    assert found(tmp_path, environ=environ) == ["a.yaml", "b.yaml"]
    (tmp_path / ".env").write_text("COMPOSE_FILE=b.yaml\nCOMPOSE_PROFILES=p,q\nCOMPOSE_PROJECT_NAME=named\n")
    done = find(Request(str(tmp_path)))
    assert (done.files, done.profiles, done.stack_name) == ((str(tmp_path / "b.yaml"),), ("p", "q"), "named")
    assert found(tmp_path, environ={"COMPOSE_DISABLE_ENV_FILE": "1"}) == ["compose.yaml"]
    assert found(tmp_path, files=["a.yaml"]) == ["a.yaml"]


def test_flags_win_over_the_environment(tmp_path: Path) -> None:
    place(tmp_path, "compose.yaml")
    environ = {"COMPOSE_PROFILES": "env", "COMPOSE_PROJECT_NAME": "env"}
    done = find(Request(str(tmp_path), environ=environ, profiles=["flag"], stack_name="flag"))
    assert (done.profiles, done.stack_name) == (("flag",), "flag")


def test_what_is_missing_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no stack file in") as nothing:
        find(Request(str(tmp_path)))
    assert "stack.yaml" in nothing.value.hint
    assert "docker-compose.yml" in nothing.value.hint
    with pytest.raises(UsageError, match=r'stack file "x\.yaml" does not exist'):
        find(Request(str(tmp_path), files=["x.yaml"]))
    place(tmp_path, "compose.yaml")
    with pytest.raises(UsageError, match=r'env file "x\.env" does not exist'):
        find(Request(str(tmp_path), env_files=["x.env"]))


def test_every_place_that_was_looked_at_is_kept(tmp_path: Path) -> None:
    place(tmp_path, "compose.yml", "sub/x")
    done = find(Request(str(tmp_path / "sub")))
    assert str(tmp_path / "sub/stack.yaml") in done.looked_for
    assert str(tmp_path / "compose.override.yml") in done.looked_for
    assert done.variables["COMPOSE_FILE"] is None


def test_a_folder_gives_a_name() -> None:
    assert normal_name("My App_1.2") == "myapp_12"
    assert normal_name("__x") == "x"
    assert is_name("a-b_1")
    assert not is_name("_a")
    assert not is_name("A")
    assert not is_name("")
