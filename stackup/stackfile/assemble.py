"""Files to one tree: each is parsed, interpolated, brought to long form, relocated and extended, then merged in order.

`include` is the same again, for files with a folder and an environment of their own, beneath the tree that names them.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

from stackup.diagnostics import Diagnostics, Related, Span
from stackup.stackfile.advice import refuse_unknown
from stackup.stackfile.canonical import canonical
from stackup.stackfile.discover import UNMASKED
from stackup.stackfile.document import Document, Mapping, Node, Scalar, Sequence, section, texts, without
from stackup.stackfile.envfiles import read_env_files
from stackup.stackfile.environment import Environment
from stackup.stackfile.extends import Surroundings, extend
from stackup.stackfile.interpolate import interpolate
from stackup.stackfile.mask import masked
from stackup.stackfile.merge import merge
from stackup.stackfile.model.reuse import INCLUDE_KEYS
from stackup.stackfile.parse import parse
from stackup.stackfile.relocate import Place, relocate
from stackup.stackfile.sources import Sources
from stackup.stackfile.through import Step

MAX_INCLUDES = 200


@dataclass(frozen=True, slots=True)
class Asking:
    """A document as it was written and with its values, and where it asked for variables."""

    document: Document
    root: Mapping
    environment: Environment


class Assembly:
    """The files of one load. `parsed` keeps the documents of each, so that a file is parsed once.

    `steps` says who extends whom, `asking` which documents asked for variables, in the order of reading. `whole` is
    False when a file could not be read: what it defines is not known then.
    """

    def __init__(self, sources: Sources, home: str) -> None:
        self.sources = sources
        self.diagnostics: Diagnostics = sources.diagnostics
        self.home = home
        self.steps: list[Step] = []
        self.asking: list[Asking] = []
        self.whole = True
        self.raw = "interpolate" in sources.request.without
        self.hides = UNMASKED in sources.request.without
        self._parsed: dict[str, tuple[Document, ...]] = {}
        self._warned: set[str] = set()
        self._included = 0
        self._others: dict[tuple[str, Environment], Mapping] = {}

    def parsed(self, path: str) -> tuple[Document, ...]:
        if path not in self._parsed:
            content = self.sources.read(path)
            self._parsed[path] = parse(content or b"", self.sources.name(path), self.diagnostics)
            self.whole = self.whole and bool(self._parsed[path])
        return self._parsed[path]

    def place(self, base: str) -> Place:
        """Where the paths of files hang that are in, or belong to, the folder `base`."""
        keeps = "path_resolution" in self.sources.request.without
        return Place(base, self.home, self.sources.home if keeps else "")

    def stack(self, paths: tuple[str, ...], base: str, environment: Environment, chain: tuple[str, ...]) -> Mapping:
        """The files merged left to right, their includes beneath them. `chain` are the files that include these."""
        merged = Mapping({}, Span(self.sources.name(paths[0]), 1, 1, 1, 1))
        for path in paths:
            merged = self._file(path, merged, _Context(self.place(base), environment, (*chain, path)))
        return merged

    def _file(self, path: str, merged: Mapping, context: _Context) -> Mapping:
        for root in self._documents(path, context):
            reader = functools.partial(self._other, context=context)
            earlier = section(merged, "services")
            done = extend(root, path, Surroundings(reader, self.diagnostics, earlier, self.steps))
            merged = merge(merged, self._without_version(done))
            if "include" in merged.entries:
                included = self._includes(merged.entries["include"].value, context)
                merged = merge(included, without(merged, "include")) if included else without(merged, "include")
        return merged

    def _documents(self, path: str, context: _Context) -> list[Mapping]:
        done = []
        for document in self.parsed(path):
            evaluated = self._evaluated(document, context)
            done.append(relocate(canonical(evaluated.root, self.diagnostics, raw=self.raw), context.place))
            self.asking.append(Asking(document, done[-1], context.environment))
        return done

    def _evaluated(self, document: Document, context: _Context) -> Document:
        if self.raw:
            return document
        known = context.environment
        done = interpolate(document, known.get, self.diagnostics, self._warned, known.names)
        return masked(done, document, known) if self.hides else done

    def _without_version(self, root: Mapping) -> Mapping:
        version = root.entries.get("version")
        if version is None:
            return root
        self.diagnostics.warning(
            "SU024",
            "the key version is obsolete",
            detail="it is ignored",
            span=version.key,
            hint="remove it",
        )
        return without(root, "version")

    def _other(self, file: Scalar, context: _Context) -> Mapping | None:
        """The services of a file that `extends` names, relative paths in it relative to it."""
        paths = self.sources.here(file, "an extended file does not exist", "check the path: it starts at this file")
        if not paths:
            return None
        known = (paths[0], context.environment)
        if known not in self._others:
            place = self.place(os.path.dirname(paths[0]))
            merged = Mapping({}, file.span)
            for path in paths:
                for root in self._documents(path, _Context(place, context.environment, context.chain)):
                    merged = merge(merged, root)
            self._others[known] = section(merged, "services")
        return self._others[known]

    def _includes(self, node: Node, context: _Context) -> Mapping | None:
        merged: Mapping | None = None
        for item in node.items if isinstance(node, Sequence) else ():
            if isinstance(item, Mapping):
                found = self._include(item, context)
                if found is not None:
                    merged = found if merged is None else merge(merged, found)
        return merged

    def _include(self, item: Mapping, context: _Context) -> Mapping | None:
        refuse_unknown(item, INCLUDE_KEYS, "include", self.diagnostics)
        paths = self._included_paths(item, context.chain)
        if not paths:
            self.whole = False
            return None
        self._included += 1
        folder = item.get("project_directory")
        base = str(folder.value) if isinstance(folder, Scalar) and folder.value else os.path.dirname(paths[0])
        env_files = texts(item.get("env_file")) or self._default_env(base)
        caller = context.environment
        own = read_env_files(env_files, caller, self.sources)
        return without(self.stack(paths, base, caller.beneath(own), context.chain), "name")

    def _default_env(self, base: str) -> tuple[str, ...]:
        path = os.path.join(base, ".env")
        return (path,) if self.sources.read(path) is not None else ()

    def _included_paths(self, item: Mapping, chain: tuple[str, ...]) -> tuple[str, ...]:
        node = item.get("path")
        places = [place for place in node.items if isinstance(place, Scalar)] if isinstance(node, Sequence) else []
        if not any(place.value for place in places):
            self.diagnostics.error("SU021", "a value is not valid", span=item.span, detail="include needs a path")
        found: list[str] = []
        for place in places:
            here = self.sources.here(place, "an included file does not exist", "check the path")
            for path in here:
                if path in chain or self._included >= MAX_INCLUDES:
                    self._circle(place, path, chain)
                    return ()
            if not here:
                return ()
            found += here
        return tuple(found)

    def _circle(self, node: Node, path: str, chain: tuple[str, ...]) -> None:
        first = self.parsed(path)
        self.diagnostics.error(
            "SU018",
            "files include each other in a circle" if path in chain else "too many files are included",
            detail=" -> ".join(self.sources.name(name) for name in (*chain, path)),
            span=node.span,
            related=(Related("included file", first[0].root.span),) if first else (),
        )


class _Context:
    """Where a file stands: its base folder, its variables, and the files that led to it."""

    __slots__ = ("chain", "environment", "place")

    def __init__(self, place: Place, environment: Environment, chain: tuple[str, ...]) -> None:
        self.place = place
        self.environment = environment
        self.chain = chain
