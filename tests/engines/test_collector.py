"""What becomes of a container's output, as its record says: files, packed or not, and what a collector is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin import collector, describe
from stackup.errors import HostError


def claim(driver: str, **options: str) -> Any:
    return {
        "instance": "0123456789abcdef",
        "spec": {
            "name": "shop-web-1",
            "image": "sha256:" + "ab" * 32,
            "image_name": "shop/web:1",
            "labels": {"team": "blue", "com.shop/tier": "front", "other": "x"},
            "log": {"driver": driver, "options": options},
        },
        "given": {
            "image": {"Labels": {"team": "of the image", "built": "today"}},
            "process": {"argv": ["serve", "-v"], "env": {"COLOUR": "red", "DB_HOST": "db", "DB_PORT": "1"}},
        },
    }


@pytest.mark.parametrize(
    ("driver", "options", "packed"),
    [("json-file", {}, False), ("json-file", {"compress": "true"}, True), ("local", {}, True), ("local", {"compress": "false"}, False)],
)  # fmt: skip
def test_older_files_are_packed_where_docker_packs_them(driver: str, options: dict[str, str], packed: bool) -> None:
    assert describe.log(claim(driver, **options)).get("compress") is packed


def test_nothing_said_is_bounded_all_the_same() -> None:
    log = describe.log(claim("json-file"))
    assert (log["max_size"], log["max_file"]) == (16 << 20, 3)
    assert "collector" not in log


def syslog(**options: str) -> dict[str, Any]:
    options = {"syslog-address": "udp://127.0.0.1:5140", **options}
    return dict(describe.log(claim("syslog", **options))["collector"])


def test_a_collectors_files_have_bounds_by_names_of_their_own() -> None:
    options = {"syslog-address": "tcp://127.0.0.1:1", "cache-max-size": "1m", "cache-max-file": "7", "max-size": "9m"}
    log = describe.log(claim("syslog", **options))
    assert (log["max_size"], log["max_file"]) == (1 << 20, 7)


def test_a_syslog_is_where_and_what_the_file_says() -> None:
    plain = syslog()
    assert (plain["kind"], plain["address"], plain["format"]) == ("udp", ["127.0.0.1", 5140], "rfc3164")
    assert (plain["facility"], plain["tag"], plain["host"]) == (3, "0123456789ab", "")
    said = syslog(**{"syslog-format": "rfc5424", "syslog-facility": "local3", "tag": "{{.Name}}/{{ .ImageID }}"})
    assert (said["format"], said["facility"], said["tag"]) == ("rfc5424", 19, "shop-web-1/" + "ab" * 6)
    assert said["host"] != ""


def test_a_name_that_nobody_knows_is_said_with_the_way_out() -> None:
    with pytest.raises(HostError, match='"shop-web-1" is to log to syslog at nobody.invalid') as caught:
        syslog(**{"syslog-address": "udp://nobody.invalid"})
    assert "udp://192.0.2.1:514" in caught.value.hint


def test_the_journal_gets_the_labels_and_variables_that_were_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "socket").touch()
    monkeypatch.setattr(collector, "JOURNAL", str(tmp_path / "socket"))
    options = {"labels": "team,built", "labels-regex": "^com[.]", "env": "COLOUR", "env-regex": "^DB_"}
    fields = describe.log(claim("journald", **options))["collector"]["fields"]
    ours = {
        "TEAM": "blue",
        "BUILT": "today",
        "COM_SHOP_TIER": "front",
        "COLOUR": "red",
        "DB_HOST": "db",
        "DB_PORT": "1",
    }
    assert ours.items() <= fields.items()
    assert not {"OTHER"} & fields.keys()
    assert (fields["CONTAINER_NAME"], fields["IMAGE_NAME"]) == ("shop-web-1", "shop/web:1")
