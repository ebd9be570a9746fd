"""Published ports of several replicas, and of several copies of one stack."""

from __future__ import annotations

import socket
from collections import Counter

import pytest

from tests.scenarios.networks.conftest import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]


def answers(net: Net, address: str, port: int = 8080, count: int = 24) -> Counter[str]:
    """Who answered how often, by host name."""
    return Counter(net.call(address, port).split()[0] for _ in range(count))


def test_replicas_must_share_one_published_port(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('ports: ["8080:80", "127.0.0.2:8081:80"], networks: [wide]')}
  other: {net.service('hostname: other, ports: ["9090:80"]')}
networks: {{wide: {{enable_ipv6: true}}}}
""")
    before = net.machine.inventory()
    net("up -d --scale web=3")
    assert sorted(answers(net, "127.0.0.1").values()) == [8, 8, 8]
    assert sorted(answers(net, "127.0.0.2", 8081).values()) == [8, 8, 8]
    assert set(answers(net, "::1")) <= set(answers(net, "127.0.0.1"))
    assert "everything is as the file says" in net.told("up -d --scale web=3")
    with socket.create_connection(("127.0.0.1", 9090), 5) as elsewhere:
        reader = elsewhere.makefile("rb")
        assert reader.readline().startswith(b"other")
        net("up -d --scale web=2")
        assert sorted(answers(net, "127.0.0.1").values()) == [12, 12]
        net("up -d --scale web=1")
        assert sorted(answers(net, "127.0.0.1").values()) == [24]
        net("up -d --scale web=4")
        assert len(answers(net, "127.0.0.1")) == 4
        net("restart web")
        assert len(answers(net, "127.0.0.1")) == 4
        elsewhere.sendall(b"still here\n")
        assert reader.readline() == b"still here\n"
    net("stop web")
    with pytest.raises(OSError, match="refused"):
        net.call("127.0.0.1", 8080)
    net("down -v")
    net.machine.must_be_as(before)


_SLOW = """
import os, signal, socket, time
def leave(*_):
    time.sleep(2 if os.path.exists("/slow") else 0)
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
with socket.create_server(("", 80)) as one:
    while True:
        link, _ = one.accept()
        link.sendall(socket.gethostname().encode() + b" hello\\n")
        link.close()
"""


def test_a_replica_must_start_while_another_is_still_stopping(net: Net) -> None:
    """Each is restarted for itself, and the second still holds the port when the first wants it back."""
    (net.folder / "slow.py").write_text(_SLOW)
    net.write(f"""
services:
  web:
    image: host
    ports: ["8080:80"]
    volumes: ["{net.folder}/slow.py:/slow.py:ro"]
    command: [python3, /slow.py]
""")
    net("up -d --wait --scale web=2")
    net("exec -T --index 2 web touch /slow")
    net("restart web")
    assert len(answers(net, "127.0.0.1")) == 2
    net("exec -T --index 2 web rm /slow")
    net("down -v")


def test_a_port_of_another_service_or_stack_must_not_be_shared(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('ports: ["8080:80"]')}
""")
    net("up -d --scale web=2")
    told = net.told("-p second up -d", code=1)
    assert 'port "8080/tcp" is taken by stack "net"' in told
    net.write(f"""
services:
  web: {net.service('ports: ["8080:80"]')}
  more: {net.service('ports: ["8080:80"]')}
""")
    told = net.told("up -d --scale web=2", code=1)
    assert "8080" in told


def test_copies_of_a_stack_must_run_side_by_side_on_ports_of_their_own(net: Net) -> None:
    net.write(f"""
services:
  web: {net.service('ports: ["8080:80", "127.0.0.1:8443:81"]', "80 81")}
  api-v2: {net.service('ports: ["8080"]', "8080")}
""")
    before = net.machine.inventory()
    net("up -d")
    net("-p copy up -d --ports auto")
    net("-p third up -d --ports auto")
    found = {(name, port): net(f"-p {name} port web {port}").strip() for name in ("copy", "third") for port in (80, 81)}
    assert len(set(found.values())) == 4
    assert found["copy", 81].startswith("127.0.0.1:")
    number = found["copy", 80].rpartition(":")[2]
    assert net.call("127.0.0.1", int(number))
    told = net("-p copy exec -T api-v2 printenv STACKUP_PORT_web_80 STACKUP_PORT_api_v2_8080").split()
    assert told == [number, net("-p copy port api-v2 8080").strip().rpartition(":")[2]]
    assert net("-p net exec -T web printenv").count("STACKUP_PORT") == 0
    assert "everything is as the file says" in net.told("-p copy up -d")
    net("-p copy restart")
    net("-p copy up -d --force-recreate")
    assert net("-p copy port web 80").strip() == found["copy", 80]
    assert "not a value of --ports" in net.told("-p copy up -d --ports some", code=None)
    net("-p net down")
    net("-p copy up -d --ports file")
    assert net.call("127.0.0.1", 8080)
    for name in ("copy", "third"):
        net(f"-p {name} down -v")
    net.machine.must_be_as(before)
