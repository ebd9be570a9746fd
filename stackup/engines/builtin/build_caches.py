"""The caches that a build reads and writes, opened as its normal form names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stackup.buildcache import LOCAL
from stackup.errors import StackupError
from stackup.images import reference
from stackup.images.build.request import Tell, Warned

if TYPE_CHECKING:
    from stackup.images.build.caching import Shelf
    from stackup.images.build.outline import Outline
    from stackup.images.store import Store
    from stackup.values import Data


@dataclass(frozen=True, slots=True)
class Target:
    """`every`: the steps of all stages; `lenient`: a build is none the worse for it."""

    shelf: Shelf
    every: bool
    lenient: bool


@dataclass(frozen=True, slots=True)
class Caches:
    sources: tuple[Shelf, ...] = ()
    targets: tuple[Target, ...] = ()

    def write(self, drawn: Outline, store: Store, layers: Mapping[int, str], tell: Tell) -> None:
        """The image has its name by now. Raises StackupError for the first that cannot be written."""
        from stackup.images.build.caching import keep

        for target in self.targets:
            try:
                keep(drawn, store, layers, target.shelf, tell, every=target.every)
            except StackupError as problem:
                text = f'the cache "{target.shelf.name}" is not written: {problem.message}'
                if not target.lenient:
                    hint = problem.hint or "say ignore-error=true where a build may go without"
                    raise StackupError(text, subject=target.shelf.name, hint=hint, code=problem.code) from problem
                tell(Warned(text))


NO_CACHES = Caches()
TRIES = 4


def caches_of(form: Data, environ: Mapping[str, str]) -> Caches:
    """`form` is `desire.builds.build_form`. A source is asked once, since a build does without; a target as usual."""
    said: Any = form
    sources = tuple(_shelf(one, environ, 1) for one in said.get("cache_from", ()))
    targets = [(one, _shelf(one, environ, TRIES)) for one in said.get("cache_to", ())]
    return Caches(sources, tuple(Target(shelf, one["every"], one["lenient"]) for one, shelf in targets))


def _shelf(said: Mapping[str, Any], environ: Mapping[str, str], tries: int) -> Shelf:
    from stackup.images.build.shelves import FolderShelf, RegistryShelf  # TLS: for builds with caches only
    from stackup.images.pull import connect

    if said["kind"] == LOCAL:
        return FolderShelf(said["place"], said["tag"])
    return RegistryShelf(connect(environ, tries=tries), reference.parse(said["place"]))
