"""Trees as values, so that "byte-identical before and after" is one comparison."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything that lstat, xattrs and content say of each path below `root`; access times excepted."""
    found = {}
    for top, directories, files in os.walk(root):
        for name in (*directories, *files, "."):
            path = os.path.join(top, name)
            info = os.lstat(path)
            kind = stat.S_IFMT(info.st_mode)
            content: object = None
            if kind == stat.S_IFREG:
                content = Path(path).read_bytes()
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            attributes = {
                key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False)
            }
            found[path] = (
                info.st_mode,
                info.st_uid,
                info.st_gid,
                info.st_mtime_ns,
                info.st_nlink,
                info.st_rdev,
                content,
                str(attributes),
            )
    return found


def plant_canary(root: Path) -> dict[str, tuple[object, ...]]:
    """A little host outside every layer, and what it looks like."""
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0\n")
    (root / "etc/script").write_text("#!/bin/sh\n")
    (root / "etc/script").chmod(0o640)
    (root / "empty").mkdir(mode=0o700)
    (root / "link").symlink_to("etc/passwd")
    return snapshot(root)
