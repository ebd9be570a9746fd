"""Capabilities, limits and the merge of image and file."""

from __future__ import annotations

from typing import Any, cast

import pytest

from stackup.errors import HostError, Unsupported
from stackup.kernel import capabilities
from stackup.runtime import privileges
from stackup.runtime.privileges import DEFAULT, Powers, capability_set, security
from stackup.runtime.spec import ContainerSpec

ALL = Powers((1 << 41) - 1, {"nofile": 1024})
FEW = Powers(ALL.capabilities & ~capabilities.mask(["SYS_RESOURCE"]), {"nofile": 1024, "core": -1})


def spec(**changes: Any) -> ContainerSpec:
    plain = {
        "name": "shop-web-1", "command": None, "entrypoint": None, "env": {}, "cwd": None, "user": None, "groups": [],
        "hostname": "web", "tty": False, "privileged": False, "cap_add": [], "cap_drop": [], "security_opt": [],
        "ulimits": {},
    }  # fmt: skip
    return cast(ContainerSpec, {**plain, **changes})


def test_the_default_set_is_dockers_fourteen() -> None:
    assert capabilities.mask(DEFAULT) == 0xA80425FB
    assert sorted(capability_set([], [])) == sorted(DEFAULT)


@pytest.mark.parametrize(
    ("add", "drop", "expected"),
    [
        (["NET_ADMIN"], ["ALL"], {"NET_ADMIN"}),
        (["cap_net_admin"], [], {*DEFAULT, "NET_ADMIN"}),
        ([], ["CAP_CHOWN"], set(DEFAULT) - {"CHOWN"}),
        (["ALL"], ["SYS_ADMIN"], set(capabilities.NAMES) - {"SYS_ADMIN"}),
        ([], ["ALL"], set()),
        (["CHOWN"], ["CHOWN"], set(DEFAULT) - {"CHOWN"}),
    ],
)
def test_lists_are_read_as_docker_reads_them(add: list[str], drop: list[str], expected: set[str]) -> None:
    assert set(capability_set(add, drop)) == expected


def test_privileged_is_everything_whatever_is_dropped() -> None:
    assert capability_set([], ["ALL"], privileged=True) == list(capabilities.NAMES)


def test_a_capability_that_does_not_exist_is_named() -> None:
    with pytest.raises(Unsupported, match='"NET_ADMINN"'):
        capability_set(["NET_ADMINN"], [])


def test_what_the_host_lacks_is_named_and_left_out() -> None:
    wanted = spec(cap_add=["SYS_RESOURCE", "NET_ADMIN"])
    assert privileges.missing_capabilities(wanted, FEW) == ["SYS_RESOURCE"]
    kept = privileges.process_of(spec(cap_add=["ALL"], command=["x"]), {}, FEW)["capabilities"]
    assert "NET_ADMIN" in kept
    assert "SYS_RESOURCE" not in kept


@pytest.mark.parametrize("text", ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"])
def test_no_new_privileges_in_every_spelling(text: str) -> None:
    assert security([text]).no_new_privs


def test_security_options_in_both_spellings() -> None:
    found = security(["no-new-privileges:false", "seccomp:unconfined", "apparmor=web", "systempaths=unconfined"])
    assert found == privileges.Security(confined=False, seccomp="unconfined", apparmor="web")
    assert security(['seccomp={"a":"b=c"}', "apparmor:unconfined", "label:type:x"]).seccomp == '{"a":"b=c"}'
    assert security(["seccomp=builtin"], privileged=True).seccomp == ""
    assert security([], privileged=True) == privileges.Security(confined=False, seccomp="unconfined")


def test_a_hard_limit_above_ours_is_an_error_that_says_how_much_there_is() -> None:
    with pytest.raises(HostError, match="1024") as caught:
        privileges.rlimits({"nofile": {"soft": 10, "hard": 2000}}, FEW)
    assert "at most 1024" in caught.value.hint
    assert privileges.rlimits({"nofile": {"soft": 10, "hard": 2000}}, ALL) == {"nofile": [10, 2000]}
    assert privileges.rlimits({"core": {"soft": -1, "hard": -1}}, FEW) == {"core": [-1, -1]}


def test_unlimited_is_above_any_ceiling() -> None:
    with pytest.raises(HostError, match="nofile"):
        privileges.rlimits({"nofile": {"soft": 1, "hard": -1}}, FEW)


def test_a_limit_that_does_not_exist_is_named() -> None:
    with pytest.raises(Unsupported, match='"nofiles"'):
        privileges.rlimits({"nofiles": {"soft": 1, "hard": 1}}, ALL)


CONFIG = {
    "Entrypoint": ["/entry"],
    "Cmd": ["run"],
    "Env": ["A=image", "B=image=x"],
    "User": "web",
    "WorkingDir": "/srv",
}


@pytest.mark.parametrize(
    ("changes", "argv"),
    [
        ({}, ["/entry", "run"]),
        ({"command": ["other"]}, ["/entry", "other"]),
        ({"command": []}, ["/entry"]),
        ({"entrypoint": ["/mine"]}, ["/mine"]),
        ({"entrypoint": ["/mine"], "command": ["x"]}, ["/mine", "x"]),
        ({"entrypoint": [], "command": ["x"]}, ["x"]),
    ],
)
def test_what_runs(changes: dict[str, Any], argv: list[str]) -> None:
    assert privileges.process_of(spec(**changes), CONFIG, ALL)["argv"] == argv


def test_nothing_to_run_is_an_error_with_the_containers_name() -> None:
    with pytest.raises(HostError, match="shop-web-1"):
        privileges.process_of(spec(), {}, ALL)


def test_the_file_wins_over_the_image() -> None:
    plain = privileges.process_of(spec(), CONFIG, ALL)
    assert (plain["cwd"], plain["user"]) == ("/srv", "web")
    assert plain["env"] == {"PATH": privileges.PATH, "HOSTNAME": "web", "A": "image", "B": "image=x"}
    own = privileges.process_of(spec(cwd="/x", user="", env={"A": "file"}, tty=True), CONFIG, ALL)
    assert (own["cwd"], own["user"], own["env"]["A"], own["env"]["TERM"]) == ("/x", "", "file", "xterm")
