"""Sealing: what an event says is kept under its subject's own key, so that forgetting the key forgets the event.

What a body held is then gone from the database, its write-ahead log and every backup at once (GDPR Art. 17).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatekeeper.core.decisions import Allowed
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.events import Event

_KEY = 32  # bytes: AES-256
_NONCE = 12  # bytes (NIST SP 800-38D section 5.2.1.1)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(type=dict[str, Any]).decode


def new_key() -> bytes:
    """Return a key for a new subject."""
    return os.urandom(_KEY)


def opener(key: bytes) -> AESGCM:
    """Return what seals and opens under a key. Making it costs as much as using it, so keep it."""
    return AESGCM(key)


def encode_body(event: Event, permit: Allowed) -> bytes:
    """Return what is to be sealed of an event: its fields, and the decision that permitted it.

    :raises InvalidInput: a field cannot be written as UTF-8.
    """
    try:
        return _encode({"fields": dict(event.fields), "permit": [permit.reason.value, permit.purpose, permit.notice]})
    except UnicodeEncodeError as error:
        raise InvalidInput("a field of the event is not valid Unicode: it has half of a surrogate pair") from error


def new_nonces(count: int) -> Iterator[bytes]:
    """Yield so many nonces, drawn at once: each call of the system's generator lets go of Python's lock."""
    drawn = os.urandom(count * _NONCE)
    return (drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE))


def seal(sealer: AESGCM, body: bytes, site: str, subject: bytes, event: bytes, *, nonce: bytes | None = None) -> bytes:
    """Seal a body. It opens only as the body of this event, of this subject, on this site.

    :param nonce: one of :func:`new_nonces`, used for nothing else; None means a new one.
    """
    nonce = nonce or os.urandom(_NONCE)
    return nonce + sealer.encrypt(nonce, body, _bound_to(site, subject, event))


def unseal(sealer: AESGCM, sealed: bytes, site: str, subject: bytes, event: bytes) -> bytes | None:
    """Return a body that was sealed; None where it was changed or is not this event's."""
    try:
        return sealer.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(site, subject, event))
    except (InvalidTag, ValueError):  # a ValueError where it is too short to hold a nonce
        return None


def open_fields(sealer: AESGCM, sealed: bytes, site: str, subject: bytes, event: bytes) -> Mapping[str, str] | None:
    """Return the fields of a sealed body; None where it was changed or is not this event's."""
    body = unseal(sealer, sealed, site, subject, event)
    return None if body is None else decode_body(body)[0]


def decode_body(body: bytes) -> tuple[Mapping[str, str], tuple[str, str, int | None]]:
    """Return the fields of an event, and the decision that permitted it: its reason, purpose and notice."""
    found = _decode(body)
    return found["fields"], found["permit"]


def change_fields(
    sealer: AESGCM,
    sealed: bytes,
    site: str,
    subject: bytes,
    event: bytes,
    change: Callable[[Mapping[str, str]], Mapping[str, str]],
) -> bytes | None:
    """Return a sealed body with its fields changed, to be sealed again; None where it is not this event's."""
    try:
        body = _decode(sealer.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(site, subject, event)))
    except (InvalidTag, ValueError):
        return None
    return _encode({**body, "fields": dict(change(body["fields"]))})


def decode_permit(body: bytes) -> tuple[str, str, int | None]:
    """Return the decision that permitted an event: its reason, purpose and notice."""
    reason, purpose, notice = decode_body(body)[1]
    return reason, purpose, notice


def _bound_to(site: str, subject: bytes, event: bytes) -> bytes:
    # Subject and event ids have 16 bytes each, so the parts cannot run into one another.
    return site.encode() + subject + event
