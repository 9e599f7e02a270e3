"""Purposes: what a visitor is asked about, one bit each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from .signals import Signal

#: 25 months: the longest that audience data may be kept (CNIL, deliberation of 4 July 2025).
MAX_KEEP_DAYS = 760


class AgeBand(IntEnum):
    """How old a visitor is, as a band; the value is the band's youngest age. A birth date is never kept."""

    UNDER_13 = 0
    FROM_13 = 13
    FROM_16 = 16
    ADULT = 18


class Basis(StrEnum):
    """Why a purpose may be served."""

    NECESSARY = "necessary"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Purpose:
    """Something a tracker is for.

    :param denied_by: signals that deny this purpose.
    :param min_age: the youngest age, in years, at which a visitor's own consent counts. 18 unless a site says
        otherwise: where the country is unknown the highest limit holds (India, DPDP Act s. 9(3)).
    :param keep_days: how long what was kept for this purpose is kept.
    :param in_banner: whether website visitors are asked; the mail purposes are asked per recipient instead.
    """

    id: str
    title: str
    description: str
    basis: Basis = Basis.CONSENT
    denied_by: frozenset[Signal] = frozenset()
    min_age: int = AgeBand.ADULT
    keep_days: int = MAX_KEEP_DAYS
    in_banner: bool = True

    @property
    def necessary(self) -> bool:
        return self.basis is Basis.NECESSARY

    @property
    def optional(self) -> bool:
        """Whether the banner asks about it."""
        return self.in_banner and not self.necessary


BUILT_IN: Mapping[str, Purpose] = {
    purpose.id: purpose
    for purpose in (
        Purpose(
            "necessary",
            "Necessary",
            "Keeps the site working: signing in, paying, staying secure.",
            basis=Basis.NECESSARY,
            min_age=AgeBand.UNDER_13,
        ),
        Purpose(
            "functional",
            "Extras",
            "Shows videos, maps and chat that come from other companies.",
            denied_by=frozenset({Signal.DNT}),
        ),
        Purpose(
            "analytics",
            "Visit log",
            "Tells us which pages are read, with which browser, and from where.",
        ),
        Purpose(
            "marketing",
            "Advertising",
            "Lets advertisers know that you saw or clicked their ads.",
            denied_by=frozenset({Signal.GPC, Signal.DNT}),
        ),
        Purpose("mail_open", "E-mail opens", "Tells us that you opened an e-mail.", in_banner=False),
        Purpose("mail_click", "E-mail clicks", "Tells us which links you followed.", in_banner=False),
    )
}
