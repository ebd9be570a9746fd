from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stackup.errors import UsageError
from stackup.project.kill import kill
from stackup.project.lifecycle import RemoveOptions, Selected, create, remove, restart, scale, start, stop
from stackup.project.run import RunOptions, row_of
from stackup.project.run import remove as remove_one
from stackup.project.run import start as run
from stackup.project.up import UpOptions, up
from stackup.project.why import why
from stackup.reconcile.apply import Report
from stackup.reconcile.resource import Run
from stackup.values import Address
from tests.project.shop import SHOP, Shop

WEB = Address("container", "web", 1)
DB = Address("container", "db", 1)


def verbs(report: Report) -> list[str]:
    return [f"{item.step.verb.value} {item.step.address.name}" for item in report.steps]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    assert up(made.session(), UpOptions()).ok
    return made


def test_stop_goes_against_the_needs_and_start_along_them(shop: Shop) -> None:
    assert verbs(stop(shop.session(), Selected())) == ["stop web", "stop db"]
    assert shop.running() == []
    assert verbs(start(shop.session(), Selected())) == ["start db", "await db", "start web"]
    assert shop.running() == ["container/db#1", "container/web#1"]


def test_stop_does_not_apply_what_has_changed_in_the_file(shop: Shop) -> None:
    shop.write(SHOP.replace("nginx", "apache").replace("512m", "768m"))
    assert verbs(stop(shop.session(), Selected(("web",)))) == ["stop web"]
    assert shop.things[WEB].recorded["image_name"] == "nginx"


def test_stop_and_start_keep_what_a_container_holds(shop: Shop) -> None:
    before = shop.things[WEB].holds
    stop(shop.session(), Selected())
    start(shop.session(), Selected())
    assert shop.things[WEB].holds == before != {}


def test_stop_leaves_a_half_made_container_to_up(shop: Shop) -> None:
    shop.things[WEB] = replace(shop.things[WEB], broken="half-made")
    assert verbs(stop(shop.session(), Selected())) == ["stop db"]


def test_the_time_out_reaches_the_engine(shop: Shop) -> None:
    stop(shop.session(), Selected(timeout=3.0))
    assert shop.host.opened[-1].stop_timeout == 3.0


def test_start_of_a_service_brings_what_it_needs(shop: Shop) -> None:
    stop(shop.session(), Selected())
    assert verbs(start(shop.session(), Selected(("web",)))) == ["start db", "await db", "start web"]


def test_start_without_a_container_is_docker_composes_error(shop: Shop) -> None:
    remove(shop.session(), RemoveOptions(("web",), stop=True))
    with pytest.raises(UsageError, match='service "web" has no container to start'):
        start(shop.session(), Selected())


@pytest.mark.parametrize("verb", [stop, start, restart])
def test_a_service_that_does_not_exist_is_an_error(shop: Shop, verb: object) -> None:
    with pytest.raises(UsageError, match="no such service: wbe") as caught:
        verb(shop.session(), Selected(("wbe",)))  # type: ignore[operator]
    assert caught.value.hint == 'did you mean "web"?'


def test_restart_stops_and_starts_in_order(shop: Shop) -> None:
    assert verbs(restart(shop.session(), Selected(("web",)))) == ["stop web", "start web"]
    assert verbs(restart(shop.session(), Selected())) == ["stop web", "stop db", "start db", "await db", "start web"]


def test_restart_takes_along_who_asked_for_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SHOP.replace("{condition: service_healthy}", "{condition: service_healthy, restart: true}"))
    up(shop.session(), UpOptions())
    assert "start web" in verbs(restart(shop.session(), Selected(("db",))))
    assert "start web" not in verbs(restart(shop.session(), Selected(("db",), no_deps=True)))


def test_everything_works_by_name_where_there_is_no_file(shop: Shop) -> None:
    (shop.folder / "stack.yaml").unlink()
    named = {"stack_name": "shop"}
    assert verbs(stop(shop.session(**named), Selected())) == ["stop web", "stop db"]
    assert shop.there() == ["container/db#1", "container/web#1", "network/default", "volume/data"]
    assert verbs(start(shop.session(**named), Selected())) == ["start db", "start web"]
    assert verbs(restart(shop.session(**named), Selected(("web",)))) == ["stop web", "start web"]


def test_create_starts_nothing_and_stops_nothing(shop: Shop) -> None:
    remove(shop.session(), RemoveOptions(("web",), stop=True))
    assert verbs(create(shop.session(), UpOptions(run=Run.AS_IS))) == ["create web"]
    assert shop.running() == ["container/db#1"]


def test_scale_changes_counts(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SHOP.replace('    ports: ["8080:80"]\n', ""))
    up(shop.session(), UpOptions())
    assert verbs(scale(shop.session(), {"web": 2})) == ["create web", "start web"]
    assert verbs(scale(shop.session(), {"web": 1})) == ["stop web", "delete web"]


def test_rm_removes_what_is_stopped_and_on_demand_the_rest(shop: Shop) -> None:
    assert verbs(remove(shop.session(), RemoveOptions())) == []
    stop(shop.session(), Selected(("web",)))
    assert verbs(remove(shop.session(), RemoveOptions())) == ["delete web"]
    assert verbs(remove(shop.session(), RemoveOptions(stop=True))) == ["stop db", "delete db"]
    assert shop.there() == ["network/default", "volume/data"]


def test_rm_takes_anonymous_volumes_and_no_others(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SHOP.replace('["data:/data"]', '["data:/data", "/cache"]'))
    up(shop.session(), UpOptions())
    assert len([name for name in shop.there() if name.startswith("volume/")]) == 2
    remove(shop.session(), RemoveOptions(("db",), stop=True, volumes=True))
    assert [name for name in shop.there() if name.startswith("volume/")] == ["volume/data"]


def test_kill_sends_the_signal_to_what_runs(shop: Shop) -> None:
    told: list[str] = []
    kill(shop.session(), ("web",), "SIGHUP", lambda row: told.append(row["name"]))
    assert shop.host.world.signals == [("shop-web-1", "SIGHUP")]
    assert told == ["shop-web-1"]
    stop(shop.session(), Selected())
    assert kill(shop.session(), (), "SIGKILL", lambda row: None) == []


def test_a_one_off_is_its_own_and_not_the_stacks(shop: Shop) -> None:
    one = run(shop.session(), RunOptions("web", {"command": ("echo", "hi")}, environment={"A": "1"}))
    spec = shop.things[one.address].recorded
    assert (spec["command"], spec["env"], spec["ports"]) == (["echo", "hi"], {"A": "1"}, {})
    assert shop.things[one.address].transient
    assert one.name.startswith("shop-web-run-")
    assert up(shop.session(), UpOptions()).steps == ()
    assert row_of(shop.session(), one)["service"] == "web"
    assert remove_one(shop.session(), one).ok
    assert one.address not in shop.things


def test_a_one_off_brings_what_its_service_needs(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    one = run(shop.session(), RunOptions("web"))
    assert shop.running() == ["container/db#1", str(one.address)]


def test_a_one_off_without_needs_comes_with_its_network_only(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    one = run(shop.session(), RunOptions("web", no_deps=True, name="mine"))
    assert shop.there() == [str(one.address), "network/default"]
    assert one.name == "mine"


def test_a_one_off_publishes_ports_only_when_asked(shop: Shop) -> None:
    def ports(**options: object) -> list[str]:
        one = run(shop.session(), RunOptions("web", **options))  # type: ignore[arg-type]
        return list(shop.things[one.address].recorded["ports"])  # type: ignore[call-overload]

    assert ports() == []
    assert ports(ports=("9000:80",)) == ["9000->80/tcp"]
    assert ports(service_ports=True) == ["8080->80/tcp"]


def test_a_one_off_mounts_what_is_asked_for(shop: Shop) -> None:
    one = run(shop.session(), RunOptions("web", volumes=("./src:/src:ro", "data:/data")))
    mounts = shop.things[one.address].recorded["mounts"]
    assert mounts["/src"]["source"] == str(shop.folder / "src")  # type: ignore[index,call-overload]
    assert mounts["/src"]["read_only"] is True  # type: ignore[index,call-overload]
    with pytest.raises(UsageError, match='no such volume: "dta"'):
        run(shop.session(), RunOptions("web", volumes=("dta:/data",)))
    with pytest.raises(UsageError):
        run(shop.session(), RunOptions("web", volumes=("a:b:c:d",)))
    with pytest.raises(UsageError):
        run(shop.session(), RunOptions("web", ports=("x:y",)))


def test_a_one_off_of_no_service_is_an_error(shop: Shop) -> None:
    with pytest.raises(UsageError, match="no such service: nope"):
        run(shop.session(), RunOptions("nope"))


def test_why_knows_the_past_and_what_is_to_come(shop: Shop) -> None:
    shop.write(SHOP.replace("512m", "768m"))
    up(shop.session(), UpOptions())
    shop.write(SHOP)
    changes, past = why(shop.session(), "web")
    assert [str(change.reasons[0]) for change in changes] == ["file changed: limits.memory"]
    assert [entry["reasons"] for entry in past] == [["absent"], ["file changed: limits.memory"]]
    with pytest.raises(UsageError, match='nothing here is called "nobody"'):
        why(shop.session(), "nobody")
