"""What each image really costs: layers that it shares with others count once, and go only with the last of them."""

from __future__ import annotations

from collections import Counter

from stackup.images.store import HOST_NOTE, Store, texts
from stackup.values import Data


def usage(store: Store) -> tuple[list[Data], Data]:
    """A row an image (`Store.images` with shared and unique bytes), and the sum: all layers, and those of no image."""
    sizes = {layer: store.layer_size(layer) for layer in store.layer_ids() if store.has_layer(layer)}
    rows = store.images()
    layers = {str(row["id"]): set(texts(store.get(str(row["id"]))["layers"])) for row in rows}
    users = Counter(layer for found in layers.values() for layer in found)
    for row in rows:
        own = layers[str(row["id"])]
        row["unique"] = sum(sizes.get(layer, 0) for layer in own if users[layer] == 1)
        row["shared"] = sum(sizes.get(layer, 0) for layer in own if users[layer] > 1)
    host = store.read_note(HOST_NOTE)
    loose = set(sizes) - set(users) - ({str(host["layer"])} if host else set())
    return rows, {"layers": len(sizes), "size": sum(sizes.values()), "unused": sum(sizes[layer] for layer in loose)}
