"""The list of operations: its order is what keeps a hostile image from leading set-up astray."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stackup.errors import Unsupported
from stackup.runtime.devices import default_devices
from stackup.runtime.rootfs import HostFile, Layers, RootPlan, describe, operations
from tests.runtime.box import mount


def plan(**changes: Any) -> RootPlan:
    return RootPlan(**{"layers": Layers(("/image",), "/upper", "/work"), "merged": "/merged", **changes})


def place(found: list[Any], op: str, target: str | None = None) -> int:
    return next(n for n, item in enumerate(found) if item["op"] == op and target in (None, item.get("target")))


def test_host_paths_are_opened_before_the_image_is_mounted() -> None:
    found = operations(plan(mounts={"/data": mount("bind", "/host/data")}, etc={"/etc/hosts": "/run/hosts"}))
    image = place(found, "overlay")
    sources = [n for n, item in enumerate(found) if "source" in item]
    assert len(sources) == 2
    assert max(sources) < place(found, "private") < image


def test_masks_come_before_anything_of_the_users() -> None:
    found = operations(plan(mounts={"/data": mount("tmpfs")}))
    last_mask = max(n for n, item in enumerate(found) if item["op"] in ("mask", "readonly"))
    assert place(found, "filesystem", "/proc") < last_mask < place(found, "tmpfs")


def test_parents_are_mounted_before_their_children_and_the_same_way_each_time() -> None:
    mounts = {"/a/b/c": mount("tmpfs"), "/z": mount("tmpfs"), "/a": mount("tmpfs"), "/a/b": mount("tmpfs")}
    order = [item["target"] for item in operations(plan(mounts=mounts)) if item["op"] == "tmpfs"]
    assert order == ["/a", "/z", "/a/b", "/a/b/c"]


def test_everything_is_json_and_has_words() -> None:
    found = operations(
        plan(
            mounts={"/t": mount("tmpfs", size=5, mode=0o700), "/i": mount("image", "x"), "/v": mount("volume", "/v")},
            images={"x": ("/l1", "/l2")},
            files={"/run/secrets/s": HostFile("/run/s", 1, 2, 0o400)},
            devices=default_devices(), cgroups={"memory": "/cg/memory"}, sysctls={"net.ipv4.ip_forward": "1"},
            hostname="h", tty=True, read_only=True, nested={"/usr": Layers(("/usr",), "/u", "/w")},
        )
    )  # fmt: skip
    assert json.loads(json.dumps(found)) == found
    assert all(describe(item) for item in found)
    assert describe(found[place(found, "tmpfs", "/t")]) == 'mount tmpfs at "/t"'


def test_an_unconfined_root_has_no_masks() -> None:
    found = operations(plan(confined=False))
    assert not [item for item in found if item["op"] in ("mask", "readonly")]


@pytest.mark.parametrize(
    "name", ["vm.swappiness", "kernel.hostname", "kernel/core_pattern", "fs.file-max", "network.x"]
)
def test_a_parameter_of_the_whole_machine_is_refused(name: str) -> None:
    with pytest.raises(Unsupported, match=name):
        operations(plan(sysctls={name: "1"}))


def test_network_parameters_need_a_network_of_its_own() -> None:
    with pytest.raises(Unsupported, match="host's network"):
        operations(plan(sysctls={"net.core.somaxconn": "9"}, own_network=False))


def test_a_parameter_with_dots_in_a_links_name_is_written_with_slashes() -> None:
    found = operations(plan(sysctls={"net/ipv4/conf/eth0.5/forwarding": "1", "kernel.msgmax": "9"}))
    assert [item["target"] for item in found if item["op"] == "sysctl"] == [
        "net/ipv4/conf/eth0.5/forwarding",
        "kernel/msgmax",
    ]


def test_a_volume_with_a_subpath_is_not_filled() -> None:
    mounts = {
        "/a": mount("volume", "/v", subpath="x"),
        "/b": mount("volume", "/v"),
        "/c": mount("volume", "/v", nocopy=True),
    }
    found = {item["target"]: item["copy_up"] for item in operations(plan(mounts=mounts)) if item["op"] == "mount"}
    assert found == {"/a": False, "/b": True, "/c": False}
