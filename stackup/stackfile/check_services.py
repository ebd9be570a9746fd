"""Rules about what one service says of its build, its watch rules, and of numbers that have bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stackup.stackfile.document import Path
from stackup.stackfile.model.service import Service
from stackup.stackfile.view import View

_SERVICE = "service:"
RESERVED = "com.docker.compose."


def builds_are_sound(view: View) -> None:
    for name, service in view.services():
        build = service.build
        if build is None:
            continue
        home: Path = ("services", name, "build")
        if build.dockerfile and build.dockerfile_inline:
            _contradict(view, (*home, "dockerfile"), (*home, "dockerfile_inline"), name)
        if service.platform and build.platforms and service.platform not in build.platforms:
            _contradict(view, ("services", name, "platform"), (*home, "platforms"), name)
        for key, context in build.additional_contexts.items():
            target = context.removeprefix(_SERVICE)
            if target != context and target not in view.stack.services:
                _no_such_service(view, (*home, "additional_contexts", key), name, target)


def _contradict(view: View, one: Path, other: Path, service: str) -> None:
    view.error(
        "SU037",
        "two keys contradict each other",
        one,
        f'"{one[-1]}" and "build.{other[-1]}" of service "{service}" exclude each other',
        related=view.related("and here", *other),
        hint="keep one of them" if one[-1] == "dockerfile" else "build the platform that the service runs on",
    )


def _no_such_service(view: View, path: Path, service: str, target: str) -> None:
    known = view.stack.services
    view.error(
        "SU031",
        "a service depends on one that does not exist",
        path,
        f'the build of "{service}" takes "{target}" as a context',
        label="no such service",
        hint=view.meant(target, known, "services: " + ", ".join(known)),
    )


def values_are_within_bounds(view: View) -> None:
    for name, service in view.services():
        for path, message in _out_of_bounds(service):
            place: Path = ("services", name, *path)
            view.error("SU021", "a value is not valid", place, f"{'.'.join(map(str, place))}: {message}", label=message)


def _out_of_bounds(service: Service) -> Iterator[tuple[Path, str]]:
    """Paths below the service, and what is wrong there."""
    check = service.healthcheck
    if check and check.retries is not None and check.retries < 0:
        yield ("healthcheck", "retries"), "expected a count that is not negative"
    if service.oom_score_adj is not None and not -1000 <= service.oom_score_adj <= 1000:
        yield ("oom_score_adj",), "expected a number from -1000 to 1000"
    for index, watch in enumerate(service.develop.watch if service.develop else ()):
        if watch.action.startswith("sync") and not watch.target:
            yield ("develop", "watch", index), f'"{watch.action}" needs a target'


def labels_are_not_reserved(view: View) -> None:
    for name, service in view.services():
        for label in service.labels:
            if label.startswith(RESERVED):
                view.diagnostics.warning(
                    "SU045",
                    "a label is reserved",
                    detail=f'"{label}" of service "{name}"',
                    span=view.span("services", name, "labels", label),
                    hint="begin labels of your own with a name of your own",
                )


SERVICE_RULES: tuple[Callable[[View], None], ...] = (
    builds_are_sound,
    values_are_within_bounds,
    labels_are_not_reserved,
)
