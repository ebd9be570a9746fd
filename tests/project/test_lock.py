"""A lock must hold what it was written for, change only when it is asked to, and be read as strictly as it is believed."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from stackup.diagnostics import Diagnostics
from stackup.errors import StackInvalid, StackupError, UsageError
from stackup.images.locked import Content, Locked, platform_of
from stackup.project import lockfile
from stackup.project.build import BuildOptions, build
from stackup.project.held import moved
from stackup.project.lock import check, lock
from stackup.project.pins import images_of
from stackup.project.plan import plan
from stackup.project.pull import PullOptions, pull
from stackup.project.up import UpOptions, up
from stackup.reconcile.plan import text
from tests.project.shop import SHOP, Shop

NGINX, POSTGRES = "docker.io/library/nginx:latest", "docker.io/library/postgres:16"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def digest(word: str) -> str:
    return f"sha256:{sha256(word.encode()).hexdigest()}"


def written(shop: Shop) -> str:
    return (shop.folder / "stackup.lock").read_text()


def image_of(shop: Shop, service: str) -> Any:
    (spec,) = [seen.recorded for address, seen in shop.things.items() if address.name == service]
    return spec["image"]


def test_a_lock_is_short_sorted_and_the_same_each_time(shop: Shop) -> None:
    done = lock(shop.session())
    assert (done.added, done.changed, done.dropped) == ((NGINX, POSTGRES), (), ())
    assert written(shop).splitlines() == [
        "# Which content each image has. Written by `stackup lock`; check it in.",
        "format: 1",
        "images:",
        "  nginx:latest:",
        f"    digest: {digest('nginx')}",
        "    images:",
        f"      {platform_of('')}: {digest('id of nginx')}",
        "  postgres:16:",
        f"    digest: {digest('postgres:16')}",
        "    images:",
        f"      {platform_of('')}: {digest('id of postgres:16')}",
    ]
    assert not lock(shop.session()).wrote


def test_up_runs_what_is_locked_and_plan_is_empty_then(shop: Shop) -> None:
    lock(shop.session())
    assert up(shop.session(), UpOptions()).ok
    assert image_of(shop, "web") == f"id-of-docker.io/library/nginx:latest@{digest('nginx')}"
    assert plan(shop.session(), UpOptions()).empty
    assert plan(shop.session(locked=True), UpOptions()).empty


def test_a_lock_that_changes_is_a_change_of_the_stack(shop: Shop) -> None:
    up(shop.session(), UpOptions())
    assert plan(shop.session(), UpOptions()).empty
    lock(shop.session())
    made = text(plan(shop.session(), UpOptions()))
    assert "container/web#1" in made
    assert "container/db#1" in made


def test_without_a_lock_nothing_can_be_locked(shop: Shop) -> None:
    with pytest.raises(UsageError, match=r"there is no \"stackup.lock\""):
        up(shop.session(locked=True), UpOptions())
    with pytest.raises(StackInvalid):
        check(shop.session())
    assert not shop.things


def test_what_is_not_locked_is_a_warning_and_with_locked_an_error_with_its_line(shop: Shop) -> None:
    lock(shop.session())
    check(shop.session())
    shop.write(SHOP.replace("image: nginx", "image: caddy:2"))
    for refused in (
        lambda: check(shop.session()),
        lambda: up(shop.session(locked=True), UpOptions()),
        lambda: pull(shop.session(locked=True), PullOptions()),
    ):
        with pytest.raises(StackInvalid) as caught:
            refused()
        (row,) = [row for row in caught.value.rows if row["severity"] == "error"]
        assert (row["code"], row["span"]["source"], row["span"]["line"]) == ("SU110", "stack.yaml", 8)
        assert '"caddy:2"' in row["detail"]
    assert not shop.things
    assert up(shop.session(), UpOptions()).ok
    assert [row["code"] for row in shop.warnings] == ["SU110"]


def test_locking_again_adds_and_drops_and_leaves_the_rest(shop: Shop) -> None:
    lock(shop.session())
    kept = written(shop).replace(digest("postgres:16"), digest("older"))
    (shop.folder / "stackup.lock").write_text(kept)
    shop.write(SHOP.replace("image: nginx", "image: caddy:2"))
    done = lock(shop.session())
    assert (done.added, done.changed, done.dropped) == (("docker.io/library/caddy:2",), (), (NGINX,))
    assert digest("older") in written(shop)


def test_upgrading_takes_what_names_mean_now_of_those_who_are_named(shop: Shop) -> None:
    lock(shop.session())
    old = written(shop).replace(digest("nginx"), digest("n")).replace(digest("postgres:16"), digest("p"))
    (shop.folder / "stackup.lock").write_text(old)
    assert [(one.image, one.services, one.at) for one in moved(shop.session(), ask=False)] == [
        ("postgres:16", ("db",), "here"),
        ("nginx", ("web",), "here"),
    ]
    assert lock(shop.session(), ("db",)).changed == (POSTGRES,)
    assert [one.image for one in moved(shop.session(), ask=False)] == ["nginx"]
    assert moved(shop.session(), ask=False)[0].place == "stack.yaml:8"
    assert lock(shop.session(), ()).changed == (NGINX,)
    assert moved(shop.session(), ask=True) == []
    with pytest.raises(UsageError, match="no such service"):
        lock(shop.session(), ("nobody",))


def test_services_of_every_profile_are_locked(shop: Shop) -> None:
    shop.write(SHOP.replace("image: nginx", "image: nginx\n    profiles: [front]"))
    assert lock(shop.session()).added == (NGINX, POSTGRES)


def test_image_mounts_are_locked_and_images_with_a_digest_are_not(shop: Shop) -> None:
    shop.write(
        "services:\n  web:\n    image: nginx@" + digest("x") + "\n"
        "    volumes: [{type: image, source: 'assets:1', target: /srv}]\n  own: {image: host, command: [sleep]}\n"
    )
    assert lock(shop.session()).added == ("docker.io/library/assets:1",)
    (shop.folder / "stackup.lock").write_text("format: 1\nimages:\n")
    with pytest.raises(StackInvalid) as caught:
        check(shop.session())
    assert [(row["span"]["line"], row["code"]) for row in caught.value.rows] == [(4, "SU110")]


def test_bases_of_builds_are_locked_and_what_is_built_is_not(shop: Shop) -> None:
    (shop.folder / "Dockerfile").write_text(
        "ARG VERSION=3\nFROM base:${VERSION} AS one\nFROM scratch\nCOPY --from=tools:2 /a /a\nCOPY --from=one /b /b\n"
    )
    shop.write("services:\n  web: {build: ., image: 'own:1'}\n  twin: {image: 'own:1'}\n")
    assert lock(shop.session()).added == ("docker.io/library/base:3", "docker.io/library/tools:2")
    (shop.folder / "stackup.lock").write_text("format: 1\nimages:\n")
    with pytest.raises(StackInvalid) as caught:
        check(shop.session())
    assert ["Dockerfile:2" in row["detail"] for row in caught.value.rows] == [True, False]
    assert all(row["span"]["line"] == 2 for row in caught.value.rows)


BUILT = "services:\n  web: {build: ., volumes: [{type: image, source: 'assets:1', target: /a}]}\n  twin: {image: shop-web}\n"


def hold_built(shop: Shop, service: str = "web") -> None:
    held = {NGINX: Content(digest("n")), "docker.io/library/assets:1": Content(digest("a"))}
    lockfile.write(str(shop.folder / "stackup.lock"), Locked(held, built={service: {platform_of(""): digest("built")}}))


def test_what_was_built_elsewhere_runs_without_its_sources_under_any_name_of_the_stack(shop: Shop) -> None:
    shop.write(BUILT)
    hold_built(shop)
    assert not (shop.folder / "Dockerfile").exists()
    assert up(shop.session(locked=True, stack_name="shop"), UpOptions()).ok
    assert image_of(shop, "web") == image_of(shop, "twin") == f"id-of-{digest('built')}"
    assert plan(shop.session(stack_name="shop"), UpOptions()).empty
    shop.events.clear()
    assert plan(shop.session(stack_name="shop"), UpOptions(build="all")).empty
    assert ['"web" is not built' in getattr(event, "text", "") for event in shop.events] == [True]
    made = plan(shop.session(stack_name="other"), UpOptions(services=("web",)))
    assert [item.desired.spec["image"] for item in made.changes if item.desired and item.address.name == "web"] == [
        f"id-of-{digest('built')}"
    ]


def test_building_what_came_built_is_said_to_be_in_vain(shop: Shop) -> None:
    shop.write(BUILT)
    hold_built(shop)
    for _ in range(2):
        shop.events.clear()
        assert build(shop.session(stack_name="shop"), BuildOptions(), lambda service, told: None) == []
        assert ['"web" is not built' in getattr(event, "text", "") for event in shop.events] == [True]


def test_a_lock_keeps_what_came_built_until_it_is_upgraded(shop: Shop) -> None:
    shop.write(BUILT)
    hold_built(shop)
    assert lock(shop.session(stack_name="shop")).dropped == (NGINX,)
    assert check(shop.session(stack_name="shop")).dropped == ()
    with pytest.raises(StackupError, match="cannot read the Dockerfile"):
        lock(shop.session(stack_name="shop"), ("web",))
    assert "built" in written(shop)
    (shop.folder / "Dockerfile").write_text("FROM base:1\n")
    done = lock(shop.session(stack_name="shop"), ("web",))
    assert (done.added, done.dropped) == (("docker.io/library/base:1",), ("web",))
    assert "built" not in written(shop)
    shop.write("services: {web: {image: nginx}}")
    hold_built(shop, "gone")
    assert "gone" in check(shop.session(stack_name="shop")).dropped


def test_pinned_images_are_those_that_are_locked(shop: Shop) -> None:
    shop.write("services:\n  web: {image: nginx}\n  db: {image: 'own:1'}\n")
    held = {NGINX: Content(digest("n")), "docker.io/library/own:1": Content("", {platform_of(""): digest("o")})}
    lockfile.write(str(shop.folder / "stackup.lock"), Locked(held))
    assert images_of(shop.session(), ("web",)) == {"web": f"{NGINX}@{digest('n')}"}
    with pytest.raises(StackInvalid) as caught:
        images_of(shop.session(), ())
    assert ['"own:1"' in row["detail"] for row in caught.value.rows] == [True]


def test_the_lock_of_a_stack_from_elsewhere_lies_where_the_user_stands(shop: Shop) -> None:
    """And the one that its author checked in holds until then."""
    copy = Path(shop.layout.remote_dir) / "abc"
    copy.mkdir(parents=True)
    (copy / "stack.yaml").write_text("services: {web: {image: nginx}}\n")
    here = lambda: shop.session(files=(str(copy / "stack.yaml"),), project_directory="")  # noqa: E731
    lockfile.write(str(copy / "stackup.lock"), Locked({NGINX: Content(digest("n"))}))
    before = (copy / "stackup.lock").read_bytes()
    assert images_of(here(), ()) == {"web": f"{NGINX}@{digest('n')}"}
    assert [one.locked for one in moved(here(), ask=False)] == [digest("n")]
    done = lock(here(), ())
    assert (done.path, done.changed, done.wrote) == (str(shop.folder / "stackup.lock"), (NGINX,), True)
    assert images_of(here(), ()) == {"web": f"{NGINX}@{digest('nginx')}"}
    assert (copy / "stackup.lock").read_bytes() == before


def test_an_image_that_nobody_has_is_named_with_its_line(shop: Shop) -> None:
    shop.write(SHOP.replace("image: nginx", "image: missing-web"))
    with pytest.raises(StackInvalid) as caught:
        lock(shop.session())
    assert [(row["code"], row["span"]["line"]) for row in caught.value.rows] == [("SU109", 8)]
    assert not (shop.folder / "stackup.lock").exists()


def test_a_dry_run_writes_no_lock(shop: Shop) -> None:
    assert lock(shop.session(dry_run=True)).added
    assert not (shop.folder / "stackup.lock").exists()


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "format: 2\nimages: {}", "images: {}", "format: 1\nimages: []", "format: 1\nother: 1",
        "format: 1\nimages: {nginx: null}", "format: 1\nimages: {nginx: {}}", "format: 1\nimages: {host: {digest: x}}",
        "format: 1\nimages: {nginx: {digest: 5}}", "format: 1\nimages: {nginx: {images: {linux/amd64: 'sha256:a'}}}",
        f"format: 1\nimages: {{nginx: {{digest: '{digest('a')}', more: 1}}}}", "\0", "format: 1\n---\nformat: 1",
        f"format: 1\nimages: {{nginx: {{digest: '{digest('a')}'}}, 'nginx:latest': {{digest: '{digest('b')}'}}}}",
        "format: 1\nbuilt: []", "format: 1\nbuilt: {web: {}}", "format: 1\nbuilt: {web: {linux/amd64: 'sha256:a'}}",
        f"format: 1\nimages: {{'nginx@{digest('a')}': {{digest: '{digest('a')}'}}}}",
        f"format: 1\nimages: {{'../../x': {{digest: '{digest('a')}'}}}}",
        "<<<<<<< ours\nformat: 1\n=======\nformat: 1\n>>>>>>> theirs",
    ],
)  # fmt: skip
def test_a_lock_that_is_not_understood_is_refused(shop: Shop, content: str) -> None:
    (shop.folder / "stackup.lock").write_text(content)
    with pytest.raises(StackInvalid) as caught:
        up(shop.session(), UpOptions())
    assert all(row["span"]["source"] == "stackup.lock" for row in caught.value.rows if row["severity"] == "error")
    assert not shop.things


def test_a_lock_that_leads_to_a_device_is_refused(shop: Shop) -> None:
    (shop.folder / "stackup.lock").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="is not a file"):
        up(shop.session(), UpOptions())


def test_what_is_written_reads_back() -> None:
    content = Locked(
        {
            NGINX: Content(digest("a"), {"linux/amd64": digest("b")}),
            "localhost:5000/a/b__c:yes": Content("", {"linux/arm/v7": digest("c"), "linux/amd64": digest("d")}),
        }
    )
    problems = Diagnostics()
    assert lockfile.parsed(lockfile.text_of(content).encode(), "stackup.lock", problems) == content
    assert not problems.items
