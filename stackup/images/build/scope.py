"""What the commands of a stage see and change: variables, the image's configuration, the working directory.

Pure: a scope is never changed, a command makes the next one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stackup.images.manifest import ImageConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class Scope:
    """`variables` are the ENV of the image and the ARGs of the build, later ones over earlier ones."""

    config: ImageConfig
    """Without its env; `image` has it."""
    env: Mapping[str, str]
    variables: Mapping[str, str]
    args: Mapping[str, str | None] = field(default_factory=dict)
    """The ARGs that were declared, also those without a value."""
    author: str = ""
    cmd_is_ours: bool = False
    """CMD was set in this Dockerfile: an ENTRYPOINT leaves it alone."""
    absolute: bool = False
    """WORKDIR was set to an absolute path in this Dockerfile."""

    @property
    def workdir(self) -> str:
        return self.config.workdir or "/"

    def path(self, path: str) -> str:
        """Seen from the working directory; a slash at the end stays, since it says that a folder is meant."""
        whole = posixpath.normpath(posixpath.join("/", self.workdir, path or "."))
        whole = "/" + whole.lstrip("/")
        folder = path.endswith(("/", "/.")) or path in {"", ".", ".."}
        return f"{whole}/" if folder and whole != "/" else whole

    def shell(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return (*(self.config.shell or DEFAULT_SHELL), " ".join(words))

    @property
    def image(self) -> ImageConfig:
        """The configuration in full."""
        return replace(self.config, env=tuple(f"{name}={value}" for name, value in self.env.items()))

    def with_env(self, pairs: tuple[tuple[str, str], ...]) -> Scope:
        return replace(self, env={**self.env, **dict(pairs)}, variables={**self.variables, **dict(pairs)})

    def with_arg(self, name: str, value: str | None) -> Scope:
        given = {} if value is None else {name: value}
        return replace(self, variables={**self.variables, **given}, args={**self.args, name: value})


def begin(config: ImageConfig) -> Scope:
    """What a stage begins with on top of an image. PATH is always set; triggers are used up."""
    env = dict(entry.partition("=")[::2] for entry in config.env)
    env.setdefault("PATH", DEFAULT_PATH)
    return Scope(replace(config, env=(), on_build=()), env, env)


def onward(scope: Scope) -> Scope:
    """What a stage begins with on top of another one; its ARGs are seen, its triggers are used up."""
    return replace(scope, config=replace(scope.config, on_build=()), cmd_is_ours=False)
