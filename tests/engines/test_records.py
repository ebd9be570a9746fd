"""The shelf of one kind: steps of one plan put things on it and take things off at the same time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

from stackup.engines.builtin import attachments, by_hand, earlier
from stackup.engines.builtin.network import NetworkKind, network_of
from stackup.engines.builtin.records import Shelf
from stackup.engines.desire import network_form
from stackup.kernel import files
from stackup.layout import RECORD, RECORD_AGAIN, Layout
from stackup.reconcile.resource import Desired
from stackup.runtime.network.driver import Network, NetworkSpec, link_name
from stackup.runtime.spec import Attachment, ContainerSpec
from stackup.stackfile.model import Network as StackNetwork
from stackup.values import Address, Data

STACK = "shop"


def config(name: str) -> Desired:
    return Desired(Address("config", name), {"name": name})


def test_what_is_made_while_the_last_one_goes_has_its_folder(tmp_path: Path) -> None:
    shelf = Shelf(Layout(str(tmp_path / "state"), str(tmp_path / "run")), STACK, "config")
    problems: list[Exception] = []

    def come_and_go(name: str) -> None:
        try:
            for _ in range(300):
                shelf.settle(config(name), shelf.claim(config(name)))
                shelf.forget(Address("config", name))
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=come_and_go, args=(name,)) for name in ("page", "rules", "words")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list(shelf.all()) == []


def test_a_sweep_removes_a_claim_that_was_never_whole(tmp_path: Path) -> None:
    shelf = Shelf(Layout(str(tmp_path / "state"), str(tmp_path / "run")), STACK, "config")
    torn = Path(shelf.state_dir(Address("config", "page")))
    torn.mkdir(parents=True)
    (torn / "record.json").write_text("{")
    shelf.sweep()
    assert not torn.exists()


def test_a_sweep_ends_what_a_writer_began_that_was_killed_between_the_copies(tmp_path: Path) -> None:
    """Else an older state would come back one day, in the place of a record that was damaged."""
    shelf = Shelf(Layout(str(tmp_path / "state"), str(tmp_path / "run")), STACK, "config")
    shelf.settle(config("page"), shelf.claim(config("page")))
    first, again = (Path(shelf.state_dir(Address("config", "page")), name) for name in (RECORD, RECORD_AGAIN))
    older = again.read_bytes()
    shelf.settle(Desired(Address("config", "page"), {"name": "other"}), shelf.need(Address("config", "page")))
    again.write_bytes(older)
    assert shelf.sweep() == []
    assert again.read_bytes() == first.read_bytes() != older


def test_a_record_of_an_earlier_build_is_read_with_what_its_fields_meant(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path / "state"), str(tmp_path / "run"))
    networks, containers = Shelf(layout, STACK, "network"), Shelf(layout, STACK, "container")
    network, web = Address("network", "default"), Address("container", "web", 1)
    claim = networks.claim(Desired(network, {"name": "shop_default", "internal": True}))
    pin = f"{networks.live_dir(network)}/netns"
    claim["given"] = {"pin_file": pin, "subnet": "10.192.0.0/24", "gateway": "10.192.0.1"}
    networks.write(network, claim)
    claim = containers.claim(Desired(web, {"name": "shop-web-1", "service": "web", "networks": {"default": {}}}))
    claim["given"] = {"addresses": {"shop_default": "10.192.0.2"}}
    containers.write(web, claim)
    files.write_json(f"{networks.state_dir(network)}/{attachments.LEASES}", {"shop/container/web#1": "10.192.0.7"})
    found = containers.need(web)
    member = attachments.member(layout, STACK, web, cast(ContainerSpec, found["spec"]), found["given"])
    attachments.lease([member])
    assert member.addresses == [["10.192.0.7", ""]]
    assert attachments.endpoint(member, 0)["link"] == "eth0"
    assert found["given"]["addresses"] == {"shop_default": ["10.192.0.2", ""]}
    made = network_of(networks.need(network))
    assert (made["uplink6"], made["parent"], made["link"]) == ([], "", link_name(STACK, "network/default"))
    row = by_hand.networks(layout)
    assert row == []  # it is not ready
    networks.settle(Desired(network, claim_of(networks, network)), networks.need(network))
    assert by_hand.networks(layout)[0]["subnet"] == "10.192.0.0/24"
    assert NetworkKind(layout, STACK)._live(networks.need(network)) == {("bridge",): False}


def claim_of(shelf: Shelf, address: Address) -> Data:
    return shelf.need(address)["spec"]


def test_every_field_that_this_build_writes_is_known_to_have_a_default(tmp_path: Path) -> None:
    """A new field without one would be a KeyError with the records of today."""
    assert set(NetworkSpec.__annotations__) - {"stack", "name", "pin_file"} <= set(earlier.MADE)
    assert set(Network.__annotations__) <= {*NetworkSpec.__annotations__, *earlier.MADE, "link"}
    assert set(Attachment.__annotations__) == set(earlier.PLACE)
    spec, _ = network_form("default", StackNetwork.model_validate({"name": "shop_default"}))
    assert {key: spec[key] for key in earlier.NETWORK} == earlier.NETWORK
