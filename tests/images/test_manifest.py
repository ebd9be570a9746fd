"""Image configurations: read, written back, and refused with the field's name."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackup.images.manifest import Healthcheck, Image, ImageConfig, parse_image
from stackup.images.refusal import ManifestInvalid
from stackup.values import Digest

FULL = ImageConfig(
    env=("PATH=/bin", "EMPTY="), cmd=("a", "b"), entrypoint=("/init",), user="1000:1000", workdir="/srv", labels={"k": "v"},
    volumes=("/data", "/logs"), exposed=("53/udp", "80/tcp"), stop_signal="SIGINT",
    healthcheck=Healthcheck(("CMD", "true"), interval_ns=5 * 10**9, retries=3),
)  # fmt: skip
DIFF_ID = Digest.parse("sha256:" + "0" * 64)


def text(**config: object) -> str:
    return json.dumps(
        {"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": []}}
    )


def test_a_configuration_survives_the_round_trip() -> None:
    assert ImageConfig.from_data(json.loads(json.dumps(FULL.to_data()))) == FULL
    assert ImageConfig.from_data(ImageConfig().to_data()) == ImageConfig()


def test_no_command_and_an_empty_command_are_told_apart() -> None:
    assert ImageConfig.from_data(ImageConfig(cmd=()).to_data()).cmd == ()
    assert ImageConfig.from_data({}).cmd is None


def test_an_image_survives_the_round_trip_and_has_one_text() -> None:
    image = Image(FULL, (DIFF_ID,), "arm64", variant="v8")
    assert parse_image(image.to_text()) == image
    assert image.to_text() == parse_image(image.to_text()).to_text()


def test_nulls_and_unknown_fields_are_as_if_absent() -> None:
    found = parse_image(text(Env=None, Cmd=None, Labels=None, Healthcheck=None, Domainname="x", ArgsEscaped=True))
    assert found.config == ImageConfig()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Env", "A=1"), ("Env", [1]), ("Env", ["=x"]), ("Cmd", "sh"), ("Entrypoint", {}), ("User", 0), ("WorkingDir", []), ("Labels", {"a": 1}),
        ("Volumes", ["/x"]), ("ExposedPorts", "80"), ("StopSignal", 9), ("Healthcheck", []), ("Cmd", ["a\0b"]),
    ],
)  # fmt: skip
def test_a_field_of_the_wrong_shape_is_named(field: str, value: object) -> None:
    with pytest.raises(ManifestInvalid, match=field):
        parse_image(text(**{field: value}))


@pytest.mark.parametrize("number", [-1, 1.5, True, "3", 2**63])
def test_health_numbers_are_whole_and_not_negative(number: object) -> None:
    with pytest.raises(ManifestInvalid, match="Retries"):
        parse_image(text(Healthcheck={"Test": ["NONE"], "Retries": number}))


@pytest.mark.parametrize(
    "broken", ["", "[]", "{", "{}", '{"rootfs": {"type": "layers", "diff_ids": ["sha256:12"]}}', "[" * 100_000]
)
def test_what_is_no_image_configuration_is_refused(broken: str) -> None:
    with pytest.raises(ManifestInvalid):
        parse_image(broken)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Test", "Retries", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(["Env", "Cmd", "User", "Labels", "Volumes", "ExposedPorts", "Healthcheck"]), JSON)
)
def test_any_json_is_a_configuration_or_refused(config: dict[str, object]) -> None:
    try:
        found = parse_image(text(**config)).config
    except ManifestInvalid:
        return
    assert ImageConfig.from_data(found.to_data()) == found
