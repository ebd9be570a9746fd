"""What a service mounts, looked at before anything is changed: is it there, can it be so? Problems have their line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.engines.desire.facts import Context
from stackup.engines.desire.mounts import EXTENSION, OWNERS, owners_of

if TYPE_CHECKING:
    from stackup.stackfile.model import Mount, Service

SUMMARY = "what is to be mounted is not there"


def mountable(name: str, service: Service, context: Context) -> bool:
    """Whether all mounts of a service can be had."""
    found = [_sound(f'service "{name}"', mount, ("services", name, "volumes", number), context)
             for number, mount in enumerate(service.volumes)]  # fmt: skip
    return all(found)


def _sound(whose: str, mount: Mount, path: tuple[str | int, ...], context: Context) -> bool:
    if not _known(whose, mount, path, context):
        return False
    if mount.type == "bind" and mount.bind and not mount.bind.create_host_path:
        return there(whose, mount.source or "", (*path, "source"), context)
    return True


def there(whose: str, source: str, path: tuple[str | int, ...], context: Context) -> bool:
    """A folder or file of this machine that nobody is going to make."""
    if context.facts.exists(source):
        return True
    detail = f'{whose} mounts "{source}", which does not exist'
    hint = "make it, or correct the path"
    context.problems.error("SU130", SUMMARY, detail=detail, span=context.span(*path), hint=hint)
    return False


def _known(whose: str, mount: Mount, path: tuple[str | int, ...], context: Context) -> bool:
    """Our own extension: of a bind mount only, one key, three words."""
    said = mount.extensions.get(EXTENSION)
    problem = ""
    if said is not None and mount.type != "bind":
        problem = f"{EXTENSION} belongs to a mount of type bind"
    elif said is not None and (not isinstance(said, dict) or set(said) - {"uid"}):
        problem = f"{EXTENSION} of a mount has the one key `uid`"
    elif owners_of(mount) not in OWNERS:
        problem = f'{EXTENSION}: uid is "{owners_of(mount)}", which is none of {", ".join(OWNERS)}'
    if problem:
        context.problems.error(
            "SU105",
            "an option cannot be read",
            detail=f"{whose}: {problem}",
            span=context.span(*path, EXTENSION),
            hint="write `x-stackup: {uid: host}`",
        )
    return not problem
