"""Which images a stack's services run, and whether one must be fetched first: `image`, `pull_policy`, `platform`.

An image that is here is nobody's resource. One that is not is something to be made before the containers that need it:
its normal form says what was found at the registry, so that what comes is what the plan showed.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any

from stackup.engines.desire.builds import build_form, image_name, in_order
from stackup.engines.desire.facts import ABSENT, Context, ImageFact, Look
from stackup.errors import StackupError
from stackup.reconcile.resource import Desired, Need
from stackup.values import Address, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.diagnostics import Diagnostics, Span
    from stackup.stackfile.model import Service, Stack
    from stackup.values import Data, FieldPath

_AGES = {"always": 0.0, "daily": 86_400.0, "weekly": 7 * 86_400.0, "refresh": 86_400.0}
_UNASKED = f"{ABSENT}, and its registry cannot be asked"
FLAGS = ("always", "missing", "never", "policy", "build", "if_not_present")
"""What `--pull` may say; `policy` is what each service says itself."""


def look_of(service: Service, wished: str = "") -> Look:
    """`wished` is a command's `--pull`, before the file's own policy."""
    policy = (wished if wished not in ("", "policy", "build") else service.pull_policy) or "missing"
    age = _AGES.get(policy, inf)
    if policy == "refresh" and service.pull_refresh_after:
        age = parse_duration(service.pull_refresh_after) / 1e9
    elif policy.startswith("every_"):
        age = parse_duration(policy.removeprefix("every_")) / 1e9
    is_built = service.build is not None
    pulled = bool(service.image) and policy != "never" and not (is_built and policy == "build")
    return Look(age, ask=pulled, platform=service.platform or "", once=is_built)


def expect_images(stack: Stack, context: Context) -> None:
    """Those that are built are asked about in the order in which they are built, after registries that may have one:
    what can be pulled is not built, and what cannot is. Source: the compose specification, "Using build and image".
    """
    services, wish = stack.services, context.wish
    names = {name: image_name(stack.name, name, service) for name, service in services.items()}
    buildable = in_order(services, tuple(services)) if wish.build != "none" else []
    makers = {names[name]: name for name in buildable}
    looks = {name: look_of(service, wish.pull) for name, service in services.items()}
    sought = {name for name in buildable if looks[name].ask and _may_be_pulled(services[name], context)}
    far = [name for name in services if name in sought or names[name] not in makers]
    context.facts.expect([(_held(context, names[name], looks[name]), looks[name]) for name in far])
    held: Data = {"locked": dict(wish.locked.all_pinned())} if wish.locked else {}
    for name in buildable:
        why = _vainly_sought(names[name], looks[name], context) if name in sought else ABSENT
        if why:
            form = build_form(stack, name, context.facts, context.directory) | held
            context.builds[name] = _because(_built(name, form, context), why)
    for name, service in services.items():
        if service.build is None and makers.get(names[name]) in context.builds:
            context.builds[name] = context.builds[makers[names[name]]]


def _built(name: str, form: Data, context: Context) -> ImageFact:
    try:
        return context.facts.built(form, anyway=context.wish.build == "all")
    except StackupError as error:
        if error.code == "unbuildable":
            raise  # with lines of its own
        _cannot_be_had(name, error, error.hint, context, ("build",))
        return ImageFact("")


def _may_be_pulled(service: Service, context: Context) -> bool:
    """What a lock holds is what an image is built from, unless the file wants the registry's own in so many words."""
    said = (service.pull_policy or "missing") not in ("missing", "if_not_present") or context.wish.pull
    return context.wish.build != "all" and (context.wish.locked is None or bool(said))


def _vainly_sought(name: str, look: Look, context: Context) -> str:
    """Why the image is built then; empty when its registry's is taken. One that is here may be of our own making."""
    try:
        fact = context.facts.image(_held(context, name, look), look)
    except StackupError as error:
        known = error.code in ("not-found", "denied", "no-such-platform")
        return f"{ABSENT}, nor to be had from its registry" if known else _UNASKED
    return "" if fact and (fact.fetch or not look.age) else ABSENT


def _because(fact: ImageFact, why: str) -> ImageFact:
    if fact.fetch is None or fact.fetch.get("because") != ABSENT:
        return fact
    return replace(fact, fetch={**fact.fetch, "because": why})


def images_of(stack: Stack, context: Context) -> dict[str, ImageFact]:
    """What each service runs."""
    expect_images(stack, context)
    return {name: image_of(stack, name, service, context) for name, service in stack.services.items()}


def image_of(stack: Stack, name: str, service: Service, context: Context) -> ImageFact:
    """What the service runs; what it must have fetched for that, its mounts too, is noted in the context."""
    look = look_of(service, context.wish.pull)
    path = "build" if service.build else "image"
    for number, mount in enumerate(service.volumes):
        if mount.type == "image" and mount.source:
            fact = asked_for(name, mount.source, context, service, ("volumes", number))
            context.mounted[mount.source] = fact.id if fact else ""
    if name in context.builds:
        _note(name, context.builds[name], Look(), context, (path,))
        return context.builds[name]
    return _ask(name, image_name(stack.name, name, service), look, context, (path,)) or ImageFact("")


def asked_for(
    name: str, reference: str, context: Context, service: Service, path: tuple[str | int, ...]
) -> ImageFact | None:
    """An image that a service needs beside its own."""
    look = look_of(service, context.wish.pull)
    return _ask(name, reference, Look(look.age, look.ask or not service.image), context, path)


def to_fetch(spec: Data, look: Look) -> Desired:
    """An image as something to be made, from its normal form; after those that it is built on."""
    after: Any = spec.get("after", ())
    needs = tuple(Need(Address("image", name)) for name in after)
    return Desired(Address("image", f"{spec['name']}" + (f" ({look.platform})" if look.platform else "")), spec, needs)


def fetched(context: Context) -> Iterator[Desired]:
    """The images to be fetched, each once."""
    yield from {item.address: item for items in context.fetches.values() for item in items}.values()


def _held(context: Context, reference: str, look: Look) -> str:
    """What a lock holds the name to, else the name itself."""
    locked = context.wish.locked
    return (locked.pinned(reference, look.platform) if locked else None) or reference


def unlocked(problems: Diagnostics, name: str, said: str, span: Span | None, *, strict: bool) -> None:
    """An image that may be another one tomorrow, in a stack that has a lock."""
    tell = problems.error if strict else problems.warning
    detail = f'service "{name}" needs {said}, which `stackup.lock` does not have'
    tell("SU110", "an image is not locked", detail=detail, span=span, hint="`stackup lock` adds it")


def _ask(name: str, reference: str, look: Look, context: Context, path: tuple[str | int, ...]) -> ImageFact | None:
    span = context.span("services", name, *path)
    locked, held = context.wish.locked, _held(context, reference, look)
    if locked and locked.pinned(reference, look.platform) is None:
        unlocked(context.problems, name, f'the image "{reference}"', span, strict=locked.strict)
        if locked.strict:
            return None
    upgrade = f"take what the name means now: `stackup lock --upgrade {name}`" if held != reference else ""
    try:
        fact = context.facts.image(held, look)
    except StackupError as error:
        _cannot_be_had(name, error, "; or ".join(filter(None, (error.hint, upgrade))), context, path)
        return None
    if fact is None:
        why, verb = _why_not(look), f"image import ROOTFS {reference}"
        if path == ("build",):
            why, verb = "it is not built yet", f"build {name}"
        sought, hint = f'"{reference}",', f"bring it in with `stackup {verb}`, or write `image: host`"
        if upgrade:
            sought, hint = f'"{reference}" as it is locked, {held},', f"bring that one in, or {upgrade}"
        detail = f'service "{name}" needs the image {sought} and {why}'
        context.problems.error("SU103", "an image is not on this machine", detail=detail, span=span, hint=hint)
    else:
        _note(name, fact, look, context, path)
    return fact


def _cannot_be_had(name: str, error: StackupError, hint: str, context: Context, path: tuple[str | int, ...]) -> None:
    detail = f'service "{name}": {error.message}'
    span = context.span("services", name, *path)
    context.problems.error("SU109", "an image cannot be had", detail=detail, span=span, hint=hint)


def _note(name: str, fact: ImageFact, look: Look, context: Context, path: tuple[str | int, ...]) -> None:
    """What the service must have made first."""
    if fact.fetch is not None:
        span = context.span("services", name, *path)
        origins: dict[FieldPath, Span] = {(): span} if span else {}
        context.fetches.setdefault(name, []).append(replace(to_fetch(fact.fetch, look), origins=origins))


def _why_not(look: Look) -> str:
    return "it is no name that could be pulled" if look.ask else "it may not be pulled"
