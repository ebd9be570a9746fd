"""What is sealed comes out as it went in, with the same key and for the same purpose, or not at all."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackup.errors import HostError
from stackup.kernel import sealing

KEY = b"k" * 32


@given(st.binary(max_size=200), st.text(max_size=20))
def test_it_comes_out_as_it_went_in(data: bytes, about: str) -> None:
    for seal in (sealing.seal, sealing.seal_same):
        assert sealing.opened(KEY, seal(KEY, data, about), about) == data


def test_the_same_is_the_same_text_and_everything_else_another() -> None:
    texts = [
        sealing.seal_same(KEY, data, about) for data, about in ((b"a", "x"), (b"b", "x"), (b"a", "y"), (b"", "xa"))
    ]
    assert len(set(texts)) == 4
    assert len({b64decode(text)[:24] for text in texts}) == 4, "no two share a nonce"
    assert sealing.seal_same(KEY, b"a", "x") == texts[0]
    assert sealing.seal(KEY, b"a", "x") != sealing.seal(KEY, b"a", "x")


def test_the_text_does_not_hold_the_bytes() -> None:
    assert b"hunter2" not in b64decode(sealing.seal(KEY, b"hunter2" * 10, "x"))


def test_another_key_another_purpose_or_one_bit_and_it_does_not_open() -> None:
    text = sealing.seal(KEY, b"data", "secret a")
    raw = bytearray(b64decode(text))
    changed = []
    for at in range(len(raw)):
        raw[at] ^= 1
        changed.append(b64encode(raw).decode())
        raw[at] ^= 1
    cases = [(b"l" * 32, text, "secret a"), (KEY, text, "secret b"), (KEY, text, "config a"), (KEY, "", "secret a")]
    cases += [(KEY, one, "secret a") for one in (*changed, text[:-8], "no base64!", "é")]
    for key, sealed, about in cases:
        with pytest.raises(HostError, match="cannot be opened") as caught:
            sealing.opened(key, sealed, about)
        assert "data" not in str(caught.value)
