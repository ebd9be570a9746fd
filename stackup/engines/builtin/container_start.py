"""Starting a group of containers: networks in one batch, control groups in one burst, then all launched together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from socket import socket
from typing import Any, cast

from stackup.engines.builtin import attachments, cdi, describe, inside, limiting
from stackup.engines.builtin.attachments import Member
from stackup.engines.builtin.describe import Surroundings
from stackup.engines.builtin.equipment import Equipment, equip
from stackup.engines.builtin.idclaims import KEY
from stackup.engines.builtin.powers import powers
from stackup.engines.builtin.records import Record, Shelf, attempt, wanted
from stackup.engines.builtin.replicas import Replicas, Starting
from stackup.engines.builtin.rows import out_of_memory
from stackup.errors import HostError, StackupError
from stackup.images.store import Store
from stackup.kernel import cgroupfs
from stackup.layout import NETNS, USERNS, Layout
from stackup.reconcile.resource import Outcome, Tell, Work
from stackup.runtime import privileges, users
from stackup.runtime import record as status_record
from stackup.runtime.cgroups import devices
from stackup.runtime.cgroups import groups as control_groups
from stackup.runtime.client import Client, MonitorGone, ask_all
from stackup.runtime.description import Description, HeldPort, Process
from stackup.runtime.launch import Launcher
from stackup.runtime.network import container as namespace
from stackup.runtime.network import ports
from stackup.runtime.network.driver import Driver
from stackup.runtime.rootfs import HostFile, Layers, RootPlan, UserRange, operations
from stackup.runtime.seccomp.filters import Filters
from stackup.runtime.spec import ContainerSpec, Mount
from stackup.values import Address

MONITORS = ".monitors"
"""The leaf group of a stack's monitors: out of the caller's, whose end would otherwise be theirs."""

ALL_GROUPS = "/sys/fs/cgroup"


class Start:
    """One group's start. Whoever fails drops out, and the others go on."""

    def __init__(self, layout: Layout, stack: str, driver: Driver, launcher: Launcher, starting: Starting) -> None:
        self._layout = layout
        self._stack = stack
        self._driver = driver
        self._launcher = launcher
        self._shelf = Shelf(layout, stack, "container")
        self._works: dict[str, Work] = {}
        self._records: dict[str, Record] = {}
        self._members: dict[str, Member] = {}
        self._failed: dict[str, StackupError] = {}
        self._held: dict[str, list[list[socket]]] = {}
        self._descriptors: dict[str, list[list[int]]] = {}
        self._replicas = Replicas(layout, stack, starting)
        self._powers = powers()
        self._groups = control_groups.detect()
        self._filters = Filters()
        self._registry: cdi.Registry | None = None
        self._monitor_groups: list[str] = []
        self._serves = ports.kernel_serves(foreign_rules=True)

    def run(self, works: Sequence[Work], tell: Tell) -> Iterator[Outcome]:
        self._tell = tell
        self._works = {str(work.address): work for work in works}
        for key, work in self._works.items():
            self._try(key, self._look, key, work.address)
        self._make_users()
        for key, work in self._works.items():
            if key not in self._failed:
                self._try(key, self._prepare, key, work.address)
        self._plug()
        hooked: list[str] = []
        try:
            for key, answer in self._launcher.launch(self._descriptions(), held=self._descriptors):
                failed = answer if isinstance(answer, StackupError) else attempt(self._finish, key)
                if failed or not inside.hooks(self._records[key], "post_start"):
                    yield Outcome(self._works[key].step, failed)
                else:
                    hooked.append(key)
            yield from self._run_hooks(hooked)
        finally:
            for port in self._held.values():
                let_go(port)
            self._replicas.starting.ended(work.address for work in works)
        for key, problem in self._failed.items():
            yield Outcome(self._works[key].step, problem)

    def _run_hooks(self, keys: Iterable[str]) -> Iterator[Outcome]:
        """Side by side, each in its own container; a container is started when its hooks have ended."""
        requests = {key: (Client(self._shelf.live_dir(self._works[key].address)), self._hooks_of(key)) for key in keys}
        for key, answer in ask_all(requests):
            yield Outcome(self._works[key].step, answer if isinstance(answer, StackupError) else None)

    def _hooks_of(self, key: str) -> dict[str, Any]:
        return {"do": "hooks", "hooks": inside.hooks(self._records[key], "post_start")}

    def _descriptions(self) -> Iterator[Description]:
        """Of everybody who has not failed yet; one is launched while the next is described."""
        for key, work in self._works.items():
            if key not in self._failed:
                found: list[Description] = []
                self._try(key, self._describe, key, work.address, found)
                yield from found

    def _try(self, key: str, verb: Any, *arguments: object) -> None:
        problem = attempt(verb, *arguments)
        if problem:
            self._failed[key] = problem

    def _look(self, key: str, address: Address) -> None:
        self._records[key] = self._shelf.need(address)
        self._outwait(address)

    def _make_users(self) -> None:
        """User namespaces, and the network namespaces that belong to them, for all who have users of their own."""
        wishes: dict[str, users.Wish] = {}
        for key, record in self._records.items():
            address, spec = self._works[key].address, cast(ContainerSpec, record["spec"])
            if KEY in record["given"] and key not in self._failed:
                live_dir = self._shelf.live_dir(address)
                own = Surroundings(self._layout, self._stack, address, spec).owns_network
                net = os.path.join(live_dir, NETNS) if own else ""
                wishes[key] = {"base": record["given"][KEY], "user": os.path.join(live_dir, USERNS), "net": net}
        absent = {key: wish for key, wish in wishes.items() if not users.there(wish)}
        if absent:
            self._failed |= self._launcher.make_users(absent)

    def _prepare(self, key: str, address: Address) -> None:
        """Its own network namespace, and the places that it will be plugged into."""
        record = self._records[key]
        spec = cast(ContainerSpec, record["spec"])
        if Surroundings(self._layout, self._stack, address, spec).owns_network:
            member = attachments.member(self._layout, self._stack, address, spec, record["given"])
            namespace.prepare(member.pin_file, resolver=bool(member.places))
            self._members[key] = member

    def _outwait(self, address: Address) -> None:
        """A stop whose command was killed goes on without it: the container that it ends is waited for."""
        status = status_record.observe_status(self._shelf.state_dir(address))
        if status and status["state"] == "running" and status.get("stopping"):
            with contextlib.suppress(MonitorGone):
                Client(self._shelf.live_dir(address)).request({"do": "stop"}, limit_s=0)

    def _plug(self) -> None:
        present = [member for key, member in self._members.items() if key not in self._failed]
        if attempt(attachments.lease, present):
            for one in present:  # one of them asks for what it cannot have: the others are not to blame
                self._try(str(one.address), attachments.lease, [one])
            present = [one for one in present if str(one.address) not in self._failed]
        failures = attachments.attach(self._driver, present)
        self._failed |= {str(one.address): failures[one.key] for one in present if one.key in failures}
        attachments.enter_names([one for one in present if one.key not in failures], up=False)

    def _describe(self, key: str, address: Address, found: list[Description]) -> None:
        found.append(self._description(key, address))

    def _description(self, key: str, address: Address) -> Description:
        """Ports chosen, groups made, files written; then the record says so and the description is whole."""
        record, member = self._records[key], self._members.get(key)
        spec, given = cast(ContainerSpec, record["spec"]), record["given"]
        if member:
            given["addresses"], given[attachments.INSIDE] = member.by_name, member.inside
        given["process"] = self._process(record, self._shelf.live_dir(address))
        given["ports"], self._held[key] = choose_ports(self._layout, address, record, self._replicas, member)
        self._descriptors[key] = [[one.fileno() for one in sockets] for sockets in self._held[key]]
        given["published"] = attachments.published(member, given["ports"]) if member and self._serves else []
        equipment = self._equipment(spec)
        for text in equipment.undone:
            self._tell.progress(self._works[key].step, text)
        given["process"]["env"] = {**given["process"]["env"], **equipment.env}
        given["process"]["groups"] = [*given["process"]["groups"], *equipment.groups]
        want = wanted(self._works[key])
        self._make_groups(key, address, given, equipment)
        self._shelf.settle(want, record)
        around = Surroundings(self._layout, self._stack, address, spec)
        etc = around.write_etc(record, member)
        return {
            "stack": self._stack,
            "address": key,
            "name": spec["name"],
            "instance": record["instance"],
            "state_dir": self._shelf.state_dir(address),
            "live_dir": self._shelf.live_dir(address),
            "namespaces": around.namespaces(),
            "operations": operations(self._root(record, address, etc, equipment)),
            "process": given["process"],
            "init": spec["init"],
            "tty": spec["tty"],
            "stdin_open": spec["stdin_open"],
            "await_attach": spec["await_attach"],
            "cgroups": given["cgroups"],
            "monitor_cgroups": self._monitors(),
            "restart": describe.restart(spec),
            "health": describe.health(spec, given["image"]),
            "stop": describe.stop(spec, given["image"]),
            "log": describe.log(record),
            "ports": describe.held_ports(record),
            "resolver": describe.resolver(member, spec["dns"]["servers"], attachments.links(spec, given)),
            "ports_to": member.gateways[0][1] if member and member.places else "",
            "rosters": describe.rosters(member),
            "roster_key": member.key if member else "",
            "about": describe.about(self._layout, record),
            "memory_reason": out_of_memory(record),
        }

    def _make_groups(self, key: str, address: Address, given: dict[str, Any], equipment: Equipment) -> None:
        """Made anew, so that nothing is left in them of an earlier run; limited before anybody is inside."""
        want = wanted(self._works[key])
        spec = cast(ContainerSpec, want.spec)
        stale = cgroupfs.remove(given.get("cgroups", []), 0.0)
        given["cgroups"] = self._groups.create(self._stack, address.directory, spec.get("cgroup_parent", ""))
        devices.allow(given["cgroups"], equipment.rules, strict=equipment.strict)
        describe.note_limits(given, want)
        for text in limiting.impose(given, spec["limits"], fresh=not stale):
            self._tell.progress(self._works[key].step, text)

    def _process(self, record: Record, live_dir: str) -> Process:
        process, spec = describe.process(record, self._powers), cast(ContainerSpec, record["spec"])
        asked = privileges.security(spec["security_opt"], privileged=spec["privileged"])
        if KEY in record["given"]:
            process["users"] = os.path.join(live_dir, USERNS)
        process["seccomp"] = self._filters.write(live_dir, asked.seccomp, process["capabilities"])
        return process

    def _monitors(self) -> list[str]:
        """Made once for all."""
        self._monitor_groups = self._monitor_groups or self._groups.create(self._stack, MONITORS)
        return self._monitor_groups

    def _equipment(self, spec: ContainerSpec) -> Equipment:
        wants_names = spec.get("device_requests") or any(map(cdi.is_name, spec.get("devices", {})))
        if wants_names and self._registry is None:
            self._registry = cdi.registry()
        return equip(spec, self._registry)

    def _root(self, record: Record, address: Address, etc: dict[str, str], equipment: Equipment) -> RootPlan:
        spec, given = cast(ContainerSpec, record["spec"]), record["given"]
        state_dir = self._shelf.state_dir(address)
        upper, work = os.path.join(state_dir, "upper"), os.path.join(state_dir, "work")
        contents = describe.file_sources(self._layout, self._stack, spec)
        return RootPlan(
            layers=Layers(tuple(given["lowers"]), upper, work),
            merged=os.path.join(state_dir, "merged"),
            nested={target: Layers((source,)) for source, target in given["binds"]},
            mounts=equipment.mounts | {target: self._mount(mount) for target, mount in spec["mounts"].items()},
            images={m["source"]: self._image(m["source"]) for m in spec["mounts"].values() if m["type"] == "image"},
            files={
                target: HostFile(contents[target], file["uid"], file["gid"], file["mode"])
                for target, file in spec["files"].items()
            },
            etc=etc,
            devices=equipment.nodes,
            own_nodes=bool(spec.get("device_rules")),
            cgroups=self._seen_groups(spec, address),
            sysctls=spec["sysctls"],
            hostname="" if spec["uts"] == "host" else str(given["hostname"]),
            domainname=spec["domainname"],
            shm_size=0 if spec["ipc"] == "none" else spec["shm_size"],
            shm=self._shm(address, spec),
            read_only=spec["read_only"],
            tty=spec["tty"],
            own_network=spec["network_mode"] != "host",
            confined=privileges.security(spec["security_opt"], privileged=spec["privileged"]).confined,
            privileged=spec["privileged"],
            users=self._users(given, address),
        )

    def _users(self, given: dict[str, Any], address: Address) -> UserRange | None:
        if KEY not in given:
            return None
        return UserRange(os.path.join(self._shelf.live_dir(address), USERNS), given[KEY])

    def _seen_groups(self, spec: ContainerSpec, address: Address) -> dict[str, str]:
        if spec.get("cgroup") == "host":
            return {"": ALL_GROUPS}
        return self._groups.inside(self._stack, address.directory, spec.get("cgroup_parent", ""))

    def _mount(self, mount: Mount) -> Mount:
        """A volume's name becomes the folder with its data."""
        if mount["type"] != "volume":
            return mount
        volume = Shelf(self._layout, self._stack, "volume").need(Address("volume", mount["source"]))
        return {**mount, "source": str(volume["given"]["data"])}

    def _image(self, reference: str) -> tuple[str, ...]:
        store = Store(self._layout.images_dir)
        found = store.resolve(reference)
        if found is None:
            raise HostError(f'there is no image "{reference}" to mount', subject=reference, hint="see: stackup images")
        return store.layers(found)

    def _shm(self, address: Address, spec: ContainerSpec) -> str:
        """/dev/shm goes with the ipc namespace: one's own, the host's, or that of the container it is shared with."""
        if spec["ipc"] in ("", "private", "shareable", "none"):
            return ""
        ipc = Surroundings(self._layout, self._stack, address, spec).namespaces()["ipc"]
        return "host" if ipc == "host" else ipc.replace("/ns/ipc", "/ns/mnt")

    def _finish(self, key: str) -> None:
        """It runs: its ports lead to it and its names are in rotation."""
        member = self._members.get(key)
        if member and member.places:
            attachments.enter_names([member], up=True)
            given = self._records[key]["given"]
            if given["published"]:
                ports.publish(self._replicas.published(member.address, given["published"]))


def choose_ports(
    layout: Layout, address: Address, record: Record, replicas: Replicas, member: Member | None
) -> tuple[list[dict[str, Any]], list[list[socket]]]:
    """A number for every published port, the one it had where it had one, and the sockets that hold it meanwhile.

    A port that another replica of the service holds is shared with it.
    Raises HostError naming who holds a port; then nothing is held.
    """
    spec = cast(ContainerSpec, record["spec"])
    had = {port["key"]: port["port"] for port in record["given"].get("ports", ())}
    binding = member.binding if member else ""

    def shares(port: HeldPort) -> bool:
        return replicas.share(address, port)

    chosen: list[dict[str, Any]] = []
    held: list[list[socket]] = []
    published = {} if spec["network_mode"] == "host" else spec["ports"]
    with replicas.starting.lock, _let_go_if_failed(held):
        for key, port in published.items():
            place: HeldPort = {
                "host_ip": port["host_ip"] or binding,
                "port": 0,
                "target": port["target"],
                "protocol": port["protocol"],
            }
            found, sockets = ports.hold(place, str(had.get(key) or port["published"]), layout.run, shares)
            held.append(sockets)
            chosen.append({"key": key, **found})
        replicas.starting.ports[address] = chosen
    return chosen, held


@contextlib.contextmanager
def _let_go_if_failed(held: list[list[socket]]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        let_go(held)
        raise


def let_go(held: Iterable[Iterable[socket]]) -> None:
    """Whoever binds or has inherited them holds the ports from here on."""
    for sockets in held:
        for one in sockets:
            one.close()
