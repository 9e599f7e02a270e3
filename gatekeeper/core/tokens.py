"""Signed values: the ``gk_subject`` cookie and link tokens.

A token is base64url JSON and an HMAC-SHA-256 over it, by itsdangerous's ``Signer``. Each use has a salt of its own,
so that a token made for one use is worthless for another. No clock: expiry is the caller's to check.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
from itsdangerous import BadSignature, Signer

from .errors import BadToken

#: Longer tokens are refused unread.
MAX_TOKEN = 4096
#: Shorter keys are refused at start (NIST SP 800-107: an HMAC key as long as the hash's security strength).
MIN_KEY = 32  # characters


class Tokens:
    """Sign and verify values for one use.

    :param keys: oldest first; any may verify, the last one signs.
    """

    def __init__(self, keys: Sequence[str], use: str) -> None:
        self._signer = Signer(list(keys), salt=f"gatekeeper.{use}", digest_method=sha256)

    def sign(self, value: Any) -> str:
        """Return a token for a JSON value, of the characters ``[A-Za-z0-9_.-]``."""
        body = urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=")
        return self._signer.sign(body).decode()

    def verify(self, token: str) -> Any:
        """Return the value of a token.

        :raises BadToken: no key on the list signed it, or its shape is wrong.
        """
        if len(token) > MAX_TOKEN:
            raise BadToken(f"longer than {MAX_TOKEN} characters")
        try:
            body = self._signer.unsign(token)
            return msgspec.json.decode(urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
        except (BadSignature, ValueError, msgspec.DecodeError) as error:
            raise BadToken("not signed by any key on the list") from error


@dataclass(frozen=True, slots=True)
class SubjectToken:
    """What the ``gk_subject`` cookie says: who, and exactly what they granted.

    :param choice: the ``gk_choice`` value as the server set it; it holds site, notice, day and what was granted.
    """

    subject: bytes
    record: bytes
    choice: str


class SubjectTokens:
    """Sign and verify ``gk_subject`` cookies."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._tokens = Tokens(keys, "subject")

    def sign(self, token: SubjectToken) -> str:
        """Return the cookie's value."""
        return self._tokens.sign([token.subject.hex(), token.record.hex(), token.choice])

    def verify(self, value: str) -> SubjectToken:
        """Read a cookie's value.

        :raises BadToken: it is not signed, or does not have the form.
        """
        try:
            subject, record, choice = self._tokens.verify(value)
            token = SubjectToken(bytes.fromhex(subject), bytes.fromhex(record), choice)
        except (TypeError, ValueError) as error:
            raise BadToken("not a subject token") from error
        if (len(token.subject), len(token.record)) != (16, 16) or not isinstance(choice, str):
            raise BadToken("not a subject token")
        return token
