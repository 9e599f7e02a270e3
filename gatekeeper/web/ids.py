"""New random ids, from the operating system's generator."""

import base64
import os
import secrets
import time

_CODE_BYTES = 16


def random_id() -> bytes:
    """Return 128 random bits: a subject, a record (OWASP ASVS 11.5.1)."""
    return secrets.token_bytes(16)


def event_id() -> bytes:
    """Return a UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return (value & ~(0x3 << 62) | 0x2 << 62).to_bytes(16, "big")


def receipt_code() -> str:
    """Return a receipt code: 128 random bits in Base32, in groups that can be read aloud."""
    text = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().rstrip("=")
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))
