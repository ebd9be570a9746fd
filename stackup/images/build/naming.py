"""What the layers of a build are called, and which of them must be made: by keys, so that equal steps are one layer.

Three things part names of equal steps: a date that files are held to, `--no-cache`, and the caches that a stack file
names. What comes out of a cache is what its writer says that it is; it must not be found by builds whose files do not
name that cache, so steps of a file that names some have names of their own (`Request.apart`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256

from stackup.images.build.outline import Outline, image_id
from stackup.images.build.recipe import Source, Vertex
from stackup.images.store import Store


def predicted(outline: Outline, store: Store, *, anew: bool = False) -> tuple[str, str]:
    """The id and the configuration of the image that it is when nothing has changed, or will be when it is built."""
    layers = named(outline, store)[0] if anew else {}
    text = outline.image_text(layers or {one.id: _current(store, outline, one) for one in operations(outline)})
    return image_id(text), text


def named(outline: Outline, store: Store) -> tuple[dict[int, str], set[int]]:
    """The layer of each operation, and which of them are made whatever is there: where the cache is not asked,
    everything that rests on the step is made again too, under a new name.
    """
    request = outline.request
    layers: dict[int, str] = {}
    fresh: set[int] = set()
    for vertex in operations(outline):
        stage = outline.stages.stages[vertex.stage or 0]
        asked = request.no_cache or stage.label in request.no_cache_filter
        if asked or any(one in fresh for one in vertex.needs):
            fresh.add(vertex.id)
            layers[vertex.id] = _mixed(_name_of(outline, vertex), request.again)
        else:
            layers[vertex.id] = _current(store, outline, vertex)
    return layers, fresh


def operations(outline: Outline) -> Iterator[Vertex]:
    return (one for one in outline.recipe.vertices if not isinstance(one.work, Source))


def key_of(outline: Outline, vertex: Vertex) -> str:
    """What a step makes, the same on every machine. A date that files are held to is a part of what they are."""
    key = outline.keys.layers[vertex.id]
    return key if outline.epoch is None else _mixed(key, str(outline.epoch))


def keep_fresh(store: Store, outline: Outline, vertex: Vertex, layer: str) -> None:
    """What was made without the cache is what the next build finds."""
    store.write_note(_again_note(_name_of(outline, vertex)), {"layer": layer})


def demand(outline: Outline, there: Callable[[Vertex], bool]) -> tuple[list[Vertex], list[Vertex]]:
    """The operations that the target needs made, each after what it needs, and those that are there already. What lies
    above one that is there is never looked at.
    """
    vertices = outline.recipe.vertices
    needed: dict[int, bool] = {}
    todo = [outline.recipe.result]
    while todo:
        at = todo.pop()
        if at is None or at in needed or isinstance(vertices[at].work, Source):
            continue
        needed[at] = not there(vertices[at])
        todo.append(vertices[at].parent)
        todo += [one.vertex for one in vertices[at].inputs if needed[at]]
    order = sorted(needed)
    return [vertices[at] for at in order if needed[at]], [vertices[at] for at in order if not needed[at]]


def _name_of(outline: Outline, vertex: Vertex) -> str:
    key = key_of(outline, vertex)
    return _mixed(key, outline.request.apart) if outline.request.apart else key


def _current(store: Store, outline: Outline, vertex: Vertex) -> str:
    """The layer under a name: of that very name, unless it was built again without the cache."""
    name = _name_of(outline, vertex)
    note = store.read_note(_again_note(name))
    return str(note["layer"]) if note else name


def _mixed(key: str, word: str) -> str:
    return f"sha256:{sha256(f'{key} {word}'.encode()).hexdigest()}"


def _again_note(name: str) -> str:
    return f"again/{name.removeprefix('sha256:')}.json"
