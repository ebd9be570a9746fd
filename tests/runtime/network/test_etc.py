from __future__ import annotations

from stackup.runtime.network.etc import hosts_text, resolv_text, search_of


def test_hosts_name_the_container_on_each_address_and_extra_hosts_before_it() -> None:
    text = hosts_text(
        "web",
        ["10.0.0.2", "10.0.1.2"],
        domainname="lan",
        extra_hosts={"host.docker.internal": ["host-gateway"], "db": ["[::1]", "192.0.2.4"]},
        host_gateway="10.208.0.0",
    )
    assert text.splitlines()[0] == "127.0.0.1\tlocalhost"
    assert text.splitlines()[5:] == [
        "10.208.0.0\thost.docker.internal",
        "::1\tdb",
        "192.0.2.4\tdb",
        "10.0.0.2\tweb.lan web",
        "10.0.1.2\tweb.lan web",
    ]


def test_a_container_without_network_still_knows_its_name() -> None:
    assert hosts_text("job", [], extra_hosts={"host": ["host-gateway"]}).endswith("ip6-allrouters\n127.0.1.1\tjob\n")


def test_resolv_names_our_server_and_asks_bare_names_first() -> None:
    assert resolv_text() == "nameserver 127.0.0.11\noptions ndots:0\n"
    assert resolv_text(search=["corp.example"], options=["timeout:1"]) == (
        "nameserver 127.0.0.11\nsearch corp.example\noptions timeout:1 ndots:0\n"
    )
    assert resolv_text(search=["."], options=["ndots:3"]) == "nameserver 127.0.0.11\noptions ndots:3\n"
    assert resolv_text(servers=["9.9.9.9", "8.8.8.8"]) == "nameserver 9.9.9.9\nnameserver 8.8.8.8\n"


def test_the_last_search_line_of_the_host_counts() -> None:
    assert search_of("# x\nsearch a b\nnameserver 1.1.1.1\ndomain c\n") == ["c"]
    assert search_of("nameserver 1.1.1.1") == []
