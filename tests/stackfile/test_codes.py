"""Every code that is used is explained, and every explained code is used."""

from __future__ import annotations

import re
from pathlib import Path

import stackup
from stackup.stackfile.codes import CODES


def test_codes_and_their_explanations_match() -> None:
    folder = Path(stackup.__file__).parent
    texts = [path.read_text() for path in folder.rglob("*.py") if path.name != "codes.py"]
    used = {code for text in texts for code in re.findall(r'"(SU[01]\d{2})"', text)}
    assert used == set(CODES)
    assert all(headline and explanation.endswith(".") for headline, explanation in CODES.values())
