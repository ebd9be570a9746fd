"""Image references: `[registry/][path/]name[:tag][@digest]`, parsed once and printed one way.

Pure, and hot: no `re`, no dataclasses, since a no-op `up` resolves tags. `host` is a word of our own, not a reference.
Source: the reference grammar of the OCI distribution specification and of Docker's short names.
"""

from __future__ import annotations

from stackup.errors import UsageError

HOST = "host"
"""`image: host` is the machine's own /usr; an image of that name in a registry is `docker.io/library/host`."""
DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_WORD = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_HEX = frozenset("0123456789abcdef")
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HINT = "write [registry/][path/]name[:tag][@sha256:...], the name in lower case"


class Reference:
    """A parsed reference. Never without tag or digest; `repository` has no registry; a value, never changed."""

    __slots__ = ("digest", "registry", "repository", "tag")

    def __init__(self, registry: str, repository: str, tag: str = "", digest: str = "") -> None:
        self.registry = registry
        self.repository = repository
        self.tag = tag
        self.digest = digest

    def __str__(self) -> str:
        """The full form, the key of the store: `docker.io/library/alpine:3.20`."""
        return self._suffixed(f"{self.registry}/{self.repository}")

    @property
    def familiar(self) -> str:
        """As a person writes it: `alpine:3.20`, `ghcr.io/org/app:1`."""
        name = self.repository
        if self.registry != DEFAULT_REGISTRY:
            name = f"{self.registry}/{name}"
        elif name.startswith("library/"):
            name = name.removeprefix("library/")
        return self._suffixed(name)

    @property
    def key(self) -> str:
        """What names the content: a digest makes the tag beside it a comment."""
        name = f"{self.registry}/{self.repository}"
        return f"{name}@{self.digest}" if self.digest else f"{name}:{self.tag}"

    def _suffixed(self, name: str) -> str:
        return name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"


def is_host(text: str) -> bool:
    """Whether `image:` says the machine itself."""
    return text == HOST


def parse(text: str) -> Reference:
    """Raises UsageError with the text quoted; without tag and digest the tag is `latest`."""
    if is_host(text):
        raise _refused(text, "means this machine, not an image that can be stored or pulled")
    name, at, digest = text.partition("@")
    if at:
        _check_digest(text, digest)
    registry, path = _split_registry(name)
    path, colon, tag = path.rpartition(":") if ":" in path else (path, "", "")
    if colon:
        _check_tag(text, tag)
    elif is_hex_id(path) and registry == DEFAULT_REGISTRY:
        raise _refused(text, "is an image id, not a name")
    _check_registry(text, registry)
    _check_path(text, path)
    if registry == DEFAULT_REGISTRY and "/" not in path:
        path = f"library/{path}"
    return Reference(registry, path, tag or ("" if digest else DEFAULT_TAG), digest)


def canonical(text: str) -> str:
    """The store's key for what a user wrote."""
    return str(parse(text))


def is_hex_id(text: str) -> bool:
    """Whether this is the hexadecimal half of a sha256 digest."""
    return len(text) == 64 and _HEX.issuperset(text)


def _split_registry(name: str) -> tuple[str, str]:
    """The first part is a registry if it can be a host only: with a dot, a port, upper case, or `localhost`."""
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost" or head != head.lower()):
        return ("docker.io" if head == "index.docker.io" else head), rest
    return DEFAULT_REGISTRY, name


def _check_registry(text: str, registry: str) -> None:
    if registry.startswith("["):
        host, bracket, rest = registry[1:].partition("]")
        sound = bool(bracket) and bool(host) and set(host) <= set("0123456789abcdefABCDEF:.") and rest[:1] in {"", ":"}
        port = rest[1:] if rest else None
    else:
        host, colon, after = registry.partition(":")
        port = after if colon else None
        sound = all(
            part and _WORD.issuperset(part.replace("-", "")) and part[0] != "-" and part[-1] != "-" and "_" not in part
            for part in host.split(".")
        )
    if port is not None:
        sound = sound and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
    if not sound:
        raise _refused(text, f'has "{registry}" where a registry\'s host[:port] should be')


def _check_path(text: str, path: str) -> None:
    if not path or len(path) > 255:
        raise _refused(text, "has no name" if not path else "has a name of more than 255 characters")
    for part in path.split("/"):
        if not _is_component(part):
            raise _refused(text, f'has "{part}" in its name')


def _is_component(part: str) -> bool:
    """Runs of lower-case letters and digits, between them one `.`, one or two `_`, or any number of `-`."""
    if not part or part[0] not in _LOWER or part[-1] not in _LOWER:
        return False
    separator = ""
    for letter in part:
        if letter not in _LOWER:
            separator += letter
        elif separator:
            if separator not in {".", "_", "__"} and set(separator) != {"-"}:
                return False
            separator = ""
    return True


def _check_tag(text: str, tag: str) -> None:
    if not tag or len(tag) > 128 or tag[0] not in _WORD or not _WORD.issuperset(tag.replace(".", "").replace("-", "")):
        raise _refused(text, f'has "{tag}" where a tag should be')


def _check_digest(text: str, digest: str) -> None:
    algorithm, _, value = digest.partition(":")
    if _HEX_LENGTHS.get(algorithm) != len(value) or not _HEX.issuperset(value):
        raise _refused(text, f'has "{digest}" where a digest should be')


def _refused(text: str, reason: str) -> UsageError:
    return UsageError(f'image "{text}" {reason}', subject=text, hint=_HINT, code="image-reference")
