"""The effects tables: what it takes to change each field of each kind. This is the diff policy and its documentation.

Data that costs nothing to load. A field that no row names is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping

from stackup.reconcile.resource import Effect, Effects, Row

_RECORD = Row(Effect.IN_PLACE, "a note in the record")
_MONITOR = Row(Effect.IN_PLACE, "the monitor takes the new value")
_CGROUP = Row(Effect.IN_PLACE, "written to the control group")

CONTAINER: Effects = {
    "labels": _RECORD,
    "annotations": _RECORD,
    "depends_on": _RECORD,
    "expose": _RECORD,
    "attach": _RECORD,
    "await_attach": _RECORD,
    "image_name": _RECORD,
    "limits": _CGROUP,
    "restart": _MONITOR,
    "health": _MONITOR,
    "stop": _MONITOR,
    "post_start": _RECORD,
    "pre_stop": _RECORD,
    "log.options": _MONITOR,
    "ports": Row(Effect.IN_PLACE, "one element of the map of published ports"),
    "name": Row(Effect.REPLACE, "it is the container's identity on the host"),
    "image": Row(Effect.REPLACE, "another root file system"),
    "command": Row(Effect.REPLACE, "fixed when the program starts"),
    "entrypoint": Row(Effect.REPLACE, "fixed when the program starts"),
    "cgroup_parent": Row(Effect.REPLACE, "another control group"),
    "env": Row(Effect.REPLACE, "fixed when the program starts"),
    "user": Row(Effect.REPLACE, "fixed when the program starts"),
    "mounts.*.size": Row(Effect.IN_PLACE, "the tmpfs is told its new size while it is in use"),
    "mounts.*.mode": Row(Effect.IN_PLACE, "the tmpfs is given another mode while it is in use"),
    "mounts": Row(Effect.REPLACE, "mounts are made before the program starts"),
    "files": Row(Effect.REPLACE, "mounts are made before the program starts"),
    "networks": Row(Effect.IN_PLACE, "plugged in and pulled out while it runs"),
    "users": Row(Effect.REPLACE, "its mounts show files as its users' when they are made"),
    "network_mode": Row(Effect.REPLACE, "another network namespace"),
}

NETWORK: Effects = {
    "labels": _RECORD,
    "bridge": Row(Effect.IN_PLACE, "the namespace and its bridge are made again"),
    "uplink": Row(Effect.IN_PLACE, "the link to the host is made again"),
    "rules": Row(Effect.IN_PLACE, "the table is loaded again"),
}

VOLUME: Effects = {
    "mounted": Row(Effect.IN_PLACE, "it is mounted again"),
    "labels": _RECORD,
    "driver": Row(Effect.REPLACE, "the data lives elsewhere"),
    "driver_opts": Row(Effect.REPLACE, "the data lives elsewhere"),
}

FILE: Effects = {
    "digest": Row(Effect.REPLACE, "other bytes"),
    "sealed": Row(Effect.IGNORE, "the digest says whether it is another one"),
    "source": _RECORD,
    "present": Row(Effect.IN_PLACE, "its bytes are read again from their source"),
}

IMAGE: Effects = {}
"""One that is here is nobody's resource, so there is nothing that could change."""

EFFECTS: Mapping[str, Effects] = {
    "image": IMAGE,
    "network": NETWORK,
    "volume": VOLUME,
    "secret": FILE,
    "config": FILE,
    "container": CONTAINER,
}
"""By kind."""

RUNNABLE = frozenset({"container"})
