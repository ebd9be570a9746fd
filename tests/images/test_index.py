"""Manifests and indexes: one text, one meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackup.errors import UsageError
from stackup.images.index import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    Platform,
    parse,
)
from stackup.images.refusal import ManifestInvalid

DIGEST = "sha256:" + "a" * 64
CONFIG = {"mediaType": OCI_CONFIG, "digest": DIGEST, "size": 10}
LAYER = {"mediaType": OCI_LAYER, "digest": DIGEST, "size": 20}
MANIFEST = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER]}
ENTRY = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 30, "platform": {"os": "linux", "architecture": "amd64"}}
INDEX = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [ENTRY]}


def text(data: object, **changes: object) -> bytes:
    return json.dumps({**data, **changes} if isinstance(data, dict) else data).encode()


def test_what_is_written_is_read_again() -> None:
    manifest = Manifest(Descriptor(OCI_CONFIG, DIGEST, 10), (Descriptor(OCI_LAYER, DIGEST, 20),))
    assert parse(manifest.to_text(), OCI_MANIFEST) == manifest


def test_both_families_are_read() -> None:
    docker = {**CONFIG, "mediaType": DOCKER_CONFIG}
    assert isinstance(parse(text(MANIFEST, mediaType=DOCKER_MANIFEST, config=docker), DOCKER_MANIFEST), Manifest)
    assert isinstance(parse(text(INDEX, mediaType=DOCKER_INDEX), f"{DOCKER_INDEX}; charset=utf-8"), Index)
    without = {key: value for key, value in MANIFEST.items() if key != "mediaType"}
    assert isinstance(parse(text(without), OCI_MANIFEST), Manifest)
    assert isinstance(parse(text(MANIFEST), "application/json"), Manifest)


@pytest.mark.parametrize(
    ("raw", "header"),
    [
        (text(MANIFEST), OCI_INDEX),
        (text(INDEX), OCI_MANIFEST),
        (text(MANIFEST, mediaType=DOCKER_MANIFEST), OCI_MANIFEST),
        (text(MANIFEST, manifests=[]), OCI_MANIFEST),
        (text(INDEX, layers=[]), OCI_INDEX),
        (text(INDEX, config=CONFIG), OCI_INDEX),
        (text(MANIFEST)[:-1] + b', "mediaType": "' + OCI_INDEX.encode() + b'"}', OCI_MANIFEST),
        (text(MANIFEST, mediaType=7), OCI_MANIFEST),
        (text(MANIFEST, mediaType=""), "text/html"),
    ],
)
def test_t12_a_text_with_two_meanings_is_refused(raw: bytes, header: str) -> None:
    with pytest.raises(ManifestInvalid):
        parse(raw, header)


@pytest.mark.parametrize("header", ["application/vnd.docker.distribution.manifest.v1+prettyjws", ""])
def test_the_first_schema_is_refused_by_name(header: str) -> None:
    with pytest.raises(ManifestInvalid, match="first manifest schema"):
        parse(b'{"schemaVersion": 1, "fsLayers": []}', header)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"[" * 100_000, b"\xff\xfe{\0}\0", b" " * (5 << 20),
        text(MANIFEST, schemaVersion=3), text(MANIFEST, layers={}), text(MANIFEST, layers=[7]),
        text(MANIFEST, layers=[LAYER] * 600), text(MANIFEST, config=None),
        text(MANIFEST, config={**CONFIG, "mediaType": "application/vnd.cncf.helm.config.v1+json"}),
        text(MANIFEST, config={**CONFIG, "size": 1 << 40}),
        text(MANIFEST, layers=[{**LAYER, "digest": "sha256:../../etc/passwd"}]),
        text(MANIFEST, layers=[{**LAYER, "size": -1}]), text(MANIFEST, layers=[{**LAYER, "size": True}]),
        text(MANIFEST, layers=[{**LAYER, "mediaType": None}]),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_is_not_sound_is_refused(raw: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        parse(raw, OCI_MANIFEST)


def test_a_hostile_platform_is_no_platform() -> None:
    raw = text(
        INDEX, manifests=[{**ENTRY, "platform": {"os": ["x"], "architecture": 7}}, {**ENTRY, "platform": "linux"}]
    )
    assert [item.platform for item in parse(raw, OCI_INDEX).manifests] == [Platform("", ""), None]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("here", "there", "fits"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64", "linux/arm64", False),
        ("linux/amd64", "windows/amd64", False),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm/v7", "linux/arm/v6", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/amd64", "linux/amd64/v3", False),
        ("x86_64", "linux/amd64", True),
    ],
)
def test_platforms_fit(here: str, there: str, fits: bool) -> None:
    assert bool(Platform.parse(here).fit(Platform.parse(there))) is fits


def test_the_newest_variant_that_runs_is_chosen() -> None:
    variants = tuple(
        Descriptor(OCI_MANIFEST, variant, 1, Platform("linux", "arm", variant)) for variant in ("v5", "v7", "v6")
    )
    assert Index(variants).choose(Platform.parse("linux/arm/v7"), "x").digest == "v7"
    assert Index(variants).choose(Platform.parse("linux/arm/v6"), "x").digest == "v6"


@pytest.mark.parametrize("wrong", ["", "/", "linux/", "linux/amd64/v2/x", "linux/a b", "linux/..", "lin\0ux/amd64"])
def test_what_is_no_platform_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        Platform.parse(wrong)


KEYS = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size", "platform", "os"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.sampled_from([OCI_MANIFEST, OCI_INDEX, OCI_CONFIG, DIGEST]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(
    st.sampled_from([MANIFEST, INDEX]),
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.sampled_from([OCI_MANIFEST, OCI_INDEX, ""]),
)
def test_whatever_comes_is_read_or_refused(base: dict[str, object], changes: dict[str, object], header: str) -> None:
    try:
        found = parse(text(base, **changes), header)
    except ManifestInvalid:
        return
    assert isinstance(found, (Manifest, Index))
