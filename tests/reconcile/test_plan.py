"""The planner's prose: a stack, what is there, and the plan that follows, one test an intent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stackup.errors import UsageError
from stackup.reconcile.codec import plan_from_json, plan_to_json
from stackup.reconcile.plan import Action, Motion, text
from stackup.reconcile.resource import OnReplace, Run, Until
from stackup.values import Address
from tests.reconcile.stacks import STACK, Host, after, container, known, network, on_network, on_volume, volume

SHOP = (
    network(),
    volume(),
    container("db", on_network(), on_volume()),
    container("web", on_network(), after("db", Until.HEALTHY)),
)


def prose(host: Host, *desired: object, **policy: object) -> list[str]:
    return text(host.plan(*desired, **policy)).splitlines()  # type: ignore[arg-type]


def test_from_nothing_everything_is_made_in_the_order_of_needs() -> None:
    assert prose(Host(), *SHOP) == [
        "#1 create network/default — absent",
        "#2 create volume/data — absent",
        "#3 create container/db#1 after 1,2 — absent",
        "#4 create container/web#1 after 1 — absent",
        "#5 start container/db#1 after 3",
        "#6 await container/db#1 healthy after 5",
        "#7 start container/web#1 after 4,6",
    ]


def test_what_is_as_wanted_is_left_alone() -> None:
    host = Host()
    assert host.up(*SHOP).ok
    assert prose(host, *SHOP) == []


def test_a_field_that_the_kernel_can_change_is_changed_in_place() -> None:
    host = Host()
    host.up(*SHOP)
    more = (*SHOP[:3], container("web", on_network(), after("db", Until.HEALTHY), limits={"memory": 2}))
    assert prose(host, *more) == ["#1 update container/web#1 — file changed: limits.memory"]
    assert host.plan(*more).steps[0].fields == (("limits", "memory"),)


def test_a_field_fixed_at_creation_replaces_the_container_and_nothing_else() -> None:
    host = Host()
    host.up(*SHOP)
    newer = (*SHOP[:3], container("web", on_network(), after("db", Until.HEALTHY), image="b"))
    assert prose(host, *newer) == [
        "#1 stop container/web#1 — file changed: image",
        "#2 delete container/web#1 after 1",
        "#3 create container/web#1 after 2",
        "#4 start container/web#1 after 3",
    ]


def test_a_field_read_at_start_takes_a_restart() -> None:
    host = Host()
    host.up(*SHOP)
    assert prose(host, *SHOP[:3], container("web", on_network(), after("db", Until.HEALTHY), sysctls={"a": "1"})) == [
        "#1 stop container/web#1 — file changed: sysctls",
        "#2 update container/web#1 after 1",
        "#3 start container/web#1 after 2",
    ]


def test_a_field_that_means_nothing_changes_nothing() -> None:
    host = Host()
    host.up(container("web"))
    assert prose(host, container("web", note="new")) == []


def test_a_replaced_network_takes_its_containers_along_and_they_let_go_first() -> None:
    host = Host()
    host.up(*SHOP)
    assert prose(host, network(subnet="10.1.0.0/24"), *SHOP[1:]) == [
        "#1 stop container/web#1 — holds a replaced resource: network/default",
        "#2 delete container/web#1 after 1",
        "#3 stop container/db#1 after 1 — holds a replaced resource: network/default",
        "#4 delete container/db#1 after 2,3",
        "#5 delete network/default after 4 — file changed: subnet",
        "#6 create network/default after 5",
        "#7 create container/db#1 after 6",
        "#8 create container/web#1 after 6",
        "#9 start container/db#1 after 7",
        "#10 await container/db#1 healthy after 9",
        "#11 start container/web#1 after 8,10",
    ]


def test_restart_true_restarts_the_dependant_of_a_replaced_service() -> None:
    host = Host()
    follower = container("web", after("db", holds=True, on_replace=OnReplace.RESTART))
    host.up(container("db"), follower)
    plan = host.plan(container("db", image="b"), follower)
    assert plan.change(Address("container", "web", 1)).motion is Motion.RESTART
    assert host.apply(plan).ok
    assert prose(host, container("db", image="b"), follower) == []


def test_who_goes_on_running_lets_go_before_the_other_is_deleted() -> None:
    host = Host()
    host.up(container("db"), container("web", after("db", holds=True, on_replace=OnReplace.RESTART)))
    plan = host.plan(container("web"), orphans=True)
    assert text(plan).splitlines() == [
        "#1 stop container/db#1 — not in file, ours",
        "#2 release container/web#1 — file changed: depends_on",
        "#3 delete container/db#1 after 1,2",
        "#4 update container/web#1 after 2",
    ]


def test_who_let_go_and_is_wanted_as_before_takes_hold_again() -> None:
    host = Host()
    web = container("web", after("db", holds=True, on_replace=OnReplace.RESTART))
    host.up(container("db"), web)
    there = host.world.stack(STACK)
    there[web.address] = replace(there[web.address], holds={})
    assert prose(host, container("db"), web) == ["#1 update container/web#1 — interrupted: let go of container/db#1"]
    host.up(container("db"), web)
    assert prose(host, container("db"), web) == []


def test_a_stack_that_is_not_wanted_goes_in_reverse_order_and_keeps_its_data() -> None:
    host = Host()
    host.up(*SHOP)
    assert prose(host, clear=True, known=known(SHOP)) == [
        "#1 stop container/web#1 — no longer wanted",
        "#2 stop container/db#1 after 1 — no longer wanted",
        "#3 delete container/web#1 after 1",
        "#4 delete container/db#1 after 2,3",
        "#5 delete network/default after 4 — no longer wanted",
    ]


def test_data_goes_only_when_asked_and_is_called_destructive() -> None:
    host = Host()
    host.up(*SHOP)
    plan = host.plan(clear=True, data=True, known=known(SHOP))
    assert [str(change.address) for change in plan.destructive] == ["volume/data"]
    assert host.apply(plan).ok
    assert host.world.stack(STACK) == {}


def test_a_container_that_the_file_does_not_know_stays_unless_orphans_go() -> None:
    host = Host()
    host.up(network(), container("old", on_network()))
    assert prose(host, network()) == []
    assert prose(host, network(), orphans=True)[0] == "#1 stop container/old#1 — not in file, ours"


def test_a_network_that_a_kept_container_is_on_stays() -> None:
    host = Host()
    host.up(network(), container("old", on_network()))
    plan = host.plan(clear=True, known=frozenset({("network", "default")}))
    assert plan.empty
    assert str(plan.change(Address("network", "default")).reasons[0]) == "still in use: container/old#1"


def test_fewer_replicas_remove_the_last_ones() -> None:
    host = Host()
    host.up(container("web"), container("web", index=2))
    assert prose(host, container("web")) == [
        "#1 stop container/web#2 — more replicas than wanted",
        "#2 delete container/web#2 after 1",
    ]


def test_a_half_made_resource_is_made_anew() -> None:
    host = Host()
    host.up(network())
    address = Address("network", "default")
    host.world.stack(STACK)[address] = replace(host.world.stack(STACK)[address], broken="half-made")
    assert prose(host, network()) == [
        "#1 delete network/default — interrupted: half-made",
        "#2 create network/default after 1",
    ]


def test_drift_is_named_by_field_and_mended_in_place() -> None:
    host = Host()
    host.up(container("web"))
    address = Address("container", "web", 1)
    host.world.stack(STACK)[address] = replace(host.world.stack(STACK)[address], live={("limits", "memory"): 9})
    plan = host.plan(container("web"))
    assert text(plan) == "#1 update container/web#1 — changed outside stackup: limits.memory\n"
    assert host.apply(plan).ok
    assert prose(host, container("web")) == []


def test_a_job_that_ended_well_is_not_run_again_and_satisfies_who_waits_for_it() -> None:
    host = Host()
    stack = (container("migrate", job=True), container("web", after("migrate", Until.COMPLETED)))
    assert prose(host, *stack)[-2:] == [
        "#4 await container/migrate#1 completed after 3",
        "#5 start container/web#1 after 2,4",
    ]
    assert host.up(*stack).ok
    assert prose(host, *stack) == []


def test_stop_goes_against_the_needs_and_start_along_them() -> None:
    host = Host()
    host.up(*SHOP)
    stopped = [replace(item, run=Run.STOPPED) if item.address.kind == "container" else item for item in SHOP]
    assert prose(host, *stopped) == [
        "#1 stop container/web#1 — stop wanted",
        "#2 stop container/db#1 after 1 — stop wanted",
    ]
    assert host.up(*stopped).ok
    assert [line.split(" — ")[0] for line in prose(host, *SHOP)] == [
        "#1 start container/db#1",
        "#2 await container/db#1 healthy after 1",
        "#3 start container/web#1 after 2",
    ]


def test_an_optional_dependency_that_fails_is_tolerated() -> None:
    host = Host()
    plan = host.plan(container("cache"), container("web", after("cache", Until.COMPLETED, required=False)))
    assert text(plan).splitlines()[-1] == "#5 start container/web#1 after 2,3?,4?"
    report = host.apply(plan)
    assert [str(item.step.address) for item in report.errors] == ["container/cache#1"]
    assert host.world.stack(STACK)[Address("container", "web", 1)].run is Run.RUNNING


def test_a_failed_step_skips_what_needs_it_and_says_so() -> None:
    host = Host()
    report = host.up(container("db"), container("web", after("db", Until.COMPLETED)), container("other"))
    assert [item.skipped for item in report.steps if item.skipped] == ["await container/db#1 failed"]
    assert host.world.stack(STACK)[Address("container", "other", 1)].run is Run.RUNNING


def test_out_of_scope_nothing_changes() -> None:
    host = Host()
    only = frozenset({Address("container", "db", 1)})
    assert [line.split(" ")[2] for line in prose(host, container("db"), container("web"), scope=only)] == [
        "container/db#1",
        "container/db#1",
    ]


def test_force_recreate_and_no_recreate_are_policies_of_the_same_planner() -> None:
    host = Host()
    host.up(container("web"))
    again = host.plan(container("web"), recreate=frozenset({Address("container", "web", 1)}))
    assert again.change(Address("container", "web", 1)).action is Action.REPLACE
    assert host.plan(container("web", image="b"), no_recreate=True).empty


def test_wait_awaits_everything_that_starts() -> None:
    ready = replace(container("web"), ready=Until.HEALTHY)
    assert prose(Host(), ready, wait=True)[-1] == "#3 await container/web#1 healthy after 2"


def test_a_plan_survives_the_way_through_json() -> None:
    host = Host()
    host.up(*SHOP)
    plan = host.plan(network(subnet="10.9.0.0/24"), *SHOP[1:], container("new", on_network()))
    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1}', "null", '"x"'])
def test_a_file_that_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="plan"):
        plan_from_json(text)
