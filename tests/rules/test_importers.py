"""One third-party package, one importer: imports are the start-up time."""

from __future__ import annotations

import sys

import pytest

from tests.rules.tree import Module, modules

IMPORTERS = {
    "ctypes": ("stackup.kernel.calls", "stackup.kernel.abi"),
    "typer": ("stackup.cli",),
    "click": ("stackup.cli",),
    "rich": ("stackup.cli",),
    "ruamel": ("stackup.stackfile.parse",),
    "_ruamel_yaml": ("stackup.stackfile.parse",),  # libyaml's parser; ruamel.yaml names it in no public place
    "pydantic": ("stackup.stackfile.model",),
    "pydantic_core": ("stackup.stackfile.model",),
    "networkx": ("stackup.reconcile.graph",),
    "pyroute2": ("stackup.kernel.netlink",),
    "isal": ("stackup.images.compression",),
    "zstandard": ("stackup.images.compression",),
    "urllib3": ("stackup.images.transport",),
    "nacl": ("stackup.kernel.sealing",),
    "subprocess": ("stackup.runtime.launch", "stackup.images.credentials", "stackup.images.git"),  # programs
}


def foreign(module: Module) -> set[str]:
    tops = {name.split(".")[0] for name in module.imports()}
    return {top for top in tops if top in IMPORTERS or (top not in sys.stdlib_module_names and top != "stackup")}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_package_is_imported_where_the_table_says(module: Module) -> None:
    for top in foreign(module):
        homes = IMPORTERS.get(top, ())
        assert any(module.name == home or module.name.startswith(home + ".") for home in homes), (
            f"{module.relative} imports {top}; its importers are {homes}"
        )
