"""An image's own description: what it runs and as whom, read from the OCI image configuration and written back.

Hand-written parsing with errors that name the field; unknown fields are left alone, since the store keeps the exact
text beside. The plain-data form is the specification's own spelling (`Env`, `Cmd`, ...), so there is only one.
Source: OCI image-spec v1.1, config.md; `Healthcheck` as Docker has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stackup.images.refusal import ManifestInvalid
from stackup.values import Data, Digest, Json


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """`test` is `("NONE",)`, `("CMD", ...)` or `("CMD-SHELL", text)`; times in nanoseconds, 0 means not said."""

    test: tuple[str, ...]
    interval_ns: int = 0
    timeout_ns: int = 0
    start_period_ns: int = 0
    start_interval_ns: int = 0
    retries: int = 0

    def to_data(self) -> Data:
        data: Data = {"Test": list(self.test)}
        for key, name in _HEALTH_NUMBERS.items():
            if value := getattr(self, name):
                data[key] = value
        return data

    @classmethod
    def from_data(cls, data: Data) -> Healthcheck:
        numbers = {name: _number(data, key) for key, name in _HEALTH_NUMBERS.items()}
        return cls(_strings(data, "Test") or (), **numbers)


_HEALTH_NUMBERS = {
    "Interval": "interval_ns",
    "Timeout": "timeout_ns",
    "StartPeriod": "start_period_ns",
    "StartInterval": "start_interval_ns",
    "Retries": "retries",
}


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What a container gets from its image unless the stack says otherwise. `None` means the image does not say."""

    env: tuple[str, ...] = ()
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    user: str = ""
    workdir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    """`80/tcp`, sorted."""
    stop_signal: str = ""
    healthcheck: Healthcheck | None = None
    shell: tuple[str, ...] | None = None
    """What the shell form of commands is run by; for builds on top of this image."""
    on_build: tuple[str, ...] = ()
    """Instructions for such builds, as text."""

    def to_data(self) -> Data:
        """The `config` object of the specification, without what is empty."""
        data: Data = {
            "User": self.user,
            "ExposedPorts": {port: {} for port in self.exposed},
            "Env": list(self.env),
            "Entrypoint": list(self.entrypoint) if self.entrypoint is not None else None,
            "Cmd": list(self.cmd) if self.cmd is not None else None,
            "Volumes": {volume: {} for volume in self.volumes},
            "WorkingDir": self.workdir,
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
            "Healthcheck": self.healthcheck.to_data() if self.healthcheck else None,
            "Shell": list(self.shell) if self.shell else None,
            "OnBuild": list(self.on_build),
        }
        return {key: value for key, value in data.items() if value or (key in {"Cmd", "Entrypoint"} and value == [])}

    @classmethod
    def from_data(cls, data: Data) -> ImageConfig:
        """Raises ManifestInvalid naming the field."""
        health = _mapping(data, "Healthcheck")
        return cls(
            env=_environment(_strings(data, "Env") or ()),
            cmd=_strings(data, "Cmd"),
            entrypoint=_strings(data, "Entrypoint"),
            user=_string(data, "User"),
            workdir=_string(data, "WorkingDir"),
            labels={key: _label(key, value) for key, value in _mapping(data, "Labels").items()},
            volumes=tuple(sorted(_mapping(data, "Volumes"))),
            exposed=tuple(sorted(_mapping(data, "ExposedPorts"))),
            stop_signal=_string(data, "StopSignal"),
            healthcheck=Healthcheck.from_data(health) if health.get("Test") else None,
            shell=_strings(data, "Shell"),
            on_build=_strings(data, "OnBuild") or (),
        )


@dataclass(frozen=True, slots=True)
class Image:
    """A whole image configuration; its id is the sha256 of its exact text."""

    config: ImageConfig
    diff_ids: tuple[Digest, ...]
    """The bottom layer first."""
    architecture: str
    os: str = "linux"
    variant: str = ""

    def to_text(self) -> str:
        """Canonical JSON: the same image has the same text, hence the same id."""
        data: Data = {
            "architecture": self.architecture,
            "os": self.os,
            "config": self.config.to_data(),
            "rootfs": {"type": "layers", "diff_ids": [str(digest) for digest in self.diff_ids]},
        }
        if self.variant:
            data["variant"] = self.variant
        return json.dumps(data, sort_keys=True, separators=(",", ":"))


def parse_image(text: str) -> Image:
    """Raises ManifestInvalid when the text is not an image configuration."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid("an image configuration is not JSON") from error
    if not isinstance(data, dict):
        raise ManifestInvalid("an image configuration is not an object")
    rootfs = _mapping(data, "rootfs")
    if _string(rootfs, "type") != "layers":
        raise ManifestInvalid('an image\'s "rootfs" is not of type "layers"')
    try:
        diff_ids = tuple(Digest.parse(item) for item in _strings(rootfs, "diff_ids") or ())
    except ValueError as error:
        raise ManifestInvalid(f"an image's layer {error}") from error
    config = ImageConfig.from_data(_mapping(data, "config"))
    return Image(config, diff_ids, _string(data, "architecture"), _string(data, "os"), _string(data, "variant"))


def created_of(text: str) -> float:
    """When an image was made, in epoch seconds, by its configuration's text; 0 when it does not say."""
    try:
        return datetime.fromisoformat(str(json.loads(text).get("created"))).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _string(data: Data, key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise _wrong(key, "text")
    return value


def _strings(data: Data, key: str) -> tuple[str, ...] | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, list):
        raise _wrong(key, "a list of texts")
    found = tuple(item for item in value if isinstance(item, str) and "\0" not in item)
    if len(found) != len(value):
        raise _wrong(key, "a list of texts")
    return found


def _mapping(data: Data, key: str) -> dict[str, Json]:
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(key, "an object")
    return value


def _number(data: Data, key: str) -> int:
    value = data.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise _wrong(key, "a whole number, not negative")
    return value


def _label(key: str, value: Json) -> str:
    if not isinstance(value, str):
        raise _wrong(f"Labels.{key}", "text")
    return value


def _environment(entries: tuple[str, ...]) -> tuple[str, ...]:
    for entry in entries:
        if not entry.partition("=")[0]:
            raise ManifestInvalid(f'an image\'s "Env" has the nameless entry "{entry}"', subject="Env")
    return entries


def _wrong(key: str, expected: str) -> ManifestInvalid:
    return ManifestInvalid(f'an image\'s "{key}" is not {expected}', subject=key)
