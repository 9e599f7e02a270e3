"""New random ids, from the operating system's generator."""

import hmac
import os
import secrets
import time

#: Crockford's Base32: no letter looks like a digit.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: A letter for each byte; of 256 bytes eight become each of 32 letters, so that none is likelier than another.
_LETTER_OF = _LETTERS.encode() * 8
_GROUPS, _GROUP = 6, 5


def random_id() -> bytes:
    """Return 128 random bits: a subject, a record (OWASP ASVS 11.5.1)."""
    return secrets.token_bytes(16)


def event_id() -> bytes:
    """Return a UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return _uuid(value, version=7)


def order_event_id(key: str, subject: bytes, site: str, event: str, order: str) -> bytes:
    """Return the id of the event that tells of an order: always the same one, so that it is kept once.

    A keyed hash (UUIDv8, RFC 9562 section 5.8): an order's number cannot be guessed from it without the key.

    :param key: a signing key. With another one an order that is told of again counts again.
    """
    told = b"\0".join([b"gatekeeper.order", subject, site.encode(), event.encode(), order.encode()])
    value = int.from_bytes(hmac.digest(key.encode(), told, "sha256")[:16], "big")
    return _uuid(value, version=8)


def _uuid(value: int, *, version: int) -> bytes:
    value = value & ~(0xF << 76) | version << 76
    return (value & ~(0x3 << 62) | 0x2 << 62).to_bytes(16, "big")


def receipt_code() -> str:
    """Return a receipt code: 150 random bits in six groups that can be read aloud."""
    letters = os.urandom(_GROUPS * _GROUP).translate(_LETTER_OF).decode()
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))
