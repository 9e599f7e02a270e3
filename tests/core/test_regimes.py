"""The law of each place as a table: every row of it, every age at its boundary, and strictness where nobody knows."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from string import ascii_letters

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatekeeper.core.purposes import BUILT_IN, AgeBand, Purpose
from gatekeeper.core.regimes import (
    REGIMES,
    STRICTEST,
    Regime,
    check_regimes,
    regime_lines,
    regime_of,
)
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Region

from .cases import declare, read_table

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "regions.md"


def spellings(code: str) -> set[str]:
    return {first + second for first in (code[0], code[0].lower()) for second in (code[1], code[1].lower())}


#: Per id: own consent, no tracking below, nothing that GPC denies below. Written down twice, so that a slip is seen.
AGES = {
    "strictest": (18, 18, 0),
    **dict.fromkeys(["be", "ee", "fi", "is", "lv", "mt", "no", "pt", "se", "gb"], (13, 0, 0)),
    **dict.fromkeys(["at", "bg", "cy", "es", "it", "lt", "ca-qc"], (14, 0, 0)),
    **dict.fromkeys(["cz", "dk", "fr", "gr", "si"], (15, 0, 0)),
    **dict.fromkeys(["ch", "de", "hr", "hu", "ie", "li", "lu", "nl", "pl", "ro", "sk"], (16, 0, 0)),
    **dict.fromkeys(["us-co", "us-de", "us-mn", "us-mt", "us-ne", "us-nh", "us-nj", "us-tx"], (13, 0, 0)),
    **dict.fromkeys(["us-ca", "us-or"], (13, 0, 16)),
    **dict.fromkeys(["us", "us-ct", "us-md"], (13, 0, 18)),
    "in": (18, 18, 0),
    "br": (12, 18, 0),
}
EEA = re.findall("..", "ATBEBGHRCYCZDKEEFIFRDEGRHUISIEITLVLILTLUMTNLNOPLPTROSKSIESSE")
LIMITS = [AgeBand.UNDER_13, 13, 16, 18]
#: Those that count in some spelling, with Canada, of which a part does.
COUNTRIES = {spelt for regime in REGIMES for place in regime.places for spelt in spellings(place[:2])}

anything = st.none() | st.text() | st.text(ascii_letters, min_size=2, max_size=2)

every_regime = pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.id)


def purpose(min_age: int, *, for_ads: bool = False) -> Purpose:
    return replace(
        BUILT_IN["analytics"], min_age=min_age, denied_by=frozenset({Signal.GPC}) if for_ads else frozenset()
    )


# --- the table


@pytest.mark.row("MI-01", "QC-02", "BR-02")
def test_the_ages_are_those_of_the_laws():
    assert {one.id: (one.consent_age, one.no_tracking_age, one.ads_age) for one in REGIMES} == AGES


@every_regime
def test_each_row_says_which_law_it_is_when_it_was_looked_at_and_whom_to_complain_to(regime: Regime):
    assert regime.citation
    assert date(2026, 1, 1) <= regime.reviewed <= date(2026, 12, 31)
    assert (regime.authority is None) is (regime is STRICTEST)
    if regime.authority:
        assert regime.authority.name
        assert re.fullmatch(r"https://[a-z0-9.-]+(/[a-z]+)?", regime.authority.url)


def test_each_place_stands_once_in_the_form_of_iso_3166():
    places = [place for regime in REGIMES for place in regime.places]

    assert len(places) == len(set(places))
    assert all(re.fullmatch("[A-Z]{2}(-[A-Z]{2})?", place) for place in places)
    assert len({regime.id for regime in REGIMES}) == len(REGIMES)


@pytest.mark.row("MI-01")
@pytest.mark.parametrize("country", EEA)
def test_every_state_of_the_european_economic_area_has_its_own_row(country: str):
    assert regime_of(country).places[0] == country


@pytest.mark.row("US-04", "US-07")
@every_regime
def test_the_link_and_the_twelve_months_are_those_of_the_united_states(regime: Regime):
    american = regime.id.startswith("us")

    assert regime.sells_link is american
    assert regime.reask_days == (365 if american else 0)


# --- ages


@pytest.mark.row("MI-01", "MI-02")
@pytest.mark.parametrize("for_ads", [False, True], ids=["log", "ads"])
@pytest.mark.parametrize("own", LIMITS)
@every_regime
def test_a_grant_counts_from_the_highest_of_all_ages_and_not_a_year_earlier(regime: Regime, own: int, for_ads: bool):
    consent, no_tracking, ads = AGES[regime.id]
    limit = max(own, consent, no_tracking, ads if for_ads else 0)

    found = regime.min_age(purpose(own, for_ads=for_ads))

    counts = {age: age >= found for age in range(20)}
    assert (counts[limit], counts[limit - 1]) == (True, False)
    assert {band for band in AgeBand if band >= found} == {band for band in AgeBand if counts[band]}


@every_regime
def test_no_regime_is_laxer_than_the_site_itself(regime: Regime):
    assert all(regime.min_age(purpose(own)) >= own for own in LIMITS)


@every_regime
def test_what_is_necessary_is_nobodys_to_grant(regime: Regime):
    assert regime.min_age(BUILT_IN["necessary"]) == 0


@pytest.mark.row("MI-02")
@pytest.mark.parametrize("band", [band for band in AgeBand if band < 18])
def test_in_india_nobody_under_18_is_tracked_whatever_a_site_allows(band: AgeBand):
    assert band < regime_of("IN").min_age(purpose(0))


# --- places


@pytest.mark.row("MI-01")
@given(anything, anything)
def test_an_unknown_place_is_under_the_strictest(country: str | None, subdivision: str | None):
    assume(country not in COUNTRIES)

    assert regime_of(country, subdivision) is STRICTEST


@pytest.mark.parametrize(
    "country",
    [None, "", "XX", "T1", "EU", "CA", "USA", "F", "F R", "FR ", "FR\n", "fr,de", "US-CA", "ıN", "ＦＲ", "FRANCE"],
)
def test_what_is_malformed_is_not_guessed_at(country: str | None):
    assert regime_of(country) is STRICTEST


@pytest.mark.parametrize(
    ("country", "subdivision", "found"),
    [
        ("US", "CA", "us-ca"),
        ("US", "US-CA", "us-ca"),
        ("us", "us-ca", "us-ca"),
        ("US", None, "us"),
        ("US", "", "us"),
        ("US", "WY", "us"),
        ("US", "California", "us"),
        ("US", "CA-QC", "us"),
        ("US", "CA,TX", "us"),
        ("PR", None, "us"),
        ("CA", "QC", "ca-qc"),
        ("CA", "ON", "strictest"),
        ("CA", None, "strictest"),
        ("DE", "BY", "de"),
        ("DE", "CA", "de"),
        ("RE", None, "fr"),
        ("IN", "KA", "in"),
    ],
)
def test_a_part_of_a_country_counts_where_it_has_a_law_of_its_own(country: str, subdivision: str | None, found: str):
    assert regime_of(country, subdivision).id == found


@pytest.mark.row("MI-01")
@pytest.mark.parametrize("for_ads", [False, True], ids=["log", "ads"])
@every_regime
def test_not_knowing_is_never_laxer_than_knowing(regime: Regime, for_ads: bool):
    asked = purpose(0, for_ads=for_ads)

    assert STRICTEST.min_age(asked) >= regime.min_age(asked)
    for place in regime.places:
        assert regime_of(place[:2]).min_age(asked) >= regime.min_age(asked)


# --- what pages and owners are told


def test_a_page_is_told_whom_to_complain_to_the_age_and_whether_to_link():
    assert regime_lines(regime_of("GB")) == {
        "authority": {"name": "Information Commissioner's Office", "url": "https://ico.org.uk"},
        "sells_link": False,
        "age": 13,
    }
    assert regime_lines(STRICTEST) == {"authority": None, "sells_link": False, "age": 18}
    assert regime_lines(regime_of("US", "CA"))["sells_link"] is True


@pytest.mark.row("US-07")
@pytest.mark.parametrize(
    ("region", "choice_days", "advised"),
    [
        (Region(), 180, False),
        (Region(subdivision_header="CF-Region-Code"), 180, False),
        (Region(header="CF-IPCountry"), 180, True),
        (Region(geo=True), 180, True),
        (Region(geo=True), 364, True),
        (Region(geo=True), 365, False),
    ],
)
def test_a_site_that_tells_regimes_apart_is_advised_of_the_twelve_months(
    region: Region, choice_days: int, advised: bool
):
    table = read_table("decisions")["sites"]["shop"]["history"][-1]
    site = replace(declare("shop", {**table, "choice_days": choice_days}), region=region)

    found = list(check_regimes(site))

    assert len(found) == advised
    assert all("choice_days = 365" in line for line in found)


# --- the document


def row(regime: Regime) -> str:
    """Return a row of the table in docs/regions.md."""
    authority = regime.authority
    cells = [
        f"`{regime.id}`",
        regime.name,
        str(regime.consent_age),
        str(regime.no_tracking_age or "-"),
        str(regime.ads_age or "-"),
        f"{regime.reask_days} days" if regime.reask_days else "-",
        "yes" if regime.sells_link else "-",
        f"[{authority.name}]({authority.url})" if authority else "-",
        regime.citation,
        "read" if regime.checked else "not checked against the primary text",
        regime.reviewed.isoformat(),
    ]
    return f"| {' | '.join(cells)} |"


def test_the_document_shows_the_table_as_it_is():
    shown = re.findall(r"^\| `.*$", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    assert shown == [row(regime) for regime in REGIMES]
