from __future__ import annotations

from pathlib import Path

import pytest

from stackup.errors import StackInvalid, UsageError
from stackup.project.resolve import cached, identify, resolve, stack_name
from stackup.project.steady import steady
from stackup.project.up import UpOptions, up
from tests.project.shop import SHOP, Shop


def test_the_second_time_the_cache_answers_with_the_same_stack(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    first = resolve(shop.session())
    again = cached(shop.session())
    assert again is not None
    assert again.desired == first.desired
    assert (again.name, again.services, again.pairs) == ("shop", ["db", "web"], first.pairs)


def test_an_edited_file_is_loaded_anew(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    resolve(shop.session())
    shop.write(SHOP.replace("512m", "768m"))
    assert cached(shop.session()) is None
    web = next(item for item in resolve(shop.session()).desired if item.address.name == "web")
    assert web.spec["limits"]["memory"] == 768 << 20  # type: ignore[index,call-overload]


def test_a_secret_from_a_variable_is_an_input(tmp_path: Path) -> None:
    text = SHOP + "secrets: {key: {environment: KEY}}\n"
    text = text.replace("    image: nginx\n", "    image: nginx\n    secrets: [key]\n")
    shop = Shop(tmp_path, text, {"KEY": "one"})
    resolve(shop.session())
    assert cached(shop.session()) is not None
    shop.environ["KEY"] = "two"
    assert cached(shop.session()) is None


def test_a_broken_file_is_told_with_all_its_problems_and_sources(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SHOP.replace("nginx", "nginx\n    imagge: x").replace("512m", "lots"))
    with pytest.raises(StackInvalid) as caught:
        resolve(shop.session())
    assert len(caught.value.rows) >= 2
    assert any("imagge" in row["span"]["text"] for row in caught.value.rows)


def test_an_image_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SHOP.replace("image: nginx", "image: missing/nginx"))
    with pytest.raises(StackInvalid) as caught:
        resolve(shop.session())
    span = caught.value.rows[-1]["span"]
    assert (span["source"], span["line"]) == ("stack.yaml", 8)
    assert identify(shop.session()).name == "shop"  # who it is does not need the image


def test_a_stack_can_be_named_where_there_is_no_file(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    (tmp_path / "stack.yaml").unlink()
    found = identify(shop.session(stack_name="shop"))
    assert (found.name, found.known) == ("shop", None)
    shop.environ["COMPOSE_PROJECT_NAME"] = "other"
    assert stack_name(shop.session()) == "other"
    del shop.environ["COMPOSE_PROJECT_NAME"]
    with pytest.raises(UsageError):
        identify(shop.session())


def test_a_service_of_another_profile_can_be_named(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write(SHOP.replace("  web:\n", "  debug: {image: busybox, profiles: [dev]}\n  web:\n"))
    assert resolve(shop.session()).disabled == ["debug"]
    assert "debug" in resolve(shop.session(), ("debug",)).services
    with pytest.raises(UsageError, match="no such service: debgu") as caught:
        resolve(shop.session(), ("debgu",))
    assert caught.value.hint == 'did you mean "debug"?'


def test_steady_is_certain_only_when_file_and_host_agree(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert steady(shop.session()) is None
    assert up(shop.session(), UpOptions()).ok
    found = steady(shop.session())
    assert found is not None
    assert found.name == "shop"
    shop.write(SHOP.replace("512m", "768m"))
    assert steady(shop.session()) is None


def test_a_dry_run_writes_no_cache(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    resolve(shop.session(dry_run=True))
    assert not (tmp_path / "state").exists()
