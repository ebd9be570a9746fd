"""How this machine may reach registries, as values: what the caller's environment, home and configuration say.

`registries.toml` in stackup's configuration folder (/etc/stackup, ~/.config/stackup) has a table a registry:

    ["registry.example:5000"]
    plain = true                          # HTTP; loopback needs no word for it
    mirrors = ["https://mirror.example"]  # asked first, for pulls
    tokens = ["auth.example"]             # other hosts that may be given this registry's credentials

and may have one for any other server:

    ["files.internal:8080"]
    private = true                        # ADD may fetch from it, though its address is not a public one

Certificates lie beside it and in docker's folders: `certs.d/<host:port>/` with *.crt (authorities), *.cert and *.key.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stackup.errors import UsageError
from stackup.images.reference import DEFAULT_REGISTRY
from stackup.kernel.files import list_dir
from stackup.values import Json

FILE = "registries.toml"
DOCKER_HUB = "registry-1.docker.io"
DOCKER_TOKENS = "auth.docker.io"
_ON = ("1", "true", "yes", "on")
_KEYS = {"plain", "mirrors", "tokens", "private"}


@dataclass(frozen=True, slots=True)
class Trust:
    """What a host's TLS is checked with beside the system's authorities."""

    authorities: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registry's place: `base` is its URL. `tokens` are hosts that may see its credentials beside itself."""

    registry: str
    base: str
    tokens: tuple[str, ...] = ()
    mirror: bool = False

    @property
    def host(self) -> str:
        return urlsplit(self.base).netloc

    @property
    def plain(self) -> bool:
        return self.base.startswith("http:")


@dataclass(frozen=True, slots=True)
class Access:
    """`folders` are configuration folders, the more important first; `environ` is the caller's, by value."""

    folders: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, uid: int) -> Access:
        """Root's folder is /etc/stackup; STACKUP_CONFIG names another one."""
        home = environ.get("HOME", "/")
        own = environ.get("STACKUP_CONFIG") or (
            "/etc/stackup" if uid == 0 else os.path.join(environ.get("XDG_CONFIG_HOME") or f"{home}/.config", "stackup")
        )
        docker = environ.get("DOCKER_CONFIG") or os.path.join(home, ".docker")
        offline = environ.get("STACKUP_OFFLINE", "").lower() in _ON
        return cls((own, docker, "/etc/docker"), environ, offline)

    def endpoints(self, registry: str) -> tuple[Endpoint, ...]:
        """Mirrors first, the registry itself last."""
        table = self._table(registry)
        mirrors = tuple(Endpoint(registry, url.rstrip("/"), mirror=True) for url in _urls(table, "mirrors"))
        return (*mirrors, self.endpoint(registry))

    def endpoint(self, registry: str) -> Endpoint:
        """The registry itself: pushes go nowhere else."""
        if registry == DEFAULT_REGISTRY:
            return Endpoint(registry, f"https://{DOCKER_HUB}", (DOCKER_TOKENS,))
        table = self._table(registry)
        plain = bool(table.get("plain", is_loopback(registry)))
        return Endpoint(registry, f"{'http' if plain else 'https'}://{registry}", _texts(table, "tokens"))

    def may_be_private(self, host: str) -> bool:
        """Whether a Dockerfile may name this server wherever it is."""
        return bool(self._table(host).get("private", False))

    def trust(self, host: str) -> Trust:
        """Everything in `certs.d/<host>` of every configuration folder."""
        authorities: list[str] = []
        pairs: list[tuple[str, str]] = []
        folders = tuple(os.path.join(folder, "certs.d", host) for folder in self.folders)
        for folder in folders:
            names = list_dir(folder)
            authorities += [os.path.join(folder, name) for name in names if name.endswith(".crt")]
            pairs += [
                (os.path.join(folder, name), os.path.join(folder, f"{name[:-5]}.key"))
                for name in names
                if name.endswith(".cert")
            ]
        return Trust(tuple(authorities), tuple(pairs), folders)

    def proxy(self, scheme: str, host: str) -> str:
        """`HTTPS_PROXY` and its kin, in both spellings; `NO_PROXY` names hosts, domains or `*`."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if is_loopback(host) or any(_covers(word, name, host) for word in self._variable("no_proxy").split(",")):
            return ""
        return self._variable(f"{scheme}_proxy") or self._variable("all_proxy")

    def _variable(self, name: str) -> str:
        return self.environ.get(name) or self.environ.get(name.upper()) or ""

    def _table(self, registry: str) -> Mapping[str, Json]:
        for folder in self.folders[:1]:
            path = os.path.join(folder, FILE)
            try:
                with open(path, "rb") as file:
                    found = tomllib.load(file).get(registry, {})
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, ValueError) as error:
                raise UsageError(f'"{path}" cannot be read: {error}', subject=path) from error
            if not isinstance(found, dict) or not found.keys() <= _KEYS:
                hint = "a registry has plain, mirrors and tokens, another server private"
                raise UsageError(f'"{path}" says something else of "{registry}"', subject=path, hint=hint)
            return found
        return {}


def is_loopback(registry: str) -> bool:
    """Whether `host[:port]` is this machine by its very spelling; a name could lead anywhere."""
    host = urlsplit(f"//{registry}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _covers(word: str, name: str, host: str) -> bool:
    word = word.strip().lower()
    if not word:
        return False
    domain = word.removeprefix("*").lstrip(".")
    return word == "*" or word in (name, host) or name == domain or name.endswith(f".{domain}")


def _texts(table: Mapping[str, Json], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f'"{key}" of {FILE} is not a list of texts', subject=FILE)
    return tuple(str(item) for item in value)


def _urls(table: Mapping[str, Json], key: str) -> tuple[str, ...]:
    for url in (found := _texts(table, key)):
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise UsageError(f'"{url}" in {FILE} is not a URL', subject=url, hint="write https://host[:port]")
    return found
