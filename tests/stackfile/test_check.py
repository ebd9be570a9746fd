"""What the rules say beside the place: related places and the remedy. The places themselves are in the case files."""

from __future__ import annotations

import pytest

from tests.stackfile.tree import loaded


@pytest.mark.parametrize(
    ("text", "code", "hint", "related"),
    [
        (
            "services:\n  web: {image: i, depends_on: [db]}\n  db: {image: i, profiles: [dev]}\n",
            "SU014",
            "run with --profile dev, or write `required: false`",
            ["compose.yaml:3:3"],
        ),
        ("services:\n  web: {image: i, imag: j}\n", "SU020", 'did you mean "image"?', []),
        (
            "services: {a: {image: i}}\nweb: {image: i}\n",
            "SU020",
            '"web" looks like a service: indent it under "services:"',
            [],
        ),
        ("services: {a: {image: i, zzz: 1}}\n", "SU020", "keys of your own start with x-", []),
        ("services: {a: {image: i, networks: [frnt]}}\nnetworks: {front: }\n", "SU030", 'did you mean "front"?', []),
        (
            "services: {a: {image: i, volumes: ['data:/x']}}\n",
            "SU030",
            'add "data" under "volumes:" at the top of the file',
            [],
        ),
        ("services: {web: {image: i}, b: {image: i, depends_on: [wbe]}}\n", "SU031", 'did you mean "web"?', []),
        (
            "services:\n  a: {image: i, ports: ['80:1']}\n  b: {image: i, ports: ['80:2']}\n",
            "SU033",
            "publish one of them on another port or address",
            ["compose.yaml:2:25"],
        ),
        (
            "services:\n  a: {image: i, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}\n",
            "SU037",
            "keep one of them",
            ["compose.yaml:2:70"],
        ),
        (
            "services: {web: {image: i, ports: ['x']}}\n",
            "SU025",
            "write [address:][host:]container[/protocol], and quote it",
            [],
        ),
    ],
)
def test_an_error_comes_with_its_remedy(text: str, code: str, hint: str, related: list[str]) -> None:
    (item,) = loaded(text).diagnostics
    assert (item.code, item.hint) == (code, hint)
    assert [str(other.span) for other in item.related] == related


def test_summaries_hold_nothing_of_the_user_s() -> None:
    text = "services: {zebra: {image: i, depends_on: [zebra2], networks: [zebra3], zebra4: 1, ports: [zebra5]}}\n"
    done = loaded(text)
    assert len(done.diagnostics) == 4
    assert not any("zebra" in item.summary for item in done.diagnostics)


def test_a_circle_through_a_namespace_counts() -> None:
    text = "services: {a: {image: i, pid: 'service:b'}, b: {image: i, depends_on: [a]}}\n"
    (item,) = loaded(text).diagnostics
    assert (item.code, item.detail) == ("SU032", "a -> b -> a")


def test_static_ports_of_replicas_may_be_ranges() -> None:
    assert loaded("services: {a: {image: i, scale: 2, ports: ['8000-8010:80', '81']}}\n").diagnostics == ()
