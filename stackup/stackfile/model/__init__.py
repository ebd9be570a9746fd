"""The typed stack: pydantic models in the long form only, frozen, named as in the Compose Specification.

Other pieces import from here: `from stackup.stackfile.model import Stack, Service`. Attribute names are settled.
"""

from __future__ import annotations

from stackup.stackfile.model.devices import Blkio, BlockRate, BlockWeight, Device, DeviceRequest, ReservedDevice
from stackup.stackfile.model.foreign import (
    CredentialSpec,
    DiscreteResource,
    GenericResource,
    Model,
    ModelUse,
    Placement,
    Preference,
    Rollout,
)
from stackup.stackfile.model.mounts import (
    BindOptions,
    Config,
    Develop,
    EnvFile,
    Grant,
    Hook,
    ImageOptions,
    InitHook,
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
    "Blkio",
    "BlockRate",
    "BlockWeight",
    "Build",
    "Config",
    "CredentialSpec",
    "Dependency",
    "Deploy",
    "Develop",
    "Device",
    "DeviceRequest",
    "DiscreteResource",
    "EnvFile",
    "GenericResource",
    "Grant",
    "Healthcheck",
    "Hook",
    "ImageOptions",
    "InitHook",
    "Ipam",
    "Limits",
    "Logging",
    "Model",
    "ModelUse",
    "Mount",
    "Network",
    "Part",
    "Placement",
    "Pool",
    "Port",
    "Preference",
    "Provider",
    "Reservations",
    "ReservedDevice",
    "Resources",
    "RestartPolicy",
    "Rollout",
    "Secret",
    "Service",
    "Stack",
    "TmpfsOptions",
    "Ulimit",
    "Volume",
    "VolumeOptions",
    "Watch",
]
