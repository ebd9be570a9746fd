"""Stacks drawn by a seed from the whole Compose Specification: tables of what may stand at a key, and how it is spread.

A value of a table is one alternative, in short or in long form. A drawn stack has one to three files of `-f`, a file
that services extend, sometimes an include, merge tags, anchors of nothing, variables and profiles. The same seed is
the same stack, here and on every machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

ENVIRON = {"HOME": "/home/somebody", "TAG": "1.0", "EMPTY": "", "NUM": "3", "YES": "true", "DOLLAR": "a$b"}


@dataclass(frozen=True, slots=True)
class Tagged:
    tag: str
    value: Any


@dataclass(frozen=True, slots=True)
class Bare:
    """A scalar without quotes."""

    text: str


@dataclass(frozen=True, slots=True)
class Drawn:
    files: dict[str, str]
    named: tuple[str, ...]
    profiles: tuple[str, ...]


NAMES = ("web", "db", "cache-1", "job")
SIZES = (1024, "64m", "1.5gb", "${NUM}k", "512KB", "1g")
DURATIONS = ("90s", "1m30s", "${NUM}s", "500ms", "2h", "1h0m5s")
FLAGS = (True, False, "${YES}", "true", Bare("yes"), Bare("off"))
COUNTS = (1, 2, "3", "${NUM}")
COMMANDS = (
    "echo hi",
    "sh -c 'a  b' \"c\"",
    ["a", "b c", "$$x"],
    [],
    "",
    "${NUM} ${UNSET:-d e}",
    ["${DOLLAR}", "é<>&"],
)
PAIRS = (
    {"A": "1", "B": 2, "C": True},
    ["A=1", "D=x=y", "E="],
    {"N": "${TAG}", "Z": "", "F": 1.50},
    {"B": "two", "L": "line\nline"},
)
VARIABLES = (*PAIRS, {"HOME": None, "UNSET": None}, ["TAG", "UNSET", "EMPTY"], {"EMPTY": None, "NUM": "${NUM:?no}"})
LISTS = (["a"], ["b", "a"], ["c", "c"])
PORTS = (
    ["80"],
    [8080],
    ["8080:80"],
    ["127.0.0.1:8081:81/udp", "9000-9002:9000-9002"],
    ["[::1]:90:90", "7000-7005:70"],
    ["3000-3001", "127.0.0.1::99"],
    [{"target": 80, "published": "8088"}],
    [{"target": 80, "published": 8089, "host_ip": "127.0.0.1", "protocol": "udp", "mode": "host", "name": "n"}],
    [{"target": "${NUM}", "app_protocol": "http"}],
)
MOUNTS = (
    ["data:/d"],
    ["./a:/a:ro", "/b:/b:rw,z", "/cc"],
    ["~/h:/h", "data:/d2:nocopy", "../up:/up:rshared"],
    ["data:/d/:ro", "./a/../b:/a"],
    [{"type": "bind", "source": "./x", "target": "/a", "bind": {"propagation": "shared", "selinux": "z"}}],
    [{"type": "bind", "source": "/y", "target": "/y", "read_only": True, "bind": {"create_host_path": True}}],
    [{"type": "volume", "source": "logs", "target": "/l", "volume": {"nocopy": True, "subpath": "s"}}],
    [{"type": "volume", "target": "/anon", "volume": {"labels": {"a": "b"}}}],
    [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "64m", "mode": 0o1777}}, {"type": "tmpfs", "target": "/u"}],
    [{"type": "image", "source": "busybox", "target": "/i", "image": {"subpath": "bin"}}],
    [{"type": "bind", "source": ".", "target": "/e", "consistency": "cached", "bind": {"recursive": "enabled"}}],
)
GRANTS = (
    ["s1"],
    ["s2", "s1"],
    [{"source": "s1", "target": "other", "mode": 0o440, "uid": "1", "gid": "2"}],
    [{"source": "s2", "target": "/abs/s2", "mode": "0400"}],
    [{"source": "s2"}],
)
HOOKS = (
    [{"command": "a b"}],
    [{"command": ["x", "y"], "user": "root", "privileged": True, "working_dir": "/w", "environment": ["A=1"]}],
    [{"command": "true", "environment": {"B": "2"}}],
)
LIMITS = (5, {"soft": 1, "hard": 2}, {"soft": 3, "hard": 3}, -1)
BUILDS = (
    ".",
    "./dir",
    {"context": "./dir", "dockerfile": "D", "args": ["A=1", "TAG"], "target": "t"},
    {"context": ".", "dockerfile_inline": "FROM x\nRUN y $$z\n", "labels": ["a=b"], "tags": ["x:1", "y"]},
    {"context": "https://example.com/r.git#main:sub", "args": {"X": "1", "UNSET": None, "N": 2}, "no_cache": True},
    {"additional_contexts": {"a": "./a", "b": "docker-image://x"}, "ssh": ["default"]},
    {"context": ".", "additional_contexts": ["c=https://example.com"], "network": "host"},
    {"secrets": ["s1", {"source": "s2", "target": "t"}], "shm_size": "2gb", "extra_hosts": ["h:1.2.3.4"]},
    {"context": "dir", "cache_from": ["a", "type=local,src=x"], "cache_to": ["type=local,dest=x"], "pull": True},
    {"ulimits": {"nofile": 5, "nproc": {"soft": 1, "hard": 2}}, "platforms": ["linux/amd64"], "privileged": True},
    {"entitlements": ["network.host"], "isolation": "default", "provenance": True, "sbom": "generator=x"},
)
DEPLOYS = (
    {"replicas": 2, "mode": "replicated", "labels": ["a=b"], "endpoint_mode": "vip"},
    {"resources": {"limits": {"cpus": "0.5", "memory": "64m", "pids": 10}}},
    {"resources": {"reservations": {"cpus": 0.25, "memory": "20M", "devices": [{"capabilities": ["gpu"]}]}}},
    {"resources": {"reservations": {"devices": [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]}}},
    {"resources": {"reservations": {"generic_resources": [{"discrete_resource_spec": {"kind": "g", "value": 2}}]}}},
    {"restart_policy": {"condition": "on-failure", "delay": "5s", "max_attempts": 3, "window": "120s"}},
    {"update_config": {"parallelism": 2, "delay": "10s", "order": "start-first", "max_failure_ratio": 0.1}},
    {"rollback_config": {"failure_action": "pause", "monitor": "5s"}, "labels": {"x": 1}},
    {"placement": {"constraints": ["node.role==m"], "preferences": [{"spread": "x"}], "max_replicas_per_node": 1}},
)
CHECKS = (
    {"test": "curl x", "interval": "90s", "timeout": "1m", "retries": 3},
    {"test": ["CMD", "a", "b"], "start_period": "5s", "start_interval": "1s"},
    {"test": ["CMD-SHELL", "a || b"], "retries": "${NUM}"},
    {"test": ["NONE"]},
    {"disable": True},
    {"interval": "5s"},
)
WATCHES = (
    {"watch": [{"path": "./src", "action": "sync", "target": "/s", "ignore": ["n"], "include": ["*.py"]}]},
    {"watch": [{"path": "p", "action": "rebuild"}, {"path": "q", "action": "sync+restart", "target": "/q"}]},
    {"watch": [{"path": "e", "action": "sync+exec", "target": "/e", "exec": {"command": "x y", "user": "u"}}]},
    {"watch": [{"path": "i", "action": "sync", "target": "/i", "initial_sync": True, "ignore": "one"}]},
)
BLOCKS = (
    {"weight": 300, "weight_device": [{"path": "/dev/sda", "weight": 400}]},
    {"device_read_bps": [{"path": "/dev/sdb", "rate": "12mb"}], "device_write_iops": [{"path": "/d", "rate": 30}]},
)
SERVICE: dict[str, tuple[Any, ...]] = {
    "image": ("nginx", "app:${TAG}", "r.example.com:5000/x/y:${UNSET:-1}@sha256:" + "a" * 64, "x:${NUM}"),
    "build": BUILDS,
    "pull_policy": ("always", "never", "missing", "build", "if_not_present", "daily", "weekly", "every_12h"),
    "platform": ("linux/amd64",),
    "command": (*COMMANDS, None),
    "entrypoint": (*COMMANDS, None),
    "working_dir": ("/w", "rel"),
    "user": ("1000:1000", "me", "${NUM}"),
    "group_add": (["a", "1"], ["b"]),
    "environment": VARIABLES,
    "env_file": ("e.env", ["e.env", "f.env"], [{"path": "no.env", "required": False}], [{"path": "./e.env"}]),
    "label_file": ("l.env", ["l.env", "m.env"]),
    "labels": PAIRS,
    "annotations": PAIRS,
    "depends_on": (
        ["db"],
        {"db": {"condition": "service_healthy", "restart": True}},
        {"db": {"condition": "service_started", "required": False}},
    ),
    "links": (["db"], ["db:alias"]),
    "external_links": (["x", "y:z"],),
    "healthcheck": CHECKS,
    "restart": ("no", "always", "on-failure:3", "unless-stopped", Bare("no")),
    "init": FLAGS,
    "stop_signal": ("SIGINT", "9"),
    "stop_grace_period": DURATIONS,
    "stdin_open": FLAGS,
    "tty": FLAGS,
    "container_name": ("fixed",),
    "hostname": ("h",),
    "domainname": ("d.example",),
    "expose": (["80", "90/udp"], [3000, "4000-4002"], ["80"]),
    "ports": PORTS,
    "mac_address": ("02:42:ac:11:65:43",),
    "dns": ("1.1.1.1", ["1.1.1.1", "8.8.8.8"], ["8.8.8.8"]),
    "dns_search": ("a.example", ["b.example", "a.example"]),
    "dns_opt": (["use-vc"], ["no-tld-query", "use-vc"]),
    "extra_hosts": (
        ["h:1.2.3.4", "i=::1"],
        {"h": "1.2.3.5", "j": "[::2]"},
        ["h=host-gateway"],
        {"k": ["1.1.1.1", "::3"]},
    ),
    "volumes": MOUNTS,
    "volumes_from": (["db"], ["db:ro", "container:x:rw"]),
    "tmpfs": ("/run", ["/run", "/tmp2:size=1m"]),
    "configs": (["c1"], ["c2", "c1"], [{"source": "c1", "target": "/etc/c", "mode": 0o440}], [{"source": "c2"}]),
    "secrets": GRANTS,
    "cap_add": (["ALL"], ["NET_ADMIN", "SYS_TIME"]),
    "cap_drop": (["ALL"], ["NET_RAW"]),
    "privileged": FLAGS,
    "read_only": FLAGS,
    "security_opt": (["no-new-privileges"], ["seccomp=unconfined", "label:disable"]),
    "sysctls": ({"net.core.somaxconn": 1024}, ["net.ipv4.tcp_syncookies=0"]),
    "ulimits": tuple({"nofile": one, "nproc": 7} for one in LIMITS),
    "shm_size": SIZES,
    "devices": (
        ["/dev/a"],
        ["/dev/a:/dev/b:r"],
        [{"source": "/dev/c", "target": "/dev/b", "permissions": "rw"}],
        ["v/d=x"],
    ),
    "device_cgroup_rules": (["c 1:3 mr"], ["a 7:* rmw", "c 1:3 mr"]),
    "gpus": (
        "all",
        [{"driver": "n", "count": 2}],
        [{"device_ids": ["a"], "capabilities": ["x"], "options": {"k": "v"}}],
    ),
    "ipc": ("host", "private", "shareable", "service:db"),
    "pid": ("host", "service:db", "container:x"),
    "uts": ("host",),
    "userns_mode": ("host",),
    "cgroup": ("host", "private"),
    "cgroup_parent": ("p",),
    "cpus": (0.5, "1.5", 2),
    "cpuset": ("0-2", "0,1"),
    "cpu_shares": COUNTS,
    "cpu_period": (1000, "2000"),
    "cpu_quota": COUNTS,
    "cpu_rt_runtime": (95000, "${NUM}"),
    "cpu_rt_period": (11000,),
    "cpu_count": COUNTS,
    "cpu_percent": ("50",),
    "mem_limit": SIZES,
    "mem_reservation": SIZES,
    "memswap_limit": (*SIZES, -1),
    "mem_swappiness": (0, 60, "10"),
    "oom_score_adj": (-10, "500"),
    "oom_kill_disable": FLAGS,
    "pids_limit": (10, -1, "5"),
    "blkio_config": BLOCKS,
    "storage_opt": ({"size": "1G"},),
    "runtime": ("runc",),
    "isolation": ("default",),
    "credential_spec": ({"file": "x.json"}, {"registry": "r"}, {"config": "c1"}),
    "logging": (
        {"driver": "json-file", "options": {"max-size": "1m", "max-file": 3}},
        {"options": {"tag": "x"}},
        {"driver": "none"},
        {"driver": "local"},
    ),
    "attach": FLAGS,
    "scale": (2, "${NUM}"),
    "profiles": (["p"], ["q", "p"]),
    "post_start": HOOKS,
    "pre_stop": HOOKS,
    "develop": WATCHES,
    "deploy": DEPLOYS,
    "provider": ({"type": "prov", "options": {"a": 1, "b": ["x", "y"]}},),
    "models": (["llm"], {"llm": {"endpoint_var": "E", "model_var": "M"}}, {"llm": None}),
    "use_api_socket": (False,),
    "x-own": ({"a": [1, 2.5, None, "$$"]}, "text", 0o17),
}
ATTACHED = (
    ["front"],
    ["back", "default"],
    {"front": None, "back": {"aliases": ["x", "y"], "priority": 10}},
    {"front": {"ipv4_address": "172.20.0.9", "ipv6_address": "2001:db8::9", "link_local_ips": ["169.254.1.1"]}},
    {"back": {"mac_address": "02:00:00:00:00:01", "gw_priority": 1, "driver_opts": {"a": "b"}, "interface_name": "e1"}},
    {"front": {"aliases": ["z", "x"]}},
)
MODES = ("host", "none", "bridge", "service:db", "container:x")
POOL = {
    "subnet": "172.20.0.0/16",
    "ip_range": "172.20.5.0/24",
    "gateway": "172.20.0.1",
    "aux_addresses": {"a": "172.20.0.5"},
}
FRONT = {"ipam": {"config": [POOL, {"subnet": "2001:db8::/64"}], "options": {"o": "p"}}, "enable_ipv6": True}
NETWORKS = (
    None,
    {"driver": "bridge", "driver_opts": {"mtu": 1400}},
    {"internal": True, "attachable": True, "labels": ["a=b"]},
    {"name": "real-${TAG}", "enable_ipv4": True},
    {"external": True},
    {"external": True, "name": "there"},
    {"ipam": {"driver": "default", "config": [{"subnet": "10.1.0.0/16"}]}, "x-y": 1},
)
VOLUMES = (
    None,
    {"driver": "local", "driver_opts": {"type": "none", "o": "bind", "device": "./dev"}},
    {"driver_opts": {"type": "tmpfs", "o": "size=1m", "device": "tmpfs", "n": 5}},
    {"external": True},
    {"name": "v-${NUM}", "labels": {"k": 1}},
    {"external": True, "name": "ext"},
)
SECRETS = (
    {"file": "./s.txt"},
    {"environment": "TAG"},
    {"external": True},
    {"file": "/abs", "name": "n", "labels": ["x=y"]},
)
CONFIGS = ({"file": "c.txt"}, {"content": "a $$b ${TAG}\n"}, {"environment": "NUM"}, {"external": True, "name": "ext"})
SECTIONS = {
    "networks": ("front", "back", "default", "unused"),
    "volumes": ("data", "logs", "spare"),
    "secrets": ("s1", "s2", "s3"),
    "configs": ("c1", "c2"),
}
DEFINED = {"networks": NETWORKS, "volumes": VOLUMES, "secrets": SECRETS, "configs": CONFIGS}
MORE = (None, {"name": "later"}, {"x-z": True})
"""What an override may add to any of them."""
ALONE = ("container_name",)
MANY = ("scale", "deploy")
BESIDE = {
    "e.env": "E1=1\nexport E2='two $x' # c\nE3=\"a\\nb ${TAG}\"\nEMPTY\nSHARED=e\n",
    "f.env": "SHARED=f\nF: yes\nMULTI='a\nb'\n",
    "l.env": "l.one=1\nl.two=2\n",
    "m.env": "l.one=m\n",
    "s.txt": "secret",
    "c.txt": "config",
}


def drawn(seed: int) -> Drawn:
    rng = Random(seed)
    files = dict(BESIDE)
    names = NAMES[: rng.randint(1, 4)] if "db" in NAMES[:2] else NAMES
    root = _root(rng, names, whole=True)
    if rng.random() < 0.3:
        _extend(rng, root, files)
    if rng.random() < 0.15:
        files["inc/inc.yaml"] = spelled(_included(rng))
        root["include"] = (
            ["inc/inc.yaml"] if rng.random() < 0.5 else [{"path": "inc/inc.yaml", "project_directory": "."}]
        )
    files["base.yaml"] = spelled(root)
    named = ["base.yaml"]
    for index in range(rng.choice((0, 0, 1, 1, 2))):
        name = f"over{index}.yaml"
        files[name] = spelled(_tags(rng, _root(rng, tuple(root["services"]), whole=False)))
        named.append(name)
    return Drawn(files, tuple(named), rng.choice(((), (), ("p",), ("*",))))


def _root(rng: Random, names: tuple[str, ...], *, whole: bool) -> dict[str, Any]:
    root: dict[str, Any] = {"name": "drawn"} if whole or rng.random() < 0.2 else {}
    root["services"] = {name: _service(rng, name, names, whole) for name in names if whole or rng.random() < 0.7}
    for kind, keys in SECTIONS.items():
        choices = DEFINED[kind] if whole else MORE
        found = {key: rng.choice(choices) for key in keys if whole or rng.random() < 0.15}
        if whole and kind == "networks":
            found["front"] = FRONT
        if found:
            root[kind] = found
    if whole:
        root["models"] = {"llm": {"model": "ai/x", "context_size": 1024, "runtime_flags": ["--a"]}}
        root["x-top"] = rng.choice(({"b": 1, "a": ["${TAG}"]}, "t"))
    return root


def _service(rng: Random, name: str, names: tuple[str, ...], whole: bool) -> dict[str, Any]:
    keys = rng.sample(sorted(SERVICE), rng.randint(1, 9))
    found = {key: rng.choice(SERVICE[key]) for key in keys}
    if whole:
        found.setdefault("image", rng.choice(SERVICE["image"]))
    if whole and rng.random() < 0.6:
        found.update(
            rng.choice(
                (
                    {"networks": rng.choice(ATTACHED)},
                    {"networks": rng.choice(ATTACHED)},
                    {"network_mode": rng.choice(MODES)},
                )
            )
        )
    return {key: value for key, value in found.items() if not _points_back(key, value, name, names)}


def _points_back(key: str, value: Any, name: str, names: tuple[str, ...]) -> bool:
    """Only services after db may need it, so that nearly all stacks are sound."""
    if key in (MANY if name == "job" else ALONE):
        return True
    needs = key in ("depends_on", "links", "volumes_from") or (key in ("pid", "ipc", "network_mode") and "db" in value)
    return needs and (name == "db" or "db" not in names)


def _tags(rng: Random, root: dict[str, Any]) -> dict[str, Any]:
    for service in root["services"].values():
        for key in list(service):
            if rng.random() < 0.12:
                service[key] = Tagged("!override", service[key])
            elif rng.random() < 0.06:
                service[key] = Tagged("!reset", None)
    return root


def _extend(rng: Random, root: dict[str, Any], files: dict[str, str]) -> None:
    name = rng.choice(list(root["services"]))
    target = {"services": {"base": _service(rng, "db", ("base",), False), "root": _service(rng, "db", ("x",), False)}}
    target["services"]["base"].setdefault("extends", "root")
    files["sub/other.yaml"] = spelled(target)
    for file, text in BESIDE.items():
        files[f"sub/{file}"] = text
    root["services"][name]["extends"] = {"service": "base", "file": "sub/other.yaml"}


def _included(rng: Random) -> dict[str, Any]:
    service = _service(rng, "db", ("inc",), True)
    for key in (
        "env_file",
        "label_file",
        "networks",
        "volumes",
        "secrets",
        "configs",
        "models",
        "build",
        "credential_spec",
    ):
        service.pop(key, None)
    return {"services": {"inc": service | {"volumes": ["./rel:/rel", "own:/own"]}}, "volumes": {"own": None}}


def spelled(value: Any) -> str:
    """YAML in flow style, which JSON is."""
    match value:
        case Tagged():
            return f"{value.tag} {spelled(value.value)}"
        case Bare():
            return value.text
        case dict():
            return "{" + ", ".join(f"{json.dumps(str(key))}: {spelled(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(spelled(item) for item in value) + "]"
        case _:
            return json.dumps(value)
