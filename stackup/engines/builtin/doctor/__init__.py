"""What this machine can and cannot do for stackup, each finding with its remedy.

Looks, and leaves nothing changed: what can only be known by trying is tried on something that ends with the attempt.
"""

from __future__ import annotations

from stackup.engines.builtin.doctor import machine, network, resources, storage
from stackup.engines.engine import Finding
from stackup.layout import Layout

LOOKS = (*machine.LOOKS, *storage.LOOKS, *resources.LOOKS, *network.LOOKS)


def findings(layout: Layout) -> list[Finding]:
    """All of them, the machine's basics first."""
    return [found for look in LOOKS for found in look(layout)]
