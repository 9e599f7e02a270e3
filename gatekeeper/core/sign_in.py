"""How staff sign in: whether everybody needs a second factor, and a provider of identities that vouches for them.

This is the settings. No secret is in them, only the name of the file that holds one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from .problems import Problem

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class SecondFactor(StrEnum):
    """Of whom a second factor is asked."""

    OPTIONAL = "optional"  #: of whoever has switched it on
    REQUIRED = "required"  #: of everybody; without, only one's own account opens


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody else who signs staff in (OpenID Connect).

    :param issuer: its address, as it names itself.
    :param secret_file: the path of the client's secret, beside gatekeeper.toml unless it begins with ``/``.
    :param name: what the button calls it.
    """

    issuer: str
    client_id: str
    secret_file: str
    name: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """How staff sign in.

    :param provider: None where only passwords open accounts.
    """

    second_factor: SecondFactor = SecondFactor.OPTIONAL
    provider: Provider | None = None


def read_sign_in(tables: Mapping[str, Any]) -> tuple[SignIn, list[Problem]]:
    """Read ``[staff]`` of a file whose form is right, and return it with its mistakes."""
    staff = tables.get("staff", {})
    asked = SecondFactor(staff.get("second_factor", SecondFactor.OPTIONAL))
    table = staff.get("oidc")
    if table is None:
        return SignIn(asked), []
    issuer = table["issuer"].rstrip("/")
    place = urlsplit(issuer)
    provider = Provider(
        issuer, table["client_id"], table["client_secret_file"], table.get("name", place.hostname or "")
    )
    if place.scheme == "https" or place.hostname in _HERE:
        return SignIn(asked, provider), []
    rule = "an https address: who may see everything is what it says"
    return SignIn(asked), [Problem("staff.oidc.issuer", issuer, rule, 'write for example "https://login.example.com"')]
