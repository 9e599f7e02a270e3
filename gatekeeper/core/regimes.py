"""What the law of a place asks beyond what holds for everyone: ages, an authority to complain to, a link on the page.

One strict regime holds by default, and wherever a place is not known. No regime takes anything back that holds for
everyone: none grants, none lowers a site's own ages, and no decision about a tracker knows of any.
Ages are in years, ``reask_days`` in days. This is no legal advice; docs/regions.md shows it as a table.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from .purposes import AgeBand, Purpose
from .signals import Signal
from .sites import Site

REVIEWED = date(2026, 11, 23)
#: Twelve months, before whoever opted out may be asked again (California, Civ. Code 1798.135(c)(4)).
REASK_DAYS = 365

_COUNTRY = re.compile("[A-Za-z]{2}")
_SUBDIVISION = re.compile("(?:([A-Za-z]{2})-)?([A-Za-z0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Authority:
    """Whom a visitor may complain to, by the name it has there."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Regime:
    """The law of one place, as far as it changes anything here.

    :param places: ISO 3166 codes: countries (``FR``) or parts of one (``US-CA``).
    :param consent_age: at which a visitor's own consent counts.
    :param no_tracking_age: below which nobody's consent counts, a parent's neither; 0 where there is no such age.
    :param ads_age: below which nothing counts that GPC denies: data is not sold, or not at one click; 0 likewise.
    :param authority: None where the place is not known.
    :param reask_days: how long after a refusal a visitor is not asked again; 0 means the site's ``choice_days``.
    :param sells_link: whether pages must link to "Your privacy choices".
    :param checked: whether the ages were read in the law's own text; others come from second hand.
    """

    id: str
    name: str
    places: tuple[str, ...]
    consent_age: int
    citation: str
    authority: Authority | None
    no_tracking_age: int = 0
    ads_age: int = 0
    reask_days: int = 0
    sells_link: bool = False
    checked: bool = False
    reviewed: date = REVIEWED

    def min_age(self, purpose: Purpose) -> int:
        """Return the youngest age at which a grant of a purpose counts. Never below the purpose's own."""
        if purpose.necessary:
            return purpose.min_age
        ads = self.ads_age if Signal.GPC in purpose.denied_by else 0
        return max(purpose.min_age, self.consent_age, self.no_tracking_age, ads)


#: Where nobody knows where a visitor is, or nobody here has read the law of that place.
STRICTEST = Regime(
    "strictest",
    "everywhere else, and where the place is not known",
    (),
    AgeBand.ADULT,
    "the highest age of all below (India, DPDP Act 2023, s. 9(3))",
    None,
    no_tracking_age=AgeBand.ADULT,
    checked=True,
)


def _gdpr(code: str, name: str, age: int, law: str, authority: str, url: str, *parts: str) -> Regime:
    """Return the regime of a state of the European Economic Area.

    :param law: by which the state lowered the age; empty where it did not.
    :param parts: of the state that have a country code of their own.
    """
    citation = f"GDPR Art. 8(1); {law}" if law else "GDPR Art. 8(1), not lowered"
    return Regime(code.lower(), name, (code, *parts), age, citation, Authority(authority, url))


EEA = (
    _gdpr("AT", "Austria", 14, "DSG § 4(4)", "Österreichische Datenschutzbehörde", "https://www.dsb.gv.at"),
    _gdpr(
        "BE",
        "Belgium",
        13,
        "loi du 30 juillet 2018, art. 7",
        "Autorité de protection des données / Gegevensbeschermingsautoriteit",
        "https://www.dataprotectionauthority.be",
    ),
    _gdpr("BG", "Bulgaria", 14, "ЗЗЛД, чл. 25в", "Комисия за защита на личните данни", "https://www.cpdp.bg"),
    _gdpr(
        "HR",
        "Croatia",
        16,
        "Zakon o provedbi Opće uredbe o zaštiti podataka, čl. 19",
        "Agencija za zaštitu osobnih podataka",
        "https://azop.hr",
    ),
    _gdpr(
        "CY",
        "Cyprus",
        14,
        "Ν. 125(I)/2018, άρθρο 8",
        "Γραφείο Επιτρόπου Προστασίας Δεδομένων Προσωπικού Χαρακτήρα",
        "https://www.dataprotection.gov.cy",
    ),
    _gdpr(
        "CZ",
        "Czechia",
        15,
        "zákon č. 110/2019 Sb., § 7",
        "Úřad pro ochranu osobních údajů",
        "https://uoou.gov.cz",
    ),
    _gdpr(
        "DK",
        "Denmark",
        15,
        "databeskyttelsesloven § 6, stk. 2, as of 1 January 2024",
        "Datatilsynet",
        "https://www.datatilsynet.dk",
    ),
    _gdpr("EE", "Estonia", 13, "isikuandmete kaitse seadus § 8", "Andmekaitse Inspektsioon", "https://www.aki.ee"),
    _gdpr(
        "FI",
        "Finland",
        13,
        "tietosuojalaki 1050/2018, 5 §",
        "Tietosuojavaltuutetun toimisto",
        "https://tietosuoja.fi",
        "AX",
    ),
    _gdpr(
        "FR",
        "France",
        15,
        "loi n° 78-17, art. 45",
        "Commission nationale de l'informatique et des libertés",
        "https://www.cnil.fr",
        *("GF", "GP", "MF", "MQ", "RE", "YT"),
    ),
    _gdpr(
        "DE",
        "Germany",
        16,
        "",
        "Die Bundesbeauftragte für den Datenschutz und die Informationsfreiheit",
        "https://www.bfdi.bund.de",
    ),
    _gdpr(
        "GR",
        "Greece",
        15,
        "ν. 4624/2019, άρθρο 21",
        "Αρχή Προστασίας Δεδομένων Προσωπικού Χαρακτήρα",
        "https://www.dpa.gr",
    ),
    _gdpr("HU", "Hungary", 16, "", "Nemzeti Adatvédelmi és Információszabadság Hatóság", "https://www.naih.hu"),
    _gdpr("IS", "Iceland", 13, "lög nr. 90/2018, 10. gr.", "Persónuvernd", "https://www.personuvernd.is"),
    _gdpr(
        "IE",
        "Ireland",
        16,
        "Data Protection Act 2018, s. 31",
        "Data Protection Commission / An Coimisiún um Chosaint Sonraí",
        "https://www.dataprotection.ie",
    ),
    _gdpr(
        "IT",
        "Italy",
        14,
        "d.lgs. 196/2003, art. 2-quinquies",
        "Garante per la protezione dei dati personali",
        "https://www.garanteprivacy.it",
    ),
    _gdpr(
        "LV",
        "Latvia",
        13,
        "Fizisko personu datu apstrādes likums, 33. pants",
        "Datu valsts inspekcija",
        "https://www.dvi.gov.lv",
    ),
    _gdpr("LI", "Liechtenstein", 16, "", "Datenschutzstelle", "https://www.datenschutzstelle.li"),
    _gdpr(
        "LT",
        "Lithuania",
        14,
        "Asmens duomenų teisinės apsaugos įstatymas, 6 str.",
        "Valstybinė duomenų apsaugos inspekcija",
        "https://vdai.lrv.lt",
    ),
    _gdpr("LU", "Luxembourg", 16, "", "Commission nationale pour la protection des données", "https://cnpd.public.lu"),
    _gdpr(
        "MT",
        "Malta",
        13,
        "Subsidiary Legislation 586.11",
        "Uffiċċju tal-Kummissarju għall-Informazzjoni u l-Protezzjoni tad-Data",
        "https://idpc.org.mt",
    ),
    _gdpr(
        "NL",
        "Netherlands",
        16,
        "UAVG art. 5",
        "Autoriteit Persoonsgegevens",
        "https://www.autoriteitpersoonsgegevens.nl",
    ),
    _gdpr("NO", "Norway", 13, "personopplysningsloven § 5", "Datatilsynet", "https://www.datatilsynet.no", "SJ"),
    _gdpr("PL", "Poland", 16, "", "Urząd Ochrony Danych Osobowych", "https://uodo.gov.pl"),
    _gdpr(
        "PT",
        "Portugal",
        13,
        "Lei n.º 58/2019, art. 16.º",
        "Comissão Nacional de Proteção de Dados",
        "https://www.cnpd.pt",
    ),
    _gdpr(
        "RO",
        "Romania",
        16,
        "",
        "Autoritatea Națională de Supraveghere a Prelucrării Datelor cu Caracter Personal",
        "https://www.dataprotection.ro",
    ),
    _gdpr(
        "SK",
        "Slovakia",
        16,
        "zákon č. 18/2018 Z. z., § 15",
        "Úrad na ochranu osobných údajov Slovenskej republiky",
        "https://dataprotection.gov.sk",
    ),
    _gdpr("SI", "Slovenia", 15, "ZVOP-2, 8. člen", "Informacijski pooblaščenec", "https://www.ip-rs.si"),
    _gdpr(
        "ES",
        "Spain",
        14,
        "Ley Orgánica 3/2018, art. 7",
        "Agencia Española de Protección de Datos",
        "https://www.aepd.es",
    ),
    _gdpr("SE", "Sweden", 13, "lag (2018:218), 2 kap. 4 §", "Integritetsskyddsmyndigheten", "https://www.imy.se"),
)


def _us(
    part: str, name: str, law: str, authority: str, url: str, *, ads_age: int = 0, places: tuple[str, ...] = ()
) -> Regime:
    """Return the regime of one of the United States.

    Where teenagers' own opt-in is enough for ads, ``ads_age`` is 0: nothing is granted here but by opting in.
    """
    return Regime(
        f"us-{part.lower()}" if part else "us",
        name,
        (f"US-{part}",) if part else places,
        13,  # COPPA, 16 CFR 312.2
        f"COPPA, 16 CFR 312; {law}",
        Authority(authority, url),
        ads_age=ads_age,
        reask_days=REASK_DAYS,
        sells_link=True,
        checked=part == "CA",
    )


UNITED_STATES = (
    # Whose state is not known may be in the strictest of them; whose state is not below, too.
    _us(
        "",
        "United States, other states or not known which",
        "for ads the highest age of the states (Md. Code, Com. Law § 14-4707)",
        "Federal Trade Commission",
        "https://www.ftc.gov",
        ads_age=18,
        places=("US", "AS", "GU", "MP", "PR", "VI"),
    ),
    # From 13 to 15 a sale needs an opt-in in two steps, and there is no second step here.
    _us(
        "CA",
        "California",
        "CCPA, Civ. Code 1798.120(c), 1798.135(c)(4); 11 CCR 7070-7071",
        "California Privacy Protection Agency",
        "https://cppa.ca.gov",
        ads_age=16,
    ),
    _us("CO", "Colorado", "C.R.S. 6-1-1308.5", "Colorado Attorney General", "https://coag.gov"),
    # The consent of those under 18 counts no longer since 1 July 2026.
    _us(
        "CT",
        "Connecticut",
        "Conn. Gen. Stat. 42-529a, Public Act 25-113",
        "Connecticut Attorney General",
        "https://portal.ct.gov/ag",
        ads_age=18,
    ),
    _us(
        "DE",
        "Delaware",
        "6 Del. C. § 12D-106(a)(7)",
        "Delaware Department of Justice",
        "https://attorneygeneral.delaware.gov",
    ),
    _us(
        "MD",
        "Maryland",
        "Md. Code, Com. Law § 14-4707",
        "Maryland Attorney General",
        "https://www.marylandattorneygeneral.gov",
        ads_age=18,
    ),
    _us("MN", "Minnesota", "Minn. Stat. 325M.16", "Minnesota Attorney General", "https://www.ag.state.mn.us"),
    _us("MT", "Montana", "Mont. Code 30-14-2812", "Montana Department of Justice", "https://dojmt.gov"),
    _us("NE", "Nebraska", "Neb. Rev. Stat. 87-1112", "Nebraska Attorney General", "https://ago.nebraska.gov"),
    _us("NH", "New Hampshire", "RSA 507-H:6", "New Hampshire Department of Justice", "https://www.doj.nh.gov"),
    _us(
        "NJ",
        "New Jersey",
        "N.J.S.A. 56:8-166.12",
        "New Jersey Division of Consumer Affairs",
        "https://www.njconsumeraffairs.gov",
    ),
    # No sale and no targeted ads below 16 since 1 January 2026 (House Bill 2008 of 2025).
    _us(
        "OR",
        "Oregon",
        "ORS 646A.578, HB 2008 (2025)",
        "Oregon Department of Justice",
        "https://www.doj.state.or.us",
        ads_age=16,
    ),
    _us(
        "TX",
        "Texas",
        "Tex. Bus. & Com. Code § 541.101",
        "Texas Attorney General",
        "https://www.texasattorneygeneral.gov",
    ),
)

OTHERS = (
    Regime(
        "gb",
        "United Kingdom",
        ("GB",),
        13,
        "UK GDPR Art. 8(1); Data Protection Act 2018, s. 9",
        Authority("Information Commissioner's Office", "https://ico.org.uk"),
    ),
    # The law names no age, but that one understands what one agrees to: that of the GDPR.
    Regime(
        "ch",
        "Switzerland",
        ("CH",),
        16,
        "ZGB Art. 16 and 19c, no age named; as GDPR Art. 8(1)",
        Authority(
            "Eidgenössischer Datenschutz- und Öffentlichkeitsbeauftragter / "
            "Préposé fédéral à la protection des données et à la transparence",
            "https://www.edoeb.admin.ch",
        ),
    ),
    # The address is that of the ministry which has set the board up.
    Regime(
        "in",
        "India",
        ("IN",),
        18,
        "DPDP Act 2023, s. 2(f), 9(3)",
        Authority("Data Protection Board of India", "https://www.meity.gov.in"),
        no_tracking_age=18,
        checked=True,
    ),
    Regime(
        "br",
        "Brazil",
        ("BR",),
        12,
        "LGPD art. 14; ECA Digital (Lei 15.211/2025)",
        Authority("Agência Nacional de Proteção de Dados", "https://www.gov.br/anpd"),
        no_tracking_age=18,
    ),
    Regime(
        "ca-qc",
        "Quebec",
        ("CA-QC",),
        14,
        "RLRQ c. P-39.1, s. 4.1, 8.1, 14",
        Authority("Commission d'accès à l'information du Québec", "https://www.cai.gouv.qc.ca"),
    ),
)

REGIMES: tuple[Regime, ...] = (STRICTEST, *EEA, *UNITED_STATES, *OTHERS)
_BY_PLACE: Mapping[str, Regime] = {place: regime for regime in REGIMES for place in regime.places}


def regime_of(country: str | None, subdivision: str | None = None) -> Regime:
    """Return the regime of a place. What is unknown, malformed or missing is under the strictest.

    :param country: ISO 3166-1 alpha-2.
    :param subdivision: ISO 3166-2, with or without the country before it.
    """
    if not country or not _COUNTRY.fullmatch(country):
        return STRICTEST
    country = country.upper()
    part = _SUBDIVISION.fullmatch(subdivision or "")
    if part and (part[1] or country).upper() == country:
        own = _BY_PLACE.get(f"{country}-{part[2].upper()}")
        if own:
            return own
    return _BY_PLACE.get(country, STRICTEST)


def regime_lines(regime: Regime) -> dict[str, Any]:
    """Return what a page says of a regime: whom to complain to, whether to show the link, the age of consent."""
    authority = regime.authority
    return {
        "authority": {"name": authority.name, "url": authority.url} if authority else None,
        "sells_link": regime.sells_link,
        "age": int(regime.consent_age),
    }


def check_regimes(site: Site) -> Iterator[str]:
    """Yield what a site's owner should know where regimes are told apart."""
    told_apart = site.region.header or site.region.geo
    if told_apart and site.choice_days < REASK_DAYS:
        yield (
            f"visitors in the United States who refuse may be asked again after {REASK_DAYS} days at the earliest, "
            f"and choice_days is {site.choice_days}: if you serve any, write choice_days = {REASK_DAYS}"
        )
