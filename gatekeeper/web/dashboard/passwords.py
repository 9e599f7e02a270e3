"""Passwords of staff: which are good, how they are kept, and the codes by which somebody sets one.

A password has a length and is hard to guess; nothing else is asked of it (NIST SP 800-63B section 5.1.1.2). That it is
none of those that leaked is answered by zxcvbn's own lists of common ones: no password leaves this machine to be
looked up (OWASP ASVS 6.2.4).
"""

import hmac
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gatekeeper.web.errors import TooManySlow
from gatekeeper.web.ids import receipt_code

#: In characters, whatever they are.
SHORTEST = 12
LONGEST = 256
#: On zxcvbn's scale from 0 to 4: "safely unguessable", 10^8 guesses and more.
_SCORE = 3
#: What zxcvbn looks at: its time grows with the square of the length.
_LOOKED_AT = 72
#: How long an invitation is good, in seconds.
INVITED_FOR = 7 * 86_400
_INVITED = "invited"

# OWASP's cheat sheet on storing passwords, 2025: 19 MiB, two passes. 40 ms; many at once must not fill the memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_working = threading.BoundedSemaphore(2)
_waiting = threading.BoundedSemaphore(8)
#: zxcvbn keeps what it is told to look for in a table of its own.
_rating = threading.Lock()


def keep_password(password: str) -> str:
    """Return what is kept of a password.

    :raises TooManySlow: too many are being looked at.
    """
    with _in_turn():
        return _hasher.hash(_plain(password))


def fits(kept: str, password: str) -> bool:
    """Tell whether a password is the one that was kept. Takes as long where none was.

    :raises TooManySlow: too many are being looked at.
    """
    has_one = is_set(kept)
    with _in_turn():
        try:
            return _hasher.verify(kept if has_one else _nobodys(), _plain(password[:LONGEST])) and has_one
        except (VerificationError, InvalidHashError):
            return False


def weakness(password: str, *, about: Sequence[str] = ()) -> str:
    """Return why a password is not taken, and what would be; empty where it is.

    :param about: words that somebody who guesses tries first: the name, the address.
    """
    count = len(unicodedata.normalize("NFKC", password))
    if count < SHORTEST:
        return f"It has {count} characters: at least {SHORTEST} are needed. A few words that do not belong together do."
    if len(password) > LONGEST:
        return f"It has {len(password)} characters: at most {LONGEST} are taken."
    return _guessable(password[:_LOOKED_AT], ["gatekeeper", *about])


def _guessable(password: str, about: list[str]) -> str:
    from zxcvbn import zxcvbn  # 10 MB of lists, for those who choose a password

    with _rating:
        told = zxcvbn(password, user_inputs=about)
    if told["score"] >= _SCORE:
        return ""
    warning = told["feedback"]["warning"] or "It is easy to guess"
    hints = " ".join(f"{hint.rstrip('.')}." for hint in told["feedback"]["suggestions"])
    return f"{warning.rstrip('.')}. {hints}".strip()


def invite(*, now: int) -> tuple[str, str]:
    """Return a code by which somebody sets a password, and what is kept of it in the password's place.

    It is good once, as what is kept of it is then gone; a new one takes the old one's place.
    """
    code, until = receipt_code(), now + INVITED_FOR
    return code, f"{_INVITED}:{until}:{_hashed(code)}"


def is_set(kept: str) -> bool:
    """Tell whether there is a password."""
    return kept.startswith("$argon2")


def is_invited(kept: str, *, now: int) -> bool:
    """Tell whether a code is out that is still good."""
    kind, _, rest = kept.partition(":")
    return kind == _INVITED and now < int(rest.partition(":")[0])


def code_fits(kept: str, code: str, *, now: int) -> bool:
    """Tell whether a code is the one that was given out, and still good."""
    return is_invited(kept, now=now) and hmac.compare_digest(kept.rpartition(":")[2], _hashed(code))


def _hashed(code: str) -> str:
    return sha256(code.replace("-", "").replace(" ", "").upper().encode("utf-8", "replace")).hexdigest()


def _plain(password: str) -> bytes:
    # What looks the same is the same, whatever keyboard it comes from.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _hasher.hash(receipt_code())


@contextmanager
def _in_turn() -> Iterator[None]:
    """Wait for one's turn: two at a time, and few who wait, so that visitors are answered meanwhile."""
    if not _waiting.acquire(blocking=False):
        raise TooManySlow("too many people sign in just now: try again in a moment")
    try:
        with _working:
            yield
    finally:
        _waiting.release()
