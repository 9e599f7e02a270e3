"""The second factor: six digits that change every half minute (RFC 6238), and codes for when the telephone is gone.

The secret is sealed under a key that is made from the service's own: a copy of the database alone makes no codes.
"""

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

import pyotp
import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gatekeeper.web.ids import receipt_code

#: How long a code is shown, in seconds (RFC 6238 section 5.2).
STEP = 30
#: For clocks that differ: one step before and after is taken as well.
_STEPS = (0, -1, 1)
#: How many recovery codes there are.
RECOVERY = 10
_NONCE = 12  # bytes (NIST SP 800-38D section 5.2.1.1)
_USE = b"gatekeeper.staff.totp"


def new_secret() -> str:
    """Return a secret to share with somebody's telephone: 160 random bits (RFC 4226 section 4)."""
    return pyotp.random_base32()


def seal(keys: Sequence[str], account: bytes, secret: str) -> str:
    """Return a secret as it is kept; it opens only as this account's."""
    nonce = os.urandom(_NONCE)
    return urlsafe_b64encode(nonce + _sealer(keys[-1]).encrypt(nonce, secret.encode(), account)).decode()


def unseal(keys: Sequence[str], account: bytes, sealed: str) -> str:
    """Return a secret that was sealed; empty where no key on the list opens it."""
    for key in reversed(keys):
        try:
            held = urlsafe_b64decode(sealed)
            return _sealer(key).decrypt(held[:_NONCE], held[_NONCE:], account).decode()
        except (InvalidTag, ValueError):  # a ValueError where it is no base64, or too short to hold a nonce
            continue
    return ""


def step_of(secret: str, code: str, *, now: int) -> int | None:
    """Return the step that a code is of; None where it is wrong, or too old.

    A step's code is good once (RFC 6238 section 5.2): that is the caller's to keep.
    """
    digits = "".join(code.split())
    if not secret or not (digits.isascii() and digits.isdecimal()):
        return None
    for step in (now // STEP + later for later in _STEPS):
        if hmac.compare_digest(pyotp.TOTP(secret).at(step * STEP), digits):
            return step
    return None


def new_recovery() -> list[str]:
    """Return new recovery codes. Each has so many bits that a plain hash of it may be kept (OWASP ASVS 6.5.2)."""
    return [receipt_code() for _ in range(RECOVERY)]


def hash_recovery(code: str) -> str:
    """Return what is kept of a recovery code, however it is typed."""
    return sha256("".join(code.split()).replace("-", "").upper().encode("utf-8", "replace")).hexdigest()


def address_of(secret: str, email: str, place: str) -> str:
    """Return what an authenticator reads: the secret, and whose it is.

    :param place: where it is good: the host.
    """
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=f"Gatekeeper {place}")


def picture_of(text: str) -> tuple[int, str]:
    """Return a text as a QR code: its size in modules with the margin, and the path of an SVG that draws it."""
    code = segno.make(text, error="m", micro=False)
    rows = list(code.matrix_iter(border=4))
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return len(rows), path


def _sealer(key: str) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=_USE).derive(key.encode()))
