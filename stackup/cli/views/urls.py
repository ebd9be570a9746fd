"""Where to look when a stack is up: its published addresses. Hot."""

from __future__ import annotations

from stackup.cli.terminal import CYAN
from stackup.cli.views.containers import bracketed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.cli.terminal import Terminal
    from stackup.engines.engine import Container

PLAIN = {443: "https", 8443: "https"}
EVERYWHERE = ("", "0.0.0.0", "::")


def show(terminal: Terminal, rows: list[Container]) -> None:
    """`web  http://localhost:8080`, one line a TCP port, in the order of services."""
    found = [(row["service"], url) for row in rows for url in _urls(row)]
    width = max((len(service) for service, _ in found), default=0)
    for service, url in dict.fromkeys(found):
        terminal.say(f" {service:<{width}}  {terminal.paint_err(url, CYAN)}")


def _urls(row: Container) -> list[str]:
    return [
        f"{PLAIN.get(port['target'], 'http')}://{_host(port['host_ip'])}:{port['host_port']}"
        for port in sorted(row["ports"], key=lambda port: port["host_port"])
        if port["protocol"] == "tcp"
    ]


def _host(address: str) -> str:
    return "localhost" if address in EVERYWHERE or address.startswith("127.") else bracketed(address)
