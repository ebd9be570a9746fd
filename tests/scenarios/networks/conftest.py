"""`net`: stacks whose services answer each connection with their host name and who called, and questions from inside."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.scenarios.machine import Machine
from tests.scenarios.verbs.conftest import Hand

_SERVER = """
import socket, sys, threading
def serve(one):
    while True:
        link, peer = one.accept()
        threading.Thread(target=talk, args=(link, peer), daemon=True).start()
def talk(link, peer):
    link.sendall(f"{socket.gethostname()} {peer[0]}\\n".encode())
    while data := link.recv(65536):
        link.sendall(data)
    link.close()
for port in map(int, sys.argv[1:]):
    one = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    threading.Thread(target=serve, args=(one,), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""
_ASK = """
import socket, sys
name, port = sys.argv[1], int(sys.argv[2])
with socket.create_connection((name, port), 3) as link:
    print(link.makefile().readline().strip().replace("::ffff:", ""))
"""
_LOOK = """
import socket, sys
try:
    print(" ".join(sorted({found[4][0] for found in socket.getaddrinfo(sys.argv[1], 80, type=socket.SOCK_STREAM)})))
except OSError as problem:
    print(problem)
"""
_SERVICE = "{image: host, stop_signal: SIGKILL, volumes: ['SERVER:/server.py:ro'], command: [python3, /server.py"


class Net(Hand):
    """A stack file is written with `service(...)` in it where a service is."""

    def write(self, text: str, name: str = "net") -> None:
        (self.folder / "server.py").write_text(_SERVER)
        self.file.write_text(f"name: {name}\n{text}")

    def service(self, more: str = "", ports: str = "80") -> str:
        """A service that listens on `ports` of both families; `more` is the rest of its mapping, in flow style."""
        words = _SERVICE.replace("SERVER", str(self.folder / "server.py"))
        return words + f", {ports.replace(' ', ', ')}]" + (f", {more}" if more else "") + "}"

    def run(self, service: str, *words: str, code: int = 0) -> str:
        return self.inside("exec", "-T", service, *words, code=code).strip()

    def ask(self, service: str, name: str, port: int = 80) -> str:
        """`<host name> <caller>` as the answer from there has it, or the error's last line."""
        done = self.machine.typed(
            "exec", "-T", service, "python3", "-c", _ASK, name, str(port), cwd=self.folder, code=None
        )
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    def look(self, service: str, name: str) -> str:
        """The addresses of a name, or the resolver's words."""
        return self.run(service, "python3", "-c", _LOOK, name)

    def call(self, address: str, port: int) -> str:
        """The same as `ask`, from the host."""
        with socket.create_connection((address, port), 5) as link:
            return link.makefile().readline().strip().replace("::ffff:", "")


@pytest.fixture
def net(machine: Machine, tmp_path: Path) -> Net:
    folder = tmp_path / "net"
    folder.mkdir()
    return Net(machine, folder)
