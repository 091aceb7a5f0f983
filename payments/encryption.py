"""Personal data at rest: AES-256-GCM under a named key, and a keyed hash to look it up by.

A ciphertext is `key id:base64(nonce + sealed)`. What it belongs to (`table.column`) is bound in, so
a value copied into another column does not open. A file is encrypted under a key of its own, and
only that key is sealed this way.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings


class Unreadable(Exception):
    """A ciphertext whose key is missing, or that was altered or moved."""


def seal(plain: str, *, place: str) -> str:
    """Encrypt under the newest key; `place` is `table.column`. An empty text stays empty."""
    if not plain:
        return ""
    key_id, key = next(iter(settings.FIELD_KEYS.items()))
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, plain.encode(), place.encode())
    return f"{key_id}:{base64.b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, place: str) -> str:
    """The text that was sealed for this place; empty stays empty.

    Raises Unreadable when the key is unknown or the value was tampered with.
    """
    if not sealed:
        return ""
    key_id, _, encoded = sealed.partition(":")
    key = settings.FIELD_KEYS.get(key_id)
    if key is None:
        raise Unreadable(f"key {key_id} is not in FIELD_KEYS")
    raw = base64.b64decode(encoded)
    try:
        return AESGCM(key).decrypt(raw[:12], raw[12:], place.encode()).decode()
    except InvalidTag as error:
        raise Unreadable(place) from error


def new_key() -> str:
    """A key for one file; kept sealed beside it, so that changing keys leaves the file alone."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def seal_bytes(plain: bytes, *, key: str, place: str) -> bytes:
    """Encrypt a file under a key of its own (`new_key`)."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(base64.b64decode(key)).encrypt(nonce, plain, place.encode())


def unseal_bytes(sealed: bytes, *, key: str, place: str) -> bytes:
    """The file that was sealed under this key for this place. Raises Unreadable."""
    try:
        return AESGCM(base64.b64decode(key)).decrypt(sealed[:12], sealed[12:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise Unreadable(place) from error


def newest_prefix() -> str:
    """What every ciphertext under the newest key begins with."""
    return f"{next(iter(settings.FIELD_KEYS))}:"


def blind_index(value: str, *, kind: str) -> str:
    """A keyed hash to find equal values by; an unkeyed hash of a phone would be plaintext."""
    return _mac(f"{kind}\0{value}")


def token_hash(token: str) -> str:
    """What is stored of a secret that only its holder may know."""
    return hashlib.sha256(token.encode()).hexdigest()


def event_token(order_ref: str) -> str:
    """The bearer token an operator must show when it sends events about one reservation."""
    return _mac(f"carrier-event\0{order_ref}")


def _mac(text: str) -> str:
    return hmac.new(settings.BLIND_INDEX_KEY, text.encode(), hashlib.sha256).hexdigest()
