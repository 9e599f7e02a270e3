"""A provider of identities, asked by OpenID Connect: who is it that signs in there?

The code flow with PKCE, state and nonce (OpenID Connect Core 1.0 section 3.1, RFC 9700). Only what the provider says
over TLS and signs is believed, and of that only an address that it has verified.
"""

import json
import time
from base64 import b64encode
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gatekeeper.core.errors import GatekeeperError
from gatekeeper.core.sign_in import Provider

_PATIENCE = 5.0  # seconds
_LONGEST = 1_000_000  # bytes
#: How long what the provider says of itself is believed, in seconds: its keys change.
_FRESH = 600
#: What it may sign with: what others can check, but not make.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LEEWAY = 60  # seconds


class Unvouched(GatekeeperError):
    """The provider cannot be asked, or does not say who it is."""


def way_to(provider: Provider, *, back: str, state: str, nonce: str, verifier: str) -> str:
    """Return the address at the provider where a browser signs in.

    :param back: where it sends the browser afterwards.
    :raises Unvouched: the provider cannot be asked.
    """
    return str(
        prepare_grant_uri(
            _about(provider, "authorization_endpoint"),
            provider.client_id,
            "code",
            back,
            "openid email",
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
    )


def who(provider: Provider, folder: Path, code: str, *, back: str, nonce: str, verifier: str, now: int) -> str:
    """Return the e-mail address of whoever has signed in at the provider.

    :param folder: where the file with the secret is, unless its path says so.
    :raises Unvouched: it does not vouch for one.
    """
    secret = (folder / provider.secret_file).read_text("utf-8").strip()
    told = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
    basic = b64encode(f"{quote(provider.client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = _ask(Request(_about(provider, "token_endpoint"), urlencode(told).encode(), headers))  # noqa: S310
    told_with = {"nonce": nonce, "client_id": provider.client_id, "access_token": answer.get("access_token")}
    claims = _read(provider, str(answer.get("id_token", "")), told_with, now)
    if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
        raise Unvouched("the provider has not verified an e-mail address")
    return str(claims["email"])


def _read(provider: Provider, token: str, told_with: dict[str, Any], now: int) -> CodeIDToken:
    try:
        keys = KeySet.import_key_set(_ask(Request(_about(provider, "jwks_uri"))))  # type: ignore[arg-type]  # noqa: S310
        read = jwt.decode(token, keys, algorithms=_ALGORITHMS)
        wanted = {
            "iss": {"essential": True, "value": _about(provider, "issuer")},
            "aud": {"essential": True, "value": provider.client_id},
        }
        claims = CodeIDToken(read.claims, read.header, wanted, told_with)
        claims.validate(now=now, leeway=_LEEWAY)
    except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
        raise Unvouched(f"what the provider says cannot be believed ({type(error).__name__})") from error
    return claims


def _about(provider: Provider, what: str) -> str:
    """Return something that the provider says of itself: an address.

    :raises Unvouched: it is not there, or speaks for another.
    """
    told = _described(provider.issuer, int(time.monotonic() // _FRESH))
    value = told.get(what)
    safe = ("https://", "http://localhost", "http://127.0.0.1", "http://[::1]")
    if (
        told.get("issuer", "").rstrip("/") != provider.issuer
        or not isinstance(value, str)
        or not value.startswith(safe)
    ):
        raise Unvouched(f"the provider does not say its {what}")
    return value


@lru_cache(maxsize=2)
def _described(issuer: str, epoch: int) -> dict[str, Any]:
    return _ask(Request(f"{issuer}/.well-known/openid-configuration"))  # noqa: S310 - checked where it is read


def _ask(request: Request) -> dict[str, Any]:
    try:
        with _opener.open(request, timeout=_PATIENCE) as answer:
            told = json.loads(answer.read(_LONGEST))
    except (URLError, OSError, ValueError) as error:
        raise Unvouched(f"the provider does not answer ({type(error).__name__})") from error
    if not isinstance(told, dict):
        raise Unvouched("the provider does not answer as it should")
    return told


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **more: Any) -> None:
        """Go nowhere else with a secret."""


_opener = build_opener(_NoRedirects)
