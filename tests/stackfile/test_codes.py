"""Every code that is used is explained, and every explained code is used."""

from __future__ import annotations

import re
from pathlib import Path

import stackup
from stackup.engines.desire.codes import CODES as TRANSLATING
from stackup.stackfile.codes import CODES as READING


def test_codes_and_their_explanations_match() -> None:
    folder = Path(stackup.__file__).parent
    texts = [path.read_text() for path in folder.rglob("*.py") if path.name != "codes.py"]
    used = {code for text in texts for code in re.findall(r'"(SU[01]\d{2})"', text)}
    assert used == set(READING) | set(TRANSLATING)
    assert not set(READING) & set(TRANSLATING)
    texts_of_codes = (*READING.values(), *TRANSLATING.values())
    assert all(headline and explanation.endswith(".") for headline, explanation in texts_of_codes)
