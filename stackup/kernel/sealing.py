"""Bytes sealed with the key of the state root: unreadable and unchangeable without it. The only user of PyNaCl.

XChaCha20-Poly1305 (libsodium). What a sealed text is about is sealed along, so that one cannot be put in another's
place. Importing it takes 15 ms: only who seals or opens does.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from stackup.errors import HostError
from stackup.kernel import keyfile


def seal(key: bytes, data: bytes, about: str) -> str:
    """Text that is another one every time."""
    return b64encode(_box(key).encrypt(data, about.encode())).decode()


def seal_same(key: bytes, data: bytes, about: str) -> str:
    """The same text for the same bytes, for what is compared: the nonce is a keyed hash of everything that is sealed,
    so that two that are different never share one.
    """
    whole = len(about).to_bytes(4) + about.encode("utf-8", "surrogateescape") + data
    nonce = bytes.fromhex(keyfile.fingerprint(key, whole))[: Aead.NONCE_SIZE]
    return b64encode(_box(key).encrypt(data, about.encode(), nonce)).decode()


def opened(key: bytes, sealed: str, about: str) -> bytes:
    """Raises HostError for what another key sealed, or what somebody changed."""
    try:
        return _box(key).decrypt(b64decode(sealed, validate=True), about.encode())
    except (CryptoError, ValueError) as problem:
        hint = "the key of this state root is another one than it was sealed with, or the file was changed"
        raise HostError(f"{about} cannot be opened", subject=about, hint=hint, code="cannot-open") from problem


def _box(key: bytes) -> Aead:
    return Aead(keyfile.sealing_key(key))
