"""Every code that is used is explained."""

from __future__ import annotations

import re
from pathlib import Path

import stackup
from stackup.images.build.codes import CODES, DOING


def test_codes_and_their_explanations_match() -> None:
    folder = Path(stackup.__file__).parent / "images" / "build"
    texts = [path.read_text() for path in folder.glob("*.py") if path.name != "codes.py"]
    used = {code for text in texts for code in re.findall(r'"(SU2\d{2})"', text)}
    assert used == CODES.keys() | DOING.keys()
    assert all(headline and explanation.endswith(".") for headline, explanation in (CODES | DOING).values())
