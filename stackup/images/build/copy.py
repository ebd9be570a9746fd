"""Which files COPY and ADD take, and where each goes: wildcards, folders, --parents, --exclude, ends in a slash.

Pure: a tree and arguments in, pairs of paths out. A folder gives what is in it and not itself; a link that is named is
followed, inside of the tree; links within a folder are taken as links.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from posixpath import basename, join

from stackup.images.build.ignore import Ignore, clean, fits, lineage
from stackup.images.build.recipe import Selection
from stackup.images.build.tree import Tree, content_digest


class NotThere(ValueError):
    """A source that is not in the tree. `source` is as written."""

    def __init__(self, source: str) -> None:
        super().__init__(f'"{source}" is not there')
        self.source = source


class NoFolder(ValueError):
    """Several files, and a target that can hold but one."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """`place` is where it goes below the target; a file that was `named` becomes the target itself if that is none."""

    path: str
    place: str
    named: bool = False


def chosen(tree: Tree, selection: Selection) -> list[Chosen]:
    """In the order of the sources. Raises NotThere, and BadPattern for a wildcard that means nothing."""
    found: list[Chosen] = []
    exclude = Ignore(selection.exclude)
    for source in selection.sources or (".",):
        inside = source.lstrip("/")
        if selection.parents:
            found += _with_parents(tree, source, inside, exclude)
        else:
            found += [one for match in _matches(tree, source, inside) for one in _taken(tree, *match, exclude)]
    return found


def placed(found: Sequence[Chosen], target: str, is_folder: Callable[[str], bool]) -> list[tuple[str, str]]:
    """Pairs of source and absolute target. `is_folder` looks at the root that is copied to. Raises NoFolder."""
    named = sum(one.named for one in found)
    folder = target.endswith("/") or (named > 0 and is_folder(target))
    if named > 1 and not folder:
        raise NoFolder(f'several files are copied to "{target}", which is no folder: end it with a /')
    return [(one.path, join(target, one.place) if folder or not one.named else target) for one in found]


def selection_digest(tree: Tree, selection: Selection) -> str:
    """What `keys.Contents.selected` is to answer for this tree. Raises as `chosen` does."""
    return content_digest(tree, ((one.path, f"{'.' * one.named}/{one.place}") for one in chosen(tree, selection)))


def document_place(name: str, target: str, is_folder: Callable[[str], bool]) -> str:
    """Where a heredoc goes."""
    return join(target, basename(name)) if target.endswith("/") or is_folder(target) else target


def _matches(tree: Tree, source: str, inside: str) -> Iterator[tuple[str, str]]:
    """What a source names, links followed, with the name it is known by."""
    plain, wild = _split(inside)
    base = tree.resolve(plain)
    if not wild:
        if base is None:
            raise NotThere(source)
        yield base, basename(clean(inside))
        return
    fit = fits(wild)
    depth = wild.count("/")
    below = f"{base}/" if base else ""
    for path in tree.below(base) if base is not None else ():
        name = path[len(below) :]
        if name.count("/") == depth and fit(name):
            followed = tree.resolve(path)
            if followed is None:
                raise NotThere(path)
            yield followed, basename(path)


def _split(path: str) -> tuple[str, str]:
    """The parts before the first with a wildcard, and the others; two stars are one here."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    wild = next((at for at, part in enumerate(parts) if is_wild(part)), len(parts))
    rest = "/".join(parts[wild:])
    while "**" in rest:
        rest = rest.replace("**", "*")
    return "/".join(parts[:wild]), rest


def is_wild(text: str) -> bool:
    at = 0
    while at < len(text):
        if text[at] in "*?[":
            return True
        at += 2 if text[at] == "\\" else 1
    return False


def _taken(tree: Tree, path: str, name: str, exclude: Ignore) -> Iterator[Chosen]:
    if not tree.is_folder(path):
        if not exclude.leaves_out(name):
            yield Chosen(path, name, named=True)
        return
    below = f"{path}/" if path else ""
    for one in tree.below(path):
        place = one[len(below) :]
        if not exclude.leaves_out(place):
            yield Chosen(one, place)


def _with_parents(tree: Tree, source: str, inside: str, exclude: Ignore) -> list[Chosen]:
    """Folders on the way are kept; `/./` says where the way begins."""
    start, pivot, rest = inside.partition("/./")
    start, rest = (start, rest) if pivot else ("", inside)
    base = tree.resolve(start)
    pattern = clean(rest).lstrip("/")
    if base is None or pattern.startswith("../") or pattern == "..":
        raise NotThere(source)
    below = f"{base}/" if base else ""
    fit = fits("**" if pattern == "." else pattern)
    places = [path[len(below) :] for path in tree.below(base)]
    taken = [place for place in places if any(map(fit, lineage(place))) and not exclude.leaves_out(place)]
    if not taken and not is_wild(pattern):
        raise NotThere(source)
    parents = {"/".join(place.split("/")[:count]) for place in taken for count in range(1, place.count("/") + 1)}
    keep = parents | set(taken)
    return [Chosen(below + place, place) for place in places if place in keep]
