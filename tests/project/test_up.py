from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stackup.errors import HostError, UsageError
from stackup.events import Notice
from stackup.project.apply import Stale, apply
from stackup.project.change import Refused
from stackup.project.down import DownOptions, down
from stackup.project.plan import plan, save
from stackup.project.up import UpOptions, remove_orphans, up
from stackup.reconcile.plan import Action, text
from stackup.reconcile.resource import Observed, Run, Until
from stackup.values import Address
from tests.project.shop import SHOP, Shop

WEB = Address("container", "web", 1)
DB = Address("container", "db", 1)


def actions(shop: Shop, **options: object) -> dict[str, str]:
    made = plan(shop.session(), UpOptions(**options))  # type: ignore[arg-type]
    return {str(change.address): change.action.value for change in made.changes if not change.idle}


def test_up_brings_everything_and_then_there_is_nothing_to_do(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert up(shop.session(), UpOptions()).ok
    assert shop.running() == ["container/db#1", "container/web#1"]
    assert plan(shop.session(), UpOptions()).empty


def test_a_changed_limit_is_changed_in_place_and_the_line_is_known(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    shop.write(SHOP.replace("512m", "768m"))
    made = plan(shop.session(), UpOptions())
    assert text(made) == "#1 update container/web#1 — file changed: limits.memory\n"
    assert made.change(WEB).reasons[0].span.place == "stack.yaml:11"  # type: ignore[union-attr]


def test_a_named_service_comes_with_what_it_needs(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write(SHOP.replace("  web:\n", "  other: {image: x}\n  web:\n"))
    assert up(shop.session(), UpOptions(services=("web",))).ok
    assert shop.running() == ["container/db#1", "container/web#1"]


def test_without_dependencies_only_the_service_and_its_networks_come(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert up(shop.session(), UpOptions(services=("web",), no_deps=True)).ok
    assert shop.there() == ["container/web#1", "network/default"]


def test_no_start_makes_and_starts_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert up(shop.session(), UpOptions(run=Run.AS_IS)).ok
    assert shop.running() == []
    assert "container/web#1" in shop.there()


def test_scale_changes_the_count_and_the_next_up_changes_it_back(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SHOP.replace('    ports: ["8080:80"]\n', ""))
    up(shop.session(), UpOptions(scale={"web": 3}))
    assert shop.running()[1:] == ["container/web#1", "container/web#2", "container/web#3"]
    up(shop.session(), UpOptions())
    assert shop.running() == ["container/db#1", "container/web#1"]


def test_scaling_a_service_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such service: wob"):
        up(Shop(tmp_path).session(), UpOptions(scale={"wob": 2}))


def test_forced_recreation_takes_the_named_services_and_not_their_needs(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    assert actions(shop, force_recreate=True) == {"container/db#1": "±", "container/web#1": "±"}
    assert actions(shop, force_recreate=True, services=("web",)) == {"container/web#1": "±"}
    assert actions(shop, always_recreate_deps=True, services=("web",)) == {
        "container/db#1": "±",
        "container/web#1": "±",
    }


def test_no_recreate_keeps_what_exists(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    shop.write(SHOP.replace("nginx", "apache"))
    assert actions(shop, no_recreate=True) == {}
    assert actions(shop) == {"container/web#1": "±"}


@pytest.mark.parametrize("other", ["force_recreate", "always_recreate_deps", "renew_volumes"])
def test_options_that_contradict_each_other_are_refused(tmp_path: Path, other: str) -> None:
    with pytest.raises(UsageError, match="--no-recreate are incompatible"):
        up(Shop(tmp_path).session(), UpOptions(no_recreate=True, **{other: True}))  # type: ignore[arg-type]


def test_orphans_are_told_and_removed_only_when_asked(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    shop.write(SHOP.replace("  web:\n", "  shop:\n"))
    shop.events.clear()
    up(shop.session(), UpOptions())
    told = [event.text for event in shop.events if isinstance(event, Notice)]
    assert told[0].startswith("found orphan containers (shop-web-1) for this stack")
    assert "container/web#1" in shop.there()
    up(shop.session(), UpOptions(remove_orphans=True))
    assert "container/web#1" not in shop.there()


def test_orphans_can_be_removed_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    shop.write(SHOP.replace("  web:\n", "  shop:\n"))
    assert remove_orphans(shop.session()).ok
    assert shop.there() == ["container/db#1", "network/default", "volume/data"]


def test_refusing_the_plan_changes_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    with pytest.raises(Refused):
        up(shop.session(confirm=lambda made: False), UpOptions())
    assert shop.there() == []


def test_a_dry_run_reports_and_leaves_no_trace(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    report = up(shop.session(dry_run=True), UpOptions())
    assert report.ok
    assert len(report.steps) == 7
    assert shop.there() == []
    assert not (tmp_path / "state").exists()


def test_a_wait_that_takes_too_long_ends_with_what_it_waited_for(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    session = shop.session()

    def slow(_: str) -> None:
        assert session.interrupt is not None
        session.interrupt.wait(20)

    shop.host.world.before_write = slow
    with pytest.raises(HostError, match=r'stack "shop" is not ready after 0.05 s'):
        up(session, UpOptions(wait=True, wait_timeout=0.05))


def test_a_plan_that_was_kept_is_applied_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    path = str(tmp_path / "plan.json")
    save(plan(shop.session(), UpOptions()), path)
    assert Path(path).stat().st_mode & 0o077 == 0
    assert apply(shop.session(), path).ok
    assert shop.running() == ["container/db#1", "container/web#1"]
    with pytest.raises(Stale, match="has changed since"):
        apply(shop.session(), path)


def test_files_that_are_no_plans_are_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    with pytest.raises(HostError, match="cannot read"):
        apply(shop.session(), str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="is not a plan"):
        apply(shop.session(), str(tmp_path / "stack.yaml"))


def test_a_renewed_anonymous_volume_is_made_anew(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SHOP.replace('["data:/data"]', '["data:/data", "/cache"]'))
    up(shop.session(), UpOptions())
    made = plan(shop.session(), UpOptions(renew_volumes=True))
    renewed = [c.address.name for c in made.changes if c.address.kind == "volume" and c.action is Action.REPLACE]
    assert renewed != []
    assert "data" not in renewed


def test_the_files_of_a_stack_are_remembered(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    note = json.loads(Path(shop.layout.stack_file("shop")).read_text())
    assert note["files"] == [str(tmp_path / "stack.yaml")]


def test_down_leaves_data_and_with_volumes_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    assert down(shop.session(), DownOptions()).ok
    assert shop.there() == ["volume/data"]
    assert down(shop.session(), DownOptions(volumes=True)).ok
    assert shop.there() == []
    assert not Path(shop.layout.stack_dir("shop")).exists()


def test_down_without_a_file_takes_everything_of_the_name(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    (tmp_path / "stack.yaml").unlink()
    assert down(shop.session(stack_name="shop"), DownOptions(volumes=True)).ok
    assert shop.there() == []


def test_down_of_some_services_leaves_the_others_and_the_network(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    assert down(shop.session(), DownOptions(services=("web",))).ok
    assert shop.there() == ["container/db#1", "network/default", "volume/data"]


def test_down_of_nothing_says_so(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert down(shop.session(), DownOptions()).ok
    assert [event.text for event in shop.events if isinstance(event, Notice)] == [
        'no resource found to remove for stack "shop"'
    ]


def test_down_tells_of_orphans_and_of_the_network_they_hold(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    shop.write(SHOP.replace("  web:\n", "  shop:\n"))
    shop.events.clear()
    down(shop.session(), DownOptions())
    told = [event.text for event in shop.events if isinstance(event, Notice)]
    assert "orphan" in told[0]
    assert told[1] == "network default is still in use: container/web#1"
    assert down(shop.session(), DownOptions(remove_orphans=True)).ok
    assert shop.there() == ["volume/data"]


def test_a_one_off_goes_with_its_stack(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    one = Address("container", "web-run-1", 1)
    spec = {**shop.things[WEB].recorded, "name": "shop-web-run-1"}
    shop.things[one] = replace(shop.things[WEB], address=one, recorded=spec, transient=True)
    assert plan(shop.session(), UpOptions()).empty
    assert down(shop.session(), DownOptions()).ok
    assert shop.there() == ["volume/data"]


def test_a_stopped_job_that_is_done_is_left_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    up(shop.session(), UpOptions())
    done: Observed = replace(shop.things[WEB], run=Run.STOPPED, reached=frozenset((Until.EXISTS, Until.COMPLETED)))
    shop.things[WEB] = done
    assert plan(shop.session(), UpOptions()).empty
