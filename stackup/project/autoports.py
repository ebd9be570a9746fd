"""`--ports auto`: every published port of a stack gets a free port of the host, so that a second copy can run beside.

The choice is made before anything is planned and kept in the stack's folder until the stack is gone: the plan has no
unknowns, a restart changes nothing, and services are told each other's ports as STACKUP_PORT_<service>_<port>.
Copies that come up at once choose under one lock.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from stackup.errors import UsageError
from stackup.kernel.files import Lock, list_dir, make_dir, read_json, remove, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackup.layout import Layout
    from stackup.project.session import Session
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.model.network import Port

CHOICES = ("auto", "file")
_HELD = ("tcp", "udp")


def path_of(layout: Layout, stack: str) -> str:
    return os.path.join(layout.stack_dir(stack), "ports.json")


def read(layout: Layout, stack: str) -> dict[str, int]:
    """Host port by `desire.port_key`; empty for a stack that has the ports that its file says."""
    found = read_json(path_of(layout, stack))
    return {str(key): int(port) for key, port in found.items()} if isinstance(found, dict) else {}


def heed(session: Session, choice: str, loaded: Loaded) -> None:
    """`auto` reserves what is not reserved yet, `file` goes back to what the file says."""
    if choice not in CHOICES:
        raise UsageError(f'"{choice}" is not a value of --ports', subject="--ports", hint="choose auto or file")
    if choice == "file":
        remove(path_of(session.layout, loaded.name))
        return
    lock_file = os.path.join(os.path.dirname(session.layout.lock_file(loaded.name)), ".ports")
    with Lock(lock_file, session.command, waiting=lambda _: None):
        had, wanted = read(session.layout, loaded.name), _wanted(loaded)
        fresh = [key for key in wanted if key not in had]
        places = [(wanted[key].host_ip or "", wanted[key].protocol) for key in fresh]
        chosen = session.host.free_ports(places, _reserved(session.layout))
        kept = {key: port for key, port in had.items() if key in wanted} | dict(zip(fresh, chosen, strict=True))
        if kept != had and not session.dry_run:
            make_dir(session.layout.stack_dir(loaded.name))
            write_json(path_of(session.layout, loaded.name), kept, durable=False)


def _wanted(loaded: Loaded) -> dict[str, Port]:
    from stackup.engines.desire.container import port_key

    assert loaded.stack is not None, "load() has seen to it"
    return {
        port_key(name, port): port
        for name, service in loaded.stack.services.items()
        for port in service.ports
        if port.protocol in _HELD
    }


def _reserved(layout: Layout) -> frozenset[int]:
    """Also of stacks that do not run just now."""
    return frozenset(port for stack in list_dir(layout.stacks_dir) for port in read(layout, stack).values())


def variables(reserved: Mapping[str, int]) -> dict[str, str]:
    """What services are told; of several ports with one number the first."""
    found: dict[str, str] = {}
    for key, port in reserved.items():
        service, _, rest = key.partition("/")
        target = rest.rpartition(":")[2].partition("/")[0]
        found.setdefault(f"STACKUP_PORT_{re.sub('[^A-Za-z0-9_]', '_', service)}_{target}", str(port))
    return found
