"""Which images a stack rests on that may mean something else tomorrow, and where it says so.

What a stack itself builds is not among them, since its inputs say what it is; what it is built *on* is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stackup.engines.desire.builds import build_form, own_names
from stackup.errors import UsageError
from stackup.images.build import outline
from stackup.images.build.request import Request, Unbuildable
from stackup.images.locked import movable
from stackup.project.lockfile import as_typed
from stackup.project.resolve import facts_of
from stackup.reconcile.diff import origin_of

if TYPE_CHECKING:
    from stackup.diagnostics import Span
    from stackup.project.session import Session
    from stackup.stackfile.load import Loaded
    from stackup.stackfile.model import Stack


@dataclass(frozen=True, slots=True)
class Use:
    """An image that a service needs: `where` it says so in the stack file, `place` in its Dockerfile."""

    service: str
    image: str
    platform: str
    where: Span | None
    place: str = ""

    @property
    def name(self) -> str:
        """In full."""
        return str(movable(self.image))

    @property
    def said(self) -> str:
        return f'the base "{self.image}" ({self.place})' if self.place else f'the image "{self.image}"'


def uses(session: Session, loaded: Loaded, services: Iterable[str]) -> Iterator[Use]:
    """Of some services, in the order of the file. Raises StackupError for a Dockerfile that cannot be read."""
    stack = loaded.stack
    assert stack is not None, "load() has seen to it"
    own = own_names(stack)
    for name in services:
        for use in _of_service(session, loaded, stack, name):
            reference = movable(use.image)
            if reference is not None and str(reference) not in own:
                yield use


def _of_service(session: Session, loaded: Loaded, stack: Stack, name: str) -> Iterator[Use]:
    service, platform = stack.services[name], stack.services[name].platform or ""
    if service.build:
        yield from _bases(session, loaded, name, _span(loaded, name, "build"))
    elif service.image:
        yield Use(name, service.image, platform, _span(loaded, name, "image"))
    for number, mount in enumerate(service.volumes):
        if mount.type == "image" and mount.source:
            yield Use(name, mount.source, platform, _span(loaded, name, "volumes", number))
    for number, hook in enumerate(service.pre_start):
        if hook.image:
            yield Use(name, hook.image, platform, _span(loaded, name, "pre_start", number, "image"))


def _bases(session: Session, loaded: Loaded, name: str, span: Span | None) -> Iterator[Use]:
    assert loaded.stack is not None, "load() has seen to it"
    form: Any = build_form(loaded.stack, name, facts_of(session, loaded), loaded.directory)
    text, source = session.host.builder().dockerfile(form)
    said = {key: form[key] for key in ("context", "args", "target", "contexts")}
    request = Request(dockerfile=text, source=source, **said)
    try:
        for image, platform, place in outline.named(request):
            yield Use(name, image, platform, span, f"{as_typed(session, place.source)}:{place.line}")
    except Unbuildable as problem:
        what = f'the bases of "{name}" are not known: {problem.message}'
        raise UsageError(what, subject=name, hint=problem.hint or "see: stackup build --check") from problem


def _span(loaded: Loaded, name: str, *path: str | int) -> Span | None:
    return origin_of(loaded.origins, ("services", name, *path))


def services_of(loaded: Loaded) -> tuple[str, ...]:
    assert loaded.stack is not None, "load() has seen to it"
    return tuple(loaded.stack.services)
