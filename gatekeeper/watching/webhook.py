"""The webhook: a signed POST of JSON to an address of the operator's own."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gatekeeper import __version__

from .mail import Undelivered, plain

SIGNATURE = "X-Gatekeeper-Signature"
#: How long it may take, in seconds.
WITHIN = 20.0


class _NoRedirects(HTTPRedirectHandler):
    """Follows none: who answers elsewhere is not whom the operator named."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = build_opener(_NoRedirects)


def sign(secret: str, body: bytes, *, at: int) -> str:
    """Return the signature of a body, with when it was made: an old one sent again can be told."""
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},sha256={made}"


def post(address: str, value: Mapping[str, Any], secret: str, *, now: int) -> None:
    """Post a JSON value.

    :param secret: empty for no signature.
    :raises Undelivered: nobody said that it was received.
    """
    body = json.dumps(value, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": f"gatekeeper/{__version__}"}
    if secret:
        headers[SIGNATURE] = sign(secret, body, at=now)
    request = Request(address, body, headers, method="POST")  # noqa: S310  # checked where it is read
    try:
        with _OPENER.open(request, timeout=WITHIN) as answer:
            answer.read(1024)
    except HTTPError as error:
        raise Undelivered(f"webhook: it answered {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        why = error.reason if isinstance(error, URLError) else error
        raise Undelivered(f"webhook: {plain(str(why))[:200] or type(why).__name__}") from error
