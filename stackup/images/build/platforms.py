"""Platforms as builds spell them, `linux/arm64/v8`, and the ARGs that are there without being declared. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ALIASES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_KNOWN = frozenset(
    {"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64",
     "s390x", "wasm"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Platform:
    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def parse_platform(text: str, default: Platform) -> Platform:
    """`os/arch[/variant]`, or one of the two alone; raises ValueError."""
    parts = text.lower().split("/")
    if len(parts) > 3 or not all(part and part.replace("-", "").replace("_", "").isalnum() for part in parts):
        raise ValueError(f'"{text}" is not a platform such as linux/amd64')
    if len(parts) == 1 and parts[0] not in _KNOWN | _ALIASES.keys():
        return Platform(parts[0], default.architecture, default.variant)
    os = parts.pop(0) if len(parts) > 1 and parts[0] not in _KNOWN | _ALIASES.keys() else default.os
    architecture, variant = _ALIASES.get(parts[0], (parts[0], ""))
    variant = parts[1] if len(parts) > 1 else variant
    if (architecture, variant) in {("arm64", "v8"), ("amd64", "v1")}:
        variant = ""
    return Platform(os, architecture, variant)


def platform_args(target: Platform, build: Platform, stage: str) -> dict[str, str]:
    """What every build can ask for by name, without a default of its own."""
    return {
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "TARGETSTAGE": stage or "default",
    }


_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
PREDEFINED = frozenset({*_PROXIES, *map(str.upper, _PROXIES), "SOURCE_DATE_EPOCH"})
"""ARGs that may be given though no Dockerfile declares them."""


def proxies(args: Mapping[str, str]) -> dict[str, str]:
    """What every RUN gets on top of its own variables, in both spellings; no key counts it, no image keeps it."""
    given = {name.lower(): value for name, value in args.items() if name.lower() in _PROXIES}
    return {spelled: value for name, value in given.items() for spelled in (name, name.upper())}
