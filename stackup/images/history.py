"""How an image came about: the instructions that its configuration tells of, with the layers that they made."""

from __future__ import annotations

import json

from stackup.images.manifest import created_of
from stackup.images.store import Store, texts
from stackup.values import Data, Json


def history(store: Store, image_id: str) -> list[Data]:
    """The newest step first: created, created_by, comment, size, layer; layer is empty for a step that made none.

    Layers that no step tells of are steps of their own on top: an image need not have a history.
    """
    record = store.get(image_id)
    layers = texts(record["layers"])
    steps: list[Data] = []
    for told in _told(str(record["config_text"])):
        layer = "" if told.get("empty_layer") is True or not layers else layers.pop(0)
        steps.append(_step(store, told, layer))
    found = [*steps, *(_step(store, {}, layer) for layer in layers)]
    if found and not found[-1]["created"]:
        found[-1]["created"] = record["created"]
    return found[::-1]


def _told(config_text: str) -> list[Data]:
    found: Json = json.loads(config_text).get("history")
    return [step for step in found if isinstance(step, dict)] if isinstance(found, list) else []


def _step(store: Store, told: Data, layer: str) -> Data:
    return {
        "created": created_of(json.dumps(told)),
        "created_by": str(told.get("created_by") or ""),
        "comment": str(told.get("comment") or ""),
        "size": store.layer_size(layer) if layer else 0,
        "layer": layer,
    }
