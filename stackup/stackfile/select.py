"""The part of a checked Stack that a run is about: enabled services, and the resources that they use."""

from __future__ import annotations

from collections.abc import Iterable

from stackup.stackfile.model.service import Service
from stackup.stackfile.model.stack import Stack


def chosen(stack: Stack, enabled: frozenset[str], *, everything: bool = False) -> Stack:
    """Services of other profiles left out, and, unless `everything` is asked for, what no service uses."""
    services = {name: service for name, service in stack.services.items() if name in enabled}
    left_out = {"services": services}
    if everything:
        return stack.model_copy(update=left_out)
    used = tuple(services.values())
    networks, volumes, secrets, configs = _networks(used), _volumes(used), _secrets(used), _configs(used)
    models = {name for service in used for name in service.models}
    return stack.model_copy(
        update=left_out
        | {
            "networks": {key: item for key, item in stack.networks.items() if key in networks},
            "volumes": {key: item for key, item in stack.volumes.items() if key in volumes},
            "secrets": {key: item for key, item in stack.secrets.items() if key in secrets},
            "configs": {key: item for key, item in stack.configs.items() if key in configs},
            "models": {key: item for key, item in stack.models.items() if key in models},
        }
    )


def closure(stack: Stack, names: Iterable[str]) -> frozenset[str]:
    """The services and all that they depend on, directly or through others."""
    found: set[str] = set()
    left = [name for name in names if name in stack.services]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [target for target in stack.services[name].depends_on if target in stack.services]
    return frozenset(found)


def _networks(services: tuple[Service, ...]) -> set[str]:
    return {name for service in services for name in service.networks}


def _volumes(services: tuple[Service, ...]) -> set[str]:
    return {
        mount.source for service in services for mount in service.volumes if mount.type == "volume" and mount.source
    }


def _secrets(services: tuple[Service, ...]) -> set[str]:
    built = {grant.source for service in services if service.build for grant in service.build.secrets}
    return built | {grant.source for service in services for grant in service.secrets}


def _configs(services: tuple[Service, ...]) -> set[str]:
    return {grant.source for service in services for grant in service.configs}
