"""The resolved stack with its images pinned to digests, from whoever knows them on this host. Never cached: images come
and go.
"""

from __future__ import annotations

from stackup.images.locked import Locked
from stackup.project.config import needed, texts
from stackup.project.lockfile import held
from stackup.project.problems import rows_of, tell
from stackup.project.resolve import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.engines.engine import Pins
    from stackup.project.session import Session
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.model import Stack

HOST = "host"
"""The machine itself has no digest."""


def pinned(session: Session, services: tuple[str, ...], without: frozenset[str]) -> dict[str, Any]:
    """As `config` gives it, every image by its digest. Raises StackInvalid with every image without one."""
    stack, images = _pinned(session, services, without)
    changed = {
        name: service.model_copy(update={"image": images[name]}) if name in images else service
        for name, service in stack.services.items()
    }
    return texts(stack.model_copy(update={"services": changed}), without)


def locked(session: Session, services: tuple[str, ...], without: frozenset[str]) -> dict[str, Any]:
    """A file of nothing but images by digest, to be given with -f behind the stack's own."""
    from stackup.stackfile.emit import to_yaml
    from stackup.stackfile.render import go_json

    stack, images = _pinned(session, services, without)
    data: Any = {"services": {name: _image(images.get(name)) for name in sorted(stack.services)}}
    return {"stack": data, "yaml": to_yaml(data), "json": go_json(data)}


def images_of(session: Session, services: tuple[str, ...]) -> dict[str, str]:
    """Service to image by digest. Raises StackInvalid with every image without one."""
    return _pinned(session, services, frozenset())[1]


def _image(reference: str | None) -> dict[str, str]:
    return {"image": reference} if reference else {}


def _pinned(session: Session, services: tuple[str, ...], without: frozenset[str]) -> tuple[Stack, dict[str, str]]:
    from stackup.diagnostics import Diagnostics

    loaded = load(session, services, all_resources=False, without=without)
    stack = needed(loaded, services, all_resources=False)
    images = _images(stack, session.host.pins(), held(session, loaded)[1] or Locked())
    problems = Diagnostics()
    for name, image in images.items():
        if image is None:
            _not_known(problems, loaded, name, str(stack.services[name].image))
    tell(session, rows_of((*loaded.diagnostics, *problems), loaded.sources))
    return stack, {name: image for name, image in images.items() if image}


def _images(stack: Stack, pins: Pins, locked: Locked) -> dict[str, str | None]:
    wanted = {name: service.image for name, service in sorted(stack.services.items())}
    return {name: _digest(image, pins, locked) for name, image in wanted.items() if image and image != HOST}


def _digest(image: str, pins: Pins, locked: Locked) -> str | None:
    """As it is locked; what is locked to an image that no registry knows has none, whatever its name means there."""
    if locked.content(image) is None:
        return pins.pinned(image)
    pin = locked.pinned(image)
    return pin if pin and "@" in pin else None


def _not_known(problems: Any, loaded: Loaded, service: str, image: str) -> None:
    problems.error(
        "SU103",
        "an image is not on this machine",
        detail=f'no digest of image "{image}" of service "{service}" is known here',
        span=loaded.origins.get(("services", service, "image")),
        label="no digest is known",
        hint="write it as NAME@sha256:..., or bring the image to this machine first",
    )
