"""The text of a container's /etc/hosts and /etc/resolv.conf. Pure: whoever makes the container writes it."""

from __future__ import annotations

from stackup.runtime.network.dns import RESOLVER_ADDRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOST_GATEWAY = "host-gateway"
_LOCAL = ("127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "fe00::\tip6-localnet",
          "ff02::1\tip6-allnodes", "ff02::2\tip6-allrouters")  # fmt: skip


def hosts_text(
    hostname: str,
    addresses: Sequence[str],
    *,
    domainname: str = "",
    extra_hosts: Mapping[str, Sequence[str]] | None = None,
    host_gateway: str = "",
) -> str:
    """Localhost, then `extra_hosts` of the file, then the container's own name on each of its addresses.

    `host_gateway` stands for the word host-gateway: the host's end of the gateway network's uplink.
    """
    lines = list(_LOCAL)
    for name, targets in (extra_hosts or {}).items():
        for target in targets:
            address = host_gateway if target == HOST_GATEWAY else target.strip("[]")
            if address:
                lines.append(f"{address}\t{name}")
    own = f"{hostname}.{domainname} {hostname}" if domainname else hostname
    lines += [f"{address}\t{own}" for address in addresses or ("127.0.1.1",)]
    return "\n".join(lines) + "\n"


def resolv_text(
    *, servers: Sequence[str] = (RESOLVER_ADDRESS,), search: Sequence[str] = (), options: Sequence[str] = ()
) -> str:
    """Our resolver by default. `ndots:0` lets a service's bare name be asked before any search domain is tried."""
    lines = [f"nameserver {server}" for server in servers]
    wanted = [domain for domain in search if domain != "."]  # `.` is how a file says: none
    if wanted:
        lines.append("search " + " ".join(wanted))
    given = list(options)
    if RESOLVER_ADDRESS in servers and not any(option.startswith("ndots:") for option in given):
        given.append("ndots:0")
    if given:
        lines.append("options " + " ".join(given))
    return "\n".join(lines) + "\n"


def search_of(resolv_text_of_host: str) -> list[str]:
    """The host's own search domains, which a container gets unless the file says otherwise; the last line counts."""
    found: list[str] = []
    for line in resolv_text_of_host.splitlines():
        words = line.split()
        if words and words[0] in {"search", "domain"}:
            found = words[1:]
    return found
