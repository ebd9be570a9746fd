"""A lock must hold what it was written for, change only when it is asked to, and be read as strictly as it is believed."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from stackup.diagnostics import Diagnostics
from stackup.errors import StackInvalid, UsageError
from stackup.images.locked import Content, Locked, platform_of
from stackup.project import lockfile
from stackup.project.held import moved
from stackup.project.lock import check, lock
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
