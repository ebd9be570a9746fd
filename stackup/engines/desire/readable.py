"""Texts that this engine has to read: owners of secrets and configs, options of logs, how often to start again.

Compose hands them on unread, so a file with a bad one is a sound file that cannot be had here. A service is translated
only after all of its texts could be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from stackup.engines.desire.facts import Context
from stackup.engines.desire.log_options import count, options_of
from stackup.engines.desire.tmpfs import LARGEST_ID, short_tmpfs

if TYPE_CHECKING:
    from stackup.stackfile.model import Service

Path: TypeAlias = "tuple[str | int, ...]"
Text: TypeAlias = "tuple[Callable[[str], object], str, Path]"
"""The reader of a text, the text, its path beneath the service."""


def owner(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > LARGEST_ID:
        raise ValueError(f'"{text}" is not the number of a user or group')
    return int(text)


def readable(name: str, service: Service, context: Context) -> bool:
    """Whether all such texts of a service can be read; each that cannot is a problem with its line."""
    sound = True
    for reader, text, path in _texts(service):
        try:
            if text:
                reader(text)
        except ValueError as problem:
            sound = False
            context.problems.error(
                "SU105",
                "an option cannot be read",
                detail=f'service "{name}": {problem}',
                span=context.span("services", name, *path),
            )
    return sound


def _tmpfs(options: str) -> int:
    return len(short_tmpfs(options))


def _texts(service: Service) -> Iterator[Text]:
    for kind, grants in (("secrets", service.secrets), ("configs", service.configs)):
        for number, grant in enumerate(grants):
            for key, given in (("uid", grant.uid), ("gid", grant.gid)):
                yield owner, given or "", (kind, number, key)
    for number, text in enumerate(service.tmpfs):
        yield _tmpfs, text.partition(":")[2], ("tmpfs", number)
    if service.logging:
        for key, log_reader in options_of(service.logging.driver).items():
            yield log_reader, service.logging.options.get(key) or "", ("logging", "options", key)
    attempts = (service.restart or "").partition(":")[2]
    yield count, attempts, ("restart",)
