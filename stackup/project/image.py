"""Images by hand: import, list, look at, remove, prune."""

from __future__ import annotations

from stackup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stackup.images.importer import Imported
    from stackup.images.store import Store
    from stackup.layout import Layout


def open_store(layout: Layout) -> Store:
    from stackup.images.store import Store

    return Store(layout.images_dir)


def list_images(layout: Layout) -> list[Any]:
    return open_store(layout).images()
