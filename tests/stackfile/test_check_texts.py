"""Texts with a grammar are read where they are written, not when a container starts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stackfile.tree import loaded

GOOD: list[dict[str, Any]] = [
    {"ports": [{"target": 80, "published": "8000-8010", "host_ip": "::1", "protocol": "udp"}, {"target": 81}]},
    {"expose": ["80", "90-91/udp"], "dns": ["9.9.9.9", "::1"], "extra_hosts": {"a": ["host-gateway", "10.0.0.1"]}},
    {"tmpfs": ["/a", "/b:size=1m,mode=1777,noexec"]},
]
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "services.web.ports.0.published": ({"ports": [{"target": 80, "published": "http"}]}, "http"),
    "services.web.ports.0.host_ip": ({"ports": [{"target": 80, "host_ip": "local"}]}, "local"),
    "services.web.ports.0.protocol": ({"ports": [{"target": 80, "protocol": "icmp"}]}, "icmp"),
    "services.web.expose.0": ({"expose": ["http"]}, "http"),
    "services.web.dns.0": ({"dns": "google"}, "google"),
    "services.web.extra_hosts.a.0": ({"extra_hosts": {"a": "there"}}, "there"),
    "services.web.tmpfs.0": ({"tmpfs": "/a:size=big"}, "big"),
    "services.web.build.cache_from.0": ({"build": {"cache_from": ["type=local"]}}, "type=local"),
    "services.web.build.cache_to.1": ({"build": {"cache_to": ["a", "type=registry,ref=a,mode=most"]}}, "most"),
    "services.web.tmpfs.1": ({"tmpfs": ["/a", "/b:mode=999"]}, "999"),
    "services.web.secrets.0.uid": ({"secrets": [{"source": "s", "uid": "root"}]}, "root"),
    "services.web.env_file.0.format": ({"env_file": [{"path": "a", "required": False, "format": "json"}]}, "json"),
}
POOLS = {
    "subnet": "everything",
    "ip_range": "half",
    "gateway": "10.0.0.0/24",
}


def problems(data: dict[str, Any]) -> list[tuple[str, str]]:
    done = loaded(json.dumps(data))
    return [(item.code, item.detail) for item in done.diagnostics if item.severity.value == "error"]


def stack(web: dict[str, Any]) -> dict[str, Any]:
    return {"services": {"web": {"image": "i", **web}}, "secrets": {"s": {"file": "f"}}}


@pytest.mark.parametrize("web", GOOD, ids=",".join)
def test_what_can_be_read_is_taken(web: dict[str, Any]) -> None:
    assert problems(stack(web)) == []


@pytest.mark.parametrize("path", BAD)
def test_what_cannot_be_read_is_refused_where_it_stands(path: str) -> None:
    web, word = BAD[path]
    ((code, detail),) = problems(stack(web))
    assert code == "SU021"
    assert detail.startswith(f"{path}: ")
    assert f'"{word}"' in detail


@pytest.mark.parametrize("key", POOLS)
def test_pools_are_addresses(key: str) -> None:
    pool = {"subnet": "10.0.0.0/24", key: POOLS[key]}
    data = stack({"networks": ["n"]}) | {"networks": {"n": {"ipam": {"config": [pool]}}}}
    ((code, detail),) = problems(data)
    assert (code, f'"{POOLS[key]}"' in detail) == ("SU021", True)


def test_what_an_unset_variable_leaves_asks_for_nothing() -> None:
    assert problems(stack({"dns": ["${NONE}"], "ports": [{"target": 80, "host_ip": "${NONE}"}]})) == []
