"""What comes from elsewhere as folders, one a version (a commit, a manifest): each complete or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from stackup.kernel.files import list_dir, make_dir, sync_dir

_DRAFT = ".draft"


def complete(home: str, fill: Callable[[str], object]) -> None:
    """Makes the folder of a version unless it is there; `fill` writes into an empty one.

    Under the lock of all versions beside it, so that every draft there is, is the litter of one that was killed.
    """
    top = os.path.dirname(home)
    make_dir(top)
    for litter in list_dir(top):
        if litter.endswith(_DRAFT):
            shutil.rmtree(os.path.join(top, litter))
    if os.path.isdir(home):
        return
    draft = f"{home}{_DRAFT}"
    os.mkdir(draft, 0o700)
    try:
        fill(draft)
        os.rename(draft, home)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_dir(top)
