"""The stack's files as an artefact of a registry, for others to `include`: variables stay variables.

Nothing leaves unseen: what could be somebody's own (values of environments, env files, contents of configs) goes only
when it is asked for, and everything that goes is listed before it does (THREATS T47).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from stackup.errors import UsageError
from stackup.images.artifact import MAIN, Published
from stackup.images.artifact import publish as send
from stackup.images.pull import connect
from stackup.images.reference import parse
from stackup.project.pins import images_of
from stackup.project.resolve import load, read
from stackup.project.session import Session
from stackup.stackfile.document import Mapping
from stackup.stackfile.emit import to_yaml
from stackup.stackfile.interpolate import Malformed, Variable, scan
from stackup.stackfile.model import Stack
from stackup.stackfile.raw import outline

_REQUIRED = ("?", ":?")
"""What stands behind these is what to say when there is no value."""
RAW = frozenset(("interpolate", "path_resolution", "env_resolution", "consistency", "normalize"))


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """`with_env`: values and env files go too; `pin`: images by digest."""

    reference: str
    with_env: bool = False
    pin: bool = False


@dataclass(slots=True)
class Leaving:
    """What goes: the files, and in words what is in them. `own` is what may be nobody else's business."""

    files: list[Published] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)


def publish(session: Session, options: PublishOptions) -> str:
    """The digest of what the registry has now; empty when it is only shown, for --dry-run."""
    reference = parse(options.reference)
    if reference.digest:
        raise UsageError("a stack is published under a tag", subject=options.reference, hint="leave out the digest")
    loaded = load(session)
    assert loaded.stack is not None, "load() has seen to it"
    _refuse_unpublishable(loaded.stack)
    data = _written(read(session, without=RAW).root)
    if options.pin:
        for name, image in images_of(session, ()).items():
            data["services"][name]["image"] = image
    leaving = _leaving(data, loaded.directory)
    if leaving.own and not options.with_env:
        raise UsageError(
            f"this would give away {_listed(leaving.own)}",
            subject=options.reference,
            hint="use variables (${NAME}) for what is your own, or say --with-env",
        )
    leaving.files.insert(0, Published(MAIN, to_yaml(data).encode(), main=True))
    _tell(session, leaving)
    if session.dry_run:
        return ""
    if not session.agree(f"Publish this as {reference.familiar}?"):
        raise UsageError("nothing was published", hint="agree with --yes")
    client = connect(session.where.environ)
    return send(client, reference, leaving.files)


def _written(root: Mapping) -> dict[str, Any]:
    """Without the name that the loader gave it: whoever uses the stack names it."""
    data: dict[str, Any] = outline(root)
    if root.entries["name"].value.span == root.span:
        del data["name"]
    return data


def _refuse_unpublishable(stack: Stack) -> None:
    built = [name for name, service in stack.services.items() if service.build and not service.image]
    if built:
        raise UsageError(
            f"{_listed(built)} can only be built, and sources are not published",
            subject=built[0],
            hint="give it an `image:`, and push that with `stackup push`",
        )


def _tell(session: Session, leaving: Leaving) -> None:
    for file in leaving.files:
        session.notice(f"{file.name}, {len(file.content)} bytes", level="info")
    for word in leaving.own:
        session.notice(f"{word} goes with it")
    for word in leaving.stays:
        session.notice(f"{word} stays here: whoever uses the stack must have it", level="info")


def _leaving(data: dict[str, Any], directory: str) -> Leaving:
    """Env files get names of their own in `data`."""
    leaving = Leaving()
    for name, service in sorted(data.get("services", {}).items()):
        values = service.get("environment") or {}
        leaving.own += [f"{name}.environment.{key}" for key, value in sorted(values.items()) if _is_own(value)]
        for entry in service.get("env_file") or ():
            _take_env_file(entry, name, directory, leaving)
        for volume in service.get("volumes") or ():
            if isinstance(volume, dict) and volume.get("type") == "bind":
                leaving.stays.append(f'"{volume.get("source")}", which {name} mounts')
    for kind in ("configs", "secrets"):
        for name, entry in sorted((data.get(kind) or {}).items()):
            leaving.own += [f"the content of {kind}.{name}"] if _is_own((entry or {}).get("content")) else []
            leaving.stays += [f'"{entry["file"]}" of {kind}.{name}'] if (entry or {}).get("file") else []
    return leaving


def _is_own(value: Any) -> bool:
    """A value that is nothing but variables gives nothing away; a default that stands in the file does."""
    try:
        parts = scan("" if value is None else str(value))
    except Malformed:
        return True
    return any(not isinstance(part, Variable) or (bool(part.word) and part.operator not in _REQUIRED) for part in parts)


def _take_env_file(entry: dict[str, Any], service: str, directory: str, leaving: Leaving) -> None:
    path = os.path.join(directory, str(entry["path"]))
    if not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        content = file.read()
    name = f"{sha256(content).hexdigest()}.env"
    leaving.own.append(f'the env file "{entry["path"]}" of {service}')
    entry["path"] = name
    if all(file.name != name for file in leaving.files):
        leaving.files.append(Published(name, content, main=False))


def _listed(words: list[str]) -> str:
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
