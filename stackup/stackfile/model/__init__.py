"""The typed stack: pydantic models in the long form only, frozen, named as in the Compose Specification.

Other pieces import from here: `from stackup.stackfile.model import Stack, Service`. Attribute names are settled.
"""

from __future__ import annotations

from stackup.stackfile.model.mounts import (
    BindOptions,
    Config,
    Develop,
    Device,
    EnvFile,
    Grant,
    Hook,
    ImageOptions,
    Mount,
    Secret,
    TmpfsOptions,
    Volume,
    VolumeOptions,
    Watch,
)
from stackup.stackfile.model.network import (
    Attachment,
    Dependency,
    Healthcheck,
    Ipam,
    Logging,
    Network,
    Pool,
    Port,
    Provider,
)
from stackup.stackfile.model.part import Part
from stackup.stackfile.model.resources import (
    Build,
    Deploy,
    Limits,
    Reservations,
    Resources,
    RestartPolicy,
    Ulimit,
)
from stackup.stackfile.model.service import Service
from stackup.stackfile.model.stack import Stack

__all__ = [
    "Attachment",
    "BindOptions",
    "Build",
    "Config",
    "Dependency",
    "Deploy",
    "Develop",
    "Device",
    "EnvFile",
    "Grant",
    "Healthcheck",
    "Hook",
    "ImageOptions",
    "Ipam",
    "Limits",
    "Logging",
    "Mount",
    "Network",
    "Part",
    "Pool",
    "Port",
    "Provider",
    "Reservations",
    "Resources",
    "RestartPolicy",
    "Secret",
    "Service",
    "Stack",
    "TmpfsOptions",
    "Ulimit",
    "Volume",
    "VolumeOptions",
    "Watch",
]
