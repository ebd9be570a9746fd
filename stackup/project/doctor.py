"""What this machine can and cannot do for stacks."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.engines.engine import Finding
    from stackup.project.session import Session


def doctor(session: Session) -> list[Finding]:
    """Errors first, then warnings, then what is well."""
    order = ("error", "warning", "ok")
    return sorted(session.host.findings(), key=lambda finding: order.index(finding["level"]))
