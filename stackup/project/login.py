"""A login that the registry has agreed to is kept where docker keeps it; a logout forgets it there."""

from __future__ import annotations

from stackup.errors import UsageError
from stackup.images.credentials import Credentials, Keychain
from stackup.images.pull import connect
from stackup.images.reference import DEFAULT_REGISTRY, parse
from stackup.project.session import Session


class _Given(Keychain):
    """Only what the user has just said."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__({})
        self._credentials = credentials

    def get(self, registry: str, repository: str = "") -> Credentials:
        return self._credentials


def registry_name(text: str) -> str:
    """`https://index.docker.io/v1/`, `docker.io` or nothing are one registry; any other is `host[:port]`."""
    name = text.partition("://")[2] or text
    name = name.partition("/")[0]
    if name in ("", "docker.io", "index.docker.io", "registry-1.docker.io"):
        return DEFAULT_REGISTRY
    if parse(f"{name}/x").registry != name:
        raise UsageError(f'"{text}" is not a registry', subject=text, hint="write host[:port], with a dot or a port")
    return name


def login(session: Session, registry: str, credentials: Credentials) -> str:
    """Asks the registry first. Where the login is kept now."""
    environ = session.where.environ
    client = connect(environ, keychain=_Given(credentials))
    client.registry(registry).ping()
    return Keychain(environ).store(registry, credentials)


def logout(session: Session, registry: str) -> bool:
    """Whether there was a login."""
    return Keychain(session.where.environ).erase(registry)
