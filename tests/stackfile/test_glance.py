"""What a glance sees in whole files, in half-written ones and in hostile ones."""

from __future__ import annotations

import pytest

from stackup.stackfile.glance import Glance

TEXT = """\
# services: {no: {}}
include:
  - part.yaml
  - path: [other.yaml, "https://far.example/x.yaml"]
x-common: &common
  services: {not: 1}
services:
  web:
    <<: *common
    image: nginx:1  # web: no
    profiles: [dev, "full"]
    environment:
      services: none
  'db-1':
    profiles:
      - dev
      - other
  "a b": {image: i}
  $(reboot): {image: i}
volumes:
  data:
"""


def test_services_profiles_and_includes_are_seen() -> None:
    seen = Glance(TEXT)
    assert seen.services == ["web", "db-1"]
    assert seen.profiles == ["dev", "full", "dev", "other"]
    assert seen.includes == ["part.yaml", "other.yaml", "https://far.example/x.yaml"]


@pytest.mark.parametrize("end", range(len(TEXT)))
def test_a_file_that_is_half_written_still_answers(end: int) -> None:
    assert set(Glance(TEXT[:end]).services) <= {"web", "db-1"} | {"db"}


WAYS = [
    "services: {web: {image: i}, db: {image: i}}",
    '{"services": {"web": {}, "db": {}}}',
    "services:\n  web:\n  db: {}\n",
]
WAYS += ['{\n "services": {\n  "web": {\n   "image": "i"\n  },\n  "db": {}\n }\n}\n']
WAYS += ["services:\n    web:\n        image: i\n    db:\n"]


@pytest.mark.parametrize("text", WAYS, ids=range(len(WAYS)))
def test_other_ways_to_write_it(text: str) -> None:
    assert Glance(text).services == ["web", "db"]


def test_a_hostile_file_costs_a_pass() -> None:
    assert Glance("services:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 300))).services == ["a"]
    assert Glance("services: [" * 5000).services == []
    assert len(Glance("services:\n" + "".join(f"  s{n}:\n" for n in range(50_000))).services) == 50_000
