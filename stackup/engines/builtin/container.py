"""Containers of the built-in engine: six verbs on records, monitors and the kernel, each for a whole group."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, cast

from stackup.engines.builtin import attachments, describe, inside, limiting
from stackup.engines.builtin.container_reach import Reach, reached, spec_of, why_not_running
from stackup.engines.builtin.container_start import MONITORS, Start
from stackup.engines.builtin.container_update import Update
from stackup.engines.builtin.idclaims import KEY, Claims
from stackup.engines.builtin.powers import powers
from stackup.engines.builtin.records import Record, Shelf, addresses, attempt, each, wanted
from stackup.engines.builtin.replicas import Starting
from stackup.engines.builtin.rows import transient
from stackup.engines.desire.effects import CONTAINER
from stackup.errors import HostError, StackupError, Unsupported
from stackup.images.rootfs import Rootfs
from stackup.images.store import Store
from stackup.kernel import cgroupfs, files
from stackup.layout import NETNS, USERNS, Layout
from stackup.reconcile.resource import Observed, Outcome, Run, Tell, Work
from stackup.runtime import chronicle, record
from stackup.runtime.cgroups import groups as control_groups
from stackup.runtime.cgroups import limits
from stackup.runtime.client import Client, MonitorGone, ask_all
from stackup.runtime.description import Status
from stackup.runtime.launch import Launcher
from stackup.runtime.network import container as namespace
from stackup.runtime.network import firewall, ports
from stackup.runtime.network.drivers import Drivers
from stackup.runtime.privileges import missing_capabilities, process_of
from stackup.runtime.spec import ContainerSpec
from stackup.values import Address, FieldPath, Json

HOST = "host"
OWN_FILES, FILES_EACH = 40, 8
"""What a command has open by itself, and for each container that it is at work on; both generous."""
FOREVER_S = 1e8
"""Three years: what `--timeout -1` means to a clock."""


class ContainerKind:
    """Runnable. The record's `given` keeps what was chosen: the image's config, host name, ports, groups, addresses."""

    name = "container"
    effects = CONTAINER

    def __init__(self, layout: Layout, stack: str) -> None:
        self.stop_timeout: float | None = None
        self.parks = False
        self._layout = layout
        self._stack = stack
        self._shelf = Shelf(layout, stack, self.name)
        self._driver = Drivers(layout.run)
        self._launcher = Launcher()
        self._starting = Starting()
        self._roots: dict[str, Rootfs] = {}
        self._ids = Claims(layout)
        self._leaving = threading.Lock()
        """Of two groups that leave at once, one is the last."""

    def close(self) -> None:
        self._launcher.close()

    def observe(self, stack: str) -> Iterable[Observed]:
        shelf = Shelf(self._layout, stack, self.name)
        found = [(address, claim, record.observe_status(shelf.state_dir(address))) for address, claim in shelf.all()]
        astray = _astray([claim for _, claim, status in found if lives(claim, status)])
        for address, claim, status in found:
            yield observed(address, claim, status, astray)

    def create(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        self._launcher.start()  # it is ready by the time that something is launched
        return each(works, self._create)

    def _create(self, work: Work) -> None:
        want = wanted(work)
        spec = cast(ContainerSpec, want.spec)
        _check_capabilities(spec)
        with self._held(spec):
            rootfs = self._rootfs(spec["image"])
            claim = self._shelf.claim(want)
        image = rootfs.config.to_data()
        claim["given"] |= {
            "image": image,
            "root": rootfs.id,
            "lowers": list(rootfs.lowers),
            "binds": [list(bind) for bind in rootfs.binds],
            "hostname": spec["hostname"] or claim["instance"],
            "argv": process_of(spec, image, powers())["argv"],
            "volumes": {key: self._volume(key) for key in _volumes(spec)},
        }
        if spec.get("users"):
            claim["given"][KEY] = self._ids.take(self._stack, work.address)
        files.make_dir(f"{self._shelf.state_dir(work.address)}/upper", 0o755)
        files.make_dir(f"{self._shelf.state_dir(work.address)}/work")
        files.make_dir(f"{self._shelf.state_dir(work.address)}/merged")
        self._shelf.settle(want, claim)
        chronicle.note(describe.about(self._layout, claim), "create")

    def _volume(self, key: str) -> str:
        """Its name on the host."""
        return str(Shelf(self._layout, self._stack, "volume").need(Address("volume", key))["spec"]["name"])

    def _held(self, spec: ContainerSpec) -> AbstractContextManager[object]:
        """From the look at an image to the claim that it is in use nobody prunes it."""
        mounted = any(mount["type"] == "image" for mount in spec["mounts"].values())
        return Store(self._layout.images_dir).held() if mounted or spec["image"] != HOST else nullcontext()

    def _rootfs(self, image: str) -> Rootfs:
        """Looked up once a command: a look at this machine's own root takes 7 ms."""
        if image not in self._roots:
            store = Store(self._layout.images_dir)
            if image == HOST:
                from stackup.images import host  # 10 ms, for no other image

                self._roots[image] = host.rootfs(store)
            else:
                self._roots[image] = store.rootfs(image)
        return self._roots[image]

    def start(self, works: Sequence[Work], tell: Tell) -> Iterator[Outcome]:
        for portion in portions(works):
            start = Start(self._layout, self._stack, self._driver, self._launcher, self._starting)
            yield from start.run(portion, tell)

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        update = Update(self._layout, self._stack, self._driver)
        problems = {work.step: attempt(update.release, work) for work in works}
        return [Outcome(work.step, problems[work.step] or attempt(update.run, work, tell)) for work in works]

    def release(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        update = Update(self._layout, self._stack, self._driver)
        return each(works, update.let_go)

    def stop(self, works: Sequence[Work], tell: Tell) -> Iterator[Outcome]:
        """All at once; each answers when it is down. Names and ports go first, so that nobody is sent to the dying."""
        self._withdraw(works)
        for portion in portions(works):
            asked = {str(one.step): (Client(self._shelf.live_dir(one.address)), self._stop_of(one)) for one in portion}
            for step, answer in ask_all(asked):
                failed = isinstance(answer, StackupError) and not isinstance(answer, MonitorGone)
                yield Outcome(int(step), answer if failed else None)  # type: ignore[arg-type]

    def _stop_of(self, work: Work) -> dict[str, Any]:
        claim = self._shelf.read(work.address)
        how = describe.stop(spec_of(claim), claim["given"].get("image", {})) if claim else {}
        if self.stop_timeout is not None:
            how["grace"] = int(min(self.stop_timeout, FOREVER_S) * 10**9)
        return {"do": "stop", "hooks": inside.hooks(claim, "pre_stop") if claim else [], "parked": self.parks, **how}

    def _withdraw(self, works: Sequence[Work]) -> None:
        """Out of the rotation of names, in one go, without packets by their ports, and nothing holds back their end."""
        leaving: list[tuple[attachments.Member, Record]] = []
        for work in works:
            claim = self._shelf.read(work.address)
            if claim is None or claim["phase"] == "creating":
                continue
            limiting.lift(claim)
            member = self._member(work.address, claim)
            if member and member.places:
                leaving.append((member, claim))
        attachments.enter_names([member for member, _ in leaving], up=False)
        for _, claim in leaving:
            _unpublish(claim)

    def _member(self, address: Address, claim: Record) -> attachments.Member | None:
        """Its places as they were leased; None when it has no networks, or they are gone."""
        try:
            member = attachments.member(self._layout, self._stack, address, spec_of(claim), claim["given"])
        except StackupError:
            return None
        leased = claim["given"].get("addresses", {})
        member.addresses = [leased.get(place.real_name, []) for place in member.places]
        return member if all(member.addresses) else None

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        """Everything that is left of them, whatever stage they were in; whoever still runs is killed first."""
        problems: dict[int, StackupError | None] = {}
        leaving: list[tuple[Work, Record]] = []
        for work in works:
            claim = self._shelf.leave(work.address)
            if claim is not None:
                problems[work.step] = attempt(self._kill, work.address, claim)
                leaving.append((work, claim))
        failures = self._unplug(leaving)
        for work, claim in leaving:
            before = problems[work.step] or failures.get(work.address)
            problems[work.step] = before or attempt(self._dismantle, work.address, claim)
        with self._leaving:
            gone = [(work, claim) for work, claim in leaving if problems[work.step] is None]
            if {address for address, _ in self._shelf.all()} <= {work.address for work, _ in gone}:
                self._release_groups()
            for work, claim in gone:
                problems[work.step] = attempt(self._forget, work.address, claim)
        return [Outcome(work.step, problems.get(work.step)) for work in works]

    def _unplug(self, leaving: Sequence[tuple[Work, Record]]) -> dict[Address, StackupError]:
        """Ports, links, addresses and names of the whole group at once: one wait for the kernel instead of one each."""
        members = []
        for work, claim in leaving:
            member = self._member(work.address, claim)
            if member and member.places:
                members.append(member)
                _unpublish(claim)
        failures = attachments.detach(self._driver, members)
        attachments.release([member for member in members if member.key not in failures])
        return {member.address: failures[member.key] for member in members if member.key in failures}

    def _dismantle(self, address: Address, claim: Record) -> None:
        for name in (NETNS, USERNS):
            namespace.discard(f"{self._shelf.live_dir(address)}/{name}")
        cgroupfs.remove(claim["given"].get("cgroups", []))
        if claim["spec"].get("cgroup_parent"):
            control_groups.release(claim["given"].get("cgroups", []))

    def _forget(self, address: Address, claim: Record) -> None:
        if KEY in claim["given"]:
            self._ids.release(self._stack, address)
        self._shelf.forget(address)
        chronicle.note(describe.about(self._layout, claim), "destroy")

    def mend(self) -> Iterator[str]:
        """A status that cannot be read is written again by the monitor that is still there; what was so."""
        for address, _ in self._shelf.all():
            if record.read_status(self._shelf.state_dir(address)) is None:
                client = Client(self._shelf.live_dir(address))
                if not attempt(client.request, {"do": "write"}):
                    yield f"the status of {address} was damaged: its monitor has written it again"

    def end(self, directory: str) -> None:
        """A container without a record, by the names that are made of its directory."""
        live = self._layout.live_dir(self._stack, self.name, directory)
        with suppress(MonitorGone):
            Client(live).request({"do": "stop", "signal": "SIGKILL", "grace": 0})
        dirs = control_groups.detect().directories(self._stack, directory)
        cgroupfs.kill(dirs)
        for name in (NETNS, USERNS):
            namespace.discard(f"{live}/{name}")
        cgroupfs.remove(dirs)

    def _release_groups(self) -> None:
        """The stack's own groups go with its last container, once its monitor has left them. Before the last record,
        which is what leads the next run here after a kill.
        """
        with suppress(Unsupported):  # a machine that has none mounted has none left
            groups = control_groups.detect()
            groups.let_go(self._stack)
            cgroupfs.remove(groups.directories(self._stack, MONITORS))
            groups.remove_stack(self._stack)

    def _kill(self, address: Address, claim: Record) -> None:
        limiting.lift(claim)
        try:
            Client(self._shelf.live_dir(address)).request({"do": "stop", "signal": "SIGKILL", "grace": 0})
        except MonitorGone:
            pass  # it is down already
        cgroupfs.kill(claim["given"].get("cgroups", []))

    def reach(self, works: Sequence[Work], tell: Tell) -> Iterator[Outcome]:
        return Reach(self._shelf).run(works, tell)


def portions(works: Sequence[Work]) -> Iterator[Sequence[Work]]:
    """As many at once as the limit on open files allows (`ulimit -n`): namespaces, sockets of ports, monitors' ends."""
    size = max(1, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OWN_FILES) // FILES_EACH)
    return (works[at : at + size] for at in range(0, len(works), size))


def _check_capabilities(spec: ContainerSpec) -> None:
    """Asked for by name and not ours to give: an error, never a smaller set in silence."""
    missing = missing_capabilities(spec, powers())
    if missing:
        names = ", ".join(missing)
        hint = "run stackup with them, or take them out of `cap_add`"
        raise HostError(f'"{spec["name"]}" cannot be given {names}: stackup has not got it', subject=names, hint=hint)


def _unpublish(claim: Record) -> None:
    if claim["given"].get("published"):
        ports.unpublish(claim["given"]["published"])


def _astray(claims: Iterable[Record]) -> frozenset[str]:
    """Published ports that do not lead where they should: one look at the host's table for all."""
    published = [port for claim in claims for port in claim["given"].get("published", ())]
    if not published:
        return frozenset()
    leads = firewall.observe(published)
    return frozenset(_identity(port) for port, leading in zip(published, leads, strict=True) if not leading)


def _identity(port: Mapping[str, Any]) -> str:
    return f"{port['host_ip']}:{port['port']}/{port['protocol']}"


def lives(claim: Record, status: Status | None) -> bool:
    """A status of an earlier instance says nothing about this one, and who is being stopped is as good as gone."""
    if status is None or status["instance"] != claim["instance"] or status.get("stopping"):
        return False
    return status["state"] in ("running", "restarting")


def observed(address: Address, claim: Record, status: Status | None, astray: frozenset[str]) -> Observed:
    """A container as the planner sees it."""
    if status is not None and status["instance"] != claim["instance"]:
        status = None
    alive = lives(claim, status)
    return Observed(
        address,
        claim["instance"],
        claim["spec"],
        _live(claim, astray) if alive and claim["phase"] == "ready" else {},
        {Address.parse(text): instance for text, instance in claim["holds"].items()},
        tuple(addresses(claim["needs"])),
        Run.RUNNING if alive else Run.STOPPED,
        reached(claim, status),
        "" if claim["phase"] == "ready" else "half-made",
        "" if alive else why_not_running(status, claim),
        transient(claim),
    )


def _volumes(spec: ContainerSpec) -> set[str]:
    return {mount["source"] for mount in spec["mounts"].values() if mount["type"] == "volume"}


def _live(claim: Record, astray: frozenset[str]) -> dict[FieldPath, Json]:
    """What the kernel says otherwise, in the file's spelling."""
    told = limits.drift(claim["given"].get("cgroups", []), spec_of(claim)["limits"])
    found: dict[FieldPath, Json] = {("limits", *path): value for path, value in told.items()}
    lost = (port["key"] for port in claim["given"].get("ports", ()) if _identity(port) in astray)
    return {**found, **{("ports", key): None for key in lost}}
