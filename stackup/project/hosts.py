"""Opening a host by the name of its engine. The seam for further engines: one package with a module `host`.

Hot: the module is imported by name, so that a verb pays for the engine it uses and no other.
"""

from __future__ import annotations

from stackup.errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackup.engines.engine import Host
    from stackup.layout import Layout

DEFAULT = "builtin"


def open_host(name: str, layout: Layout, environ: Mapping[str, str]) -> Host:
    """`stackup.engines.<name>.host.open_host(layout, environ)`; opening costs nothing until something is asked."""
    module = f"stackup.engines.{name}.host"
    try:
        found = __import__(module, fromlist=("open_host",))
    except ModuleNotFoundError as problem:
        if problem.name not in (module, module.rpartition(".")[0]):
            raise
        raise Unsupported(f'there is no engine "{name}"', subject=name, hint="unset STACKUP_ENGINE") from problem
    opened = getattr(found, "open_host", None)
    if opened is None:
        raise Unsupported(f'the engine "{name}" is for tests', subject=name, hint="unset STACKUP_ENGINE")
    host: Host = opened(layout, environ)
    return host
