"""The unit that lets systemd bring the containers back at boot, and end them in order before the machine goes down.

Containers are not in the unit's control group, so its end does not end them, and they may have been started by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def unit(command: Sequence[str], environment: Mapping[str, str], state: str, *, user: bool) -> str:
    """`command` comes before the verb; `state` is the folder that must be mounted."""
    program = " ".join(map(_quoted, command))
    places = f"After=network-online.target\nWants=network-online.target\nRequiresMountsFor={_quoted(state)}\n"
    kept = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in environment.items())
    return f"""[Unit]
Description=Containers of stackup that are to run again after a boot
{"" if user else places}
[Service]
Type=oneshot
RemainAfterExit=yes
{kept}ExecStart={program} resume
ExecStop={program} resume --stop
TimeoutStartSec=infinity
TimeoutStopSec=5min

[Install]
WantedBy={"default.target" if user else "multi-user.target"}"""


def _quoted(word: str) -> str:
    """systemd.syntax(7): percent signs and dollars mean something, quotes and backslashes as in C."""
    text = word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{text}"' if set(text) & set(" \t\"\\';") else text
