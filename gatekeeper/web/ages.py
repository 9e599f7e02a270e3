"""Ages, on a site that children use: who may be asked about what, and how a form asks for the age first."""

from collections.abc import Iterable, Mapping
from typing import Any

from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Audience, Site
from gatekeeper.core.trackers import OWN_VENDOR
from gatekeeper.core.visits import Visit
from gatekeeper.languages import Words
from gatekeeper.languages.english import AGE

from .http import first_of

#: Who is younger allows a sale in two steps only (California, 11 CCR 7071).
SALE_AGE = AgeBand.FROM_16

_BANDS = tuple(AgeBand)


def asks_age(site: Site) -> bool:
    """Return whether a site asks how old its visitors are, before anything else (16 CFR 312.2)."""
    return site.audience is not Audience.GENERAL


def open_to(band: AgeBand, purposes: Iterable[str], site: Site) -> list[str]:
    """Return the purposes that somebody of an age may allow on a site, wherever they are."""
    declared = site.purposes
    return [name for name in purposes if band >= (declared[name].min_age if name in declared else AgeBand.ADULT)]


def twice(band: AgeBand | None, purposes: Iterable[str], site: Site) -> list[str]:
    """Return the purposes that somebody of an age allows in two steps: those of a sale."""
    if band is None or band >= SALE_AGE:
        return []
    return [name for name in purposes if name in site.purposes and Signal.GPC in site.purposes[name].denied_by]


def age_texts(site: Site, content: Mapping[str, Any], words: Words) -> dict[str, object]:
    """Return what the banner says of ages, and what it asks at each.

    :param content: of the notice that it asks about.
    """
    asked = [row["id"] for row in content["purposes"] if not row["necessary"]]
    return {
        "strings": {key: words.texts[key] for key in AGE},
        "bands": {str(int(band)): _asks(band, open_to(band, asked, site), content, site) for band in _BANDS},
    }


def _asks(band: AgeBand, purposes: list[str], content: Mapping[str, Any], site: Site) -> dict[str, object]:
    vendors = {row["vendor"]["id"] for row in content["trackers"] if row["purpose"] in purposes} - {OWN_VENDOR}
    return {"purposes": purposes, "companies": len(vendors), "twice": twice(band, purposes, site)}


def known_age(visit: Visit, told: AgeBand | None = None) -> AgeBand | None:
    """Return the youngest age that is known of a visitor.

    :param told: what they say now.
    """
    return min((band for band in (visit.visitor.age_band, told) if band is not None), default=None)


def write_age(band: AgeBand) -> str:
    """Return an age as a form's field has it: its place among the bands, which is no number of years."""
    return str(_BANDS.index(band))


def read_age(fields: Mapping[str, list[str]]) -> AgeBand | None:
    """Return the age that a form says; None where it says none."""
    found = first_of(fields, "age")
    return next((band for band in _BANDS if write_age(band) == found), None)
