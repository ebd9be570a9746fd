"""The pipeline as its callers see it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackup.errors import UsageError
from stackup.stackfile.load import Request, load
from stackup.stackfile.model import Service
from stackup.stamps import stamp
from tests.stackfile.tree import HOME, lines, loaded, printed

WEB = "services: {web: {image: i}}\n"


@pytest.mark.parametrize(
    ("name", "environ", "env_file", "in_file", "expected"),
    [
        ("flag", {"COMPOSE_PROJECT_NAME": "env"}, "COMPOSE_PROJECT_NAME=dot", "name: file\n", "flag"),
        ("", {"COMPOSE_PROJECT_NAME": "env"}, "COMPOSE_PROJECT_NAME=dot", "name: file\n", "env"),
        ("", {}, "COMPOSE_PROJECT_NAME=dot", "name: file\n", "dot"),
        ("", {"SUFFIX": "x"}, "", "name: file-${SUFFIX}\n", "file-x"),
        ("", {}, "", "", "demo"),
    ],
)
def test_the_name_comes_from_flag_environment_file_folder(
    name: str, environ: dict[str, str], env_file: str, in_file: str, expected: str
) -> None:
    files = {"compose.yaml": in_file + WEB, ".env": env_file}
    assert loaded(files, environ, stack_name=name).name == expected


def test_the_name_can_be_read_as_a_variable() -> None:
    text = "name: mine\nservices: {web: {image: 'i:${COMPOSE_PROJECT_NAME}', environment: [COMPOSE_PROJECT_NAME]}}"
    web = printed(text)["services"]["web"]
    assert (web["image"], web["environment"]) == ("i:mine", {"COMPOSE_PROJECT_NAME": "mine"})


def test_a_name_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(UsageError, match='"My App" cannot be the name of a stack'):
        loaded(WEB, stack_name="My App")


def test_the_environment_wins_over_env_files_and_later_files_over_earlier() -> None:
    text = "services: {web: {image: '${A}-${B}-${C}-${D:-d}'}}"
    files = {"compose.yaml": text, "one.env": "A=1\nB=1\nC=1", "two.env": "B=2\nC=2\nX=${A}", ".env": "D=unused"}
    done = printed(files, {"C": "caller"}, env_files=["one.env", "two.env"])
    assert done["services"]["web"]["image"] == "1-2-caller-d"


def test_env_files_of_a_service_win_by_order_and_environment_wins_over_them() -> None:
    files = {
        "compose.yaml": """
services:
  web:
    image: i
    env_file: [one.env, {path: raw.env, format: raw}]
    environment: {OWN: "", CALLER: }
""",
        "one.env": "A=1\nB='x'\nOWN=file\nUSES=${A}${CALLER}",
        "raw.env": "B='y' $A",
    }
    done = loaded(files, {"CALLER": "c"})
    assert done.stack is not None
    web = done.stack.services["web"]
    assert web.environment == {"A": "1", "B": "'y' $A", "OWN": "", "USES": "1c", "CALLER": "c"}
    assert str(done.origins["services", "web", "environment", "A"]) == "one.env:1:1"
    assert [entry.path for entry in web.env_file] == [f"{HOME}/one.env", f"{HOME}/raw.env"]


def test_env_files_of_a_service_never_feed_interpolation() -> None:
    files = {"compose.yaml": "services: {web: {image: 'i${A:-none}', env_file: a.env}}", "a.env": "A=1"}
    assert printed(files)["services"]["web"]["image"] == "inone"


PROFILES = """
services:
  always: {image: i}
  one: {image: i, profiles: [p]}
  two: {image: i, profiles: [q, p]}
  three: {image: i, profiles: [r], env_file: not-there.env}
"""


@pytest.mark.parametrize(
    ("request_", "on"),
    [
        ({}, ["always"]),
        ({"profiles": ["p"]}, ["always", "one", "two"]),
        ({"services": ["one"]}, ["always", "one", "two"]),
        ({"services": ["always"]}, ["always"]),
        ({"environ": {"COMPOSE_PROFILES": "q"}}, ["always", "two"]),
    ],
)
def test_profiles_choose_services(request_: dict[str, object], on: list[str]) -> None:
    done = loaded(PROFILES, **request_)  # type: ignore[arg-type]
    assert done.stack is not None
    assert sorted(done.stack.services) == sorted(on)
    assert set(done.disabled) == {"always", "one", "two", "three"} - set(on)


def test_every_profile_is_on_with_a_star_and_then_files_must_be_there() -> None:
    assert [text.split()[1] for text in lines(loaded(PROFILES, profiles=["*"]))] == ["SU015"]


def test_what_no_service_uses_is_left_out_unless_asked_for() -> None:
    text = "services: {web: {image: i}}\nvolumes: {v: }\nnetworks: {n: }\nsecrets: {s: {file: x}}\n"
    done, whole = loaded(text), loaded(text, all_resources=True)
    assert done.stack is not None
    assert whole.stack is not None
    assert (dict(done.stack.volumes), set(done.stack.networks)) == ({}, {"default"})
    assert (set(whole.stack.volumes), set(whole.stack.secrets)) == ({"v"}, {"s"})


def test_origins_say_where_a_value_stands_in_the_long_form() -> None:
    files = {
        "compose.yaml": "services:\n  web:\n    image: i\n    ports:\n      - '80:81'\n    environment:\n      - A=1\n",
        "compose.override.yaml": "services:\n  web:\n    environment:\n      A: '2'\n    mem_limit: 1g\n",
    }
    origins = {path: str(span) for path, span in loaded(files).origins.items()}
    assert origins["services", "web"] == "compose.yaml:2:3"
    assert origins["services", "web", "image"] == "compose.yaml:3:12"
    assert origins["services", "web", "ports", 0, "target"] == "compose.yaml:5:9"
    assert origins["services", "web", "environment", "A"] == "compose.override.yaml:4:10"
    assert origins["services", "web", "mem_limit"] == "compose.override.yaml:5:16"


def test_problems_of_all_files_and_stages_come_in_one_run() -> None:
    files = {
        "compose.yaml": "services:\n  a: {image: i, imagee: x, depends_on: [nobody]}\n",
        "compose.override.yaml": "services:\n  b: {image: '${X!}', ports: [nonsense]}\n",
    }
    codes = {text.split()[1] for text in lines(loaded(files))}
    assert codes == {"SU010", "SU020", "SU025", "SU031"}


def test_inputs_are_all_that_the_answer_depends_on(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services: {web: {image: '${TAG:-1}', env_file: [{path: w.env, required: no}]}}"
    )
    (tmp_path / ".env").write_text("OTHER=1\n")
    done = load(Request(str(tmp_path), environ={"TAG": "2"}))
    files = {os.path.relpath(path, tmp_path): seen for path, seen in done.inputs.files.items()}
    assert files["compose.yaml"] == stamp(str(tmp_path / "compose.yaml"))
    assert files["w.env"] is None
    assert files["stack.yaml"] is None
    assert files["compose.override.yaml"] is None
    assert files[".env"] is not None
    assert done.inputs.variables["TAG"] == "2"
    assert done.inputs.variables["COMPOSE_PROJECT_NAME"] is None
    assert "OTHER" not in done.inputs.variables


def test_sources_hold_the_text_that_spans_point_into() -> None:
    done = loaded({"compose.yaml": WEB, ".env": "A=1"})
    assert done.sources == {"compose.yaml": WEB, ".env": "A=1"}


def test_standard_input_is_a_file() -> None:
    done = loaded({}, files=["-"], stdin=WEB.encode)
    assert done.stack is not None
    assert (list(done.stack.services), done.directory, done.name) == (["web"], HOME, "demo")
    assert str(done.origins["services", "web"]) == "<stdin>:1:12"


def test_a_directory_of_a_parent_names_files_as_the_user_would() -> None:
    done = loaded({"compose.yaml": "services: {web: {image: 1, x: 2}}"}, directory=f"{HOME}/deep/er")
    assert lines(done)[0].startswith("error SU020 ../../compose.yaml:1:")


def test_a_stack_is_the_same_whether_its_values_are_texts_or_numbers() -> None:
    numbers = "services: {web: {image: i, scale: 2, init: true, cpus: 0.5, mem_limit: 1048576, pids_limit: 5}}"
    texts = "services: {web: {image: i, scale: '2', init: 'true', cpus: '0.5', mem_limit: '1m', pids_limit: '${P}'}}"
    assert printed(numbers) == printed(texts, {"P": "5"})


KEYS = st.sampled_from(["services", "web", "image", "ports", "volumes", "networks", "build", "x-a", "depends_on", "1"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 99999), st.sampled_from(["a", "a:b", "80:80", "$X", "${", ""])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(TREES)
def test_no_tree_makes_the_pipeline_fall_over(tree: object) -> None:
    done = loaded(json.dumps({"services": tree, "networks": tree, "volumes": {"a": tree}}))
    assert (done.stack is None) == any(text.startswith("error") for text in lines(done))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(Service.model_fields)),
        TREES,
        max_size=5,
    )
)
def test_no_service_makes_the_pipeline_fall_over(service: dict[str, object]) -> None:
    done = loaded(json.dumps({"services": {"web": service}}))
    assert (done.stack is None) == any(text.startswith("error") for text in lines(done))
