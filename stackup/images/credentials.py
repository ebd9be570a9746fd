"""Who the user is at a registry: docker's `config.json`, `$REGISTRY_AUTH_FILE`, and the credential helpers they name.

Read and written as docker does, so that a login here is one there. Nothing of it is kept longer than a command, and no
message shows a secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stackup.errors import StackupError, UsageError
from stackup.images.reference import DEFAULT_REGISTRY
from stackup.kernel import files
from stackup.values import Data, Json

HUB = "https://index.docker.io/v1/"
"""What docker calls its own registry here."""
TOKEN_USER = "<token>"
"""A helper's name for somebody who is known by a token alone."""
HELPER_S = 60
_HUB_NAMES = ("index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A password, or an identity token that the token server takes in its place."""

    username: str = ""
    password: str = ""
    identity_token: str = ""

    def basic(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"


class Keychain:
    """`environ` is the caller's, by value. `missing` names a helper that was to be asked and is not installed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        docker = environ.get("DOCKER_CONFIG") or os.path.join(environ.get("HOME", "/"), ".docker")
        named = environ.get("REGISTRY_AUTH_FILE")
        self._files = (*((named,) if named else ()), os.path.join(docker, "config.json"))
        self.missing = ""

    def get(self, registry: str, repository: str = "") -> Credentials | None:
        for path in self._files:
            found = self._from(_read(path), registry, repository)
            if found:
                return found
        return None

    def store(self, registry: str, credentials: Credentials) -> str:
        """Into the helper that the file names, else into the file itself; says where."""
        config, path, key = _read(self._files[0]), self._files[0], _key(registry)
        helper = _helper(config, registry)
        entry: Data = {}
        if helper:
            secret = credentials.identity_token or credentials.password
            user = TOKEN_USER if credentials.identity_token else credentials.username
            self._run(helper, "store", json.dumps({"ServerURL": key, "Username": user, "Secret": secret}))
        elif credentials.identity_token:
            name = Credentials(credentials.username).basic()
            entry = {"auth": name, "identitytoken": credentials.identity_token}
        else:
            entry = {"auth": credentials.basic()}
        config["auths"] = {**_mapping(config, "auths"), key: entry}
        _write(path, config)
        return f'the helper "{helper}"' if helper else path

    def erase(self, registry: str) -> bool:
        """Forgets a registry everywhere it is known; says whether it was."""
        found = False
        for path in self._files:
            config = _read(path)
            helper = _helper(config, registry)
            if helper and self._ask(helper, registry) is not None:
                self._run(helper, "erase", _key(registry))
                found = True
            auths = _mapping(config, "auths")
            mine = [key for key in auths if _plain(key) in _names(registry)]
            if mine:
                config["auths"] = {key: value for key, value in auths.items() if key not in mine}
                _write(path, config)
                found = True
        return found

    def _from(self, config: Data, registry: str, repository: str) -> Credentials | None:
        helper = _helper(config, registry)
        if helper and (found := self._ask(helper, registry)):
            return found
        auths = {_plain(key): value for key, value in _mapping(config, "auths").items()}
        for name in _wider(registry, repository):
            entry = auths.get(name)
            if isinstance(entry, dict) and (found := _decoded(entry, name)):
                return found
        return None

    def _ask(self, helper: str, registry: str) -> Credentials | None:
        try:
            text = self._run(helper, "get", _key(registry))
        except FileNotFoundError:
            self.missing = _program(helper)
            return None
        try:
            found = json.loads(text or "{}")
            user, secret = str(found.get("Username", "")), str(found.get("Secret", ""))
        except (ValueError, AttributeError):
            raise _helper_failed(helper, "its answer is not JSON") from None
        if not secret:
            return None
        return Credentials(identity_token=secret) if user == TOKEN_USER else Credentials(user, secret)

    def _run(self, helper: str, verb: str, text: str) -> str:
        """Empty when it says that it knows nothing. Only asking may go without the program."""
        program = _program(helper)
        try:
            done = subprocess.run(
                [program, verb],
                input=text,
                capture_output=True,
                check=False,
                text=True,
                env=dict(self._environ),
                timeout=HELPER_S,
            )
        except FileNotFoundError:
            if verb == "get":
                raise
            raise _helper_failed(helper, "it is not installed") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _helper_failed(helper, str(error)) from error
        if done.returncode == 0:
            return done.stdout
        said = (done.stdout + done.stderr).strip()
        if "not found" in said or verb == "erase":
            return ""
        raise _helper_failed(helper, said[:200] or f"it ended with {done.returncode}")


def _program(helper: str) -> str:
    if not helper.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise UsageError(f'"{helper}" is not the name of a credential helper', subject=helper)
    return f"docker-credential-{helper}"


def _helper(config: Data, registry: str) -> str:
    own = {_plain(key): value for key, value in _mapping(config, "credHelpers").items()}
    named = next((own[name] for name in _names(registry) if name in own), config.get("credsStore"))
    return named if isinstance(named, str) else ""


def _key(registry: str) -> str:
    return HUB if registry == DEFAULT_REGISTRY else registry


def _names(registry: str) -> tuple[str, ...]:
    return (registry, *_HUB_NAMES) if registry == DEFAULT_REGISTRY else (registry,)


def _plain(key: str) -> str:
    """`https://host/v1/` is an old spelling of `host`."""
    name = key.partition("://")[2] or key
    return name.removesuffix("/").removesuffix("/v1").removesuffix("/v2")


def _wider(registry: str, repository: str) -> Iterator[str]:
    """A repository's own login before its folder's before the registry's."""
    parts = repository.split("/") if repository else []
    for name in _names(registry):
        for length in range(len(parts), -1, -1):
            yield "/".join((name, *parts[:length]))


def _decoded(entry: Data, name: str) -> Credentials | None:
    token = entry.get("identitytoken")
    try:
        user, _, password = base64.b64decode(str(entry.get("auth") or ""), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise UsageError(f'the login for "{name}" is damaged', subject=name, hint="log in again") from None
    if isinstance(token, str) and token:
        return Credentials(user, identity_token=token)
    user, password = str(entry.get("username") or user), str(entry.get("password") or password.rstrip("\0"))
    return Credentials(user, password) if user and password else None


def _read(path: str) -> Data:
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read() or b"{}")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f'"{path}" cannot be read: {error}', subject=path) from error
    if not isinstance(found, dict):
        raise UsageError(f'"{path}" is not an object', subject=path)
    return found


def _write(path: str, config: Data) -> None:
    """For its owner only, from its first byte on."""
    files.make_dir(os.path.dirname(path) or ".")
    target = os.path.realpath(path)  # a link into somebody's dotfiles stays one
    files.write_bytes(target, (json.dumps(config, indent="\t") + "\n").encode(), mode=0o600)


def _mapping(config: Data, key: str) -> dict[str, Json]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _helper_failed(helper: str, why: str) -> StackupError:
    return StackupError(
        f'the credential helper "{helper}" failed: {why}', subject=helper, hint="see credHelpers in config.json"
    )
