from __future__ import annotations

from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.kernel import netns


def test_an_empty_file_is_not_a_namespace(tmp_path: Path) -> None:
    pin = tmp_path / "netns"
    assert not netns.is_pinned(str(pin))
    pin.touch()
    assert not netns.is_pinned(str(pin))
    with pytest.raises(HostError, match="is not a pinned network namespace"):
        netns.open_pin(str(pin))
    netns.remove(str(pin))
    assert not pin.exists()
    netns.remove(str(pin))
