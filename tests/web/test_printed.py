"""The visitor's pages in every language: all that is said is said in it, and what nobody has translated says so."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from ipaddress import ip_network
from typing import Any

import pytest

from gatekeeper.app import create_app
from gatekeeper.config import Config
from gatekeeper.core.languages import TAGS, direction
from gatekeeper.core.registry import read_registry
from gatekeeper.languages import words
from gatekeeper.languages.english import CHOICES, ENGLISH, FIELDS, NOTICE, PURPOSES
from gatekeeper.store.engines import migrate, open_store

from .conftest import KEY, SHOP, Browser, Clock, publish

IN_CALIFORNIA = {"CF-IPCountry": "US", "CF-Region-Code": "CA"}
FORM = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
VOID = {"meta", "link", "input", "br"}
#: All that a fragment is made of: nothing in it loads or runs anything.
NAMES = {"section", "p", "h2", "h3", "dl", "dt", "dd", "ul", "li", "a", "small", "code", "bdi", "span"}

#: A site of which there is as much to say as there can be.
SITE: dict[str, Any] = {
    **SHOP,
    "language": "en",
    "languages": list(TAGS),
    "anonymous_totals": True,
    "region": {"header": "CF-IPCountry", "subdivision_header": "CF-Region-Code"},
    "search": {"paths": ["/search"], "parameters": ["q"]},
    "events": {"order": {"purpose": "analytics"}},
    "purposes": {"research": {"title": "Research of ours", "description": "Helps a university of ours."}},
    "vendors": {**SHOP["vendors"], "tube": {"name": "Tube BV", "country": "NL", "policy": "https://tube.test/privacy"}},
    "trackers": {
        **SHOP["trackers"],
        "video": {
            **SHOP["trackers"]["video"],
            "cookies": [{"name": "tube_id", "days": 30}, {"name": "tube_tab", "days": 0}],
        },
    },
}
#: What is said on other pages, or on these at other times.
ELSEWHERE = {"show_language", "address_none", "address_truncated", "children", "children_title"}
#: Titles of what visitors are not asked about, and so not told of on these pages.
ELSEWHERE |= {key for key in PURPOSES if key.startswith("mail_")}
SAID = {*CHOICES, *NOTICE, *FIELDS, *PURPOSES} - ELSEWHERE | {
    *("way_back", "language", "accept_all", "reject_all", "save", "withdraw_all", "allow", "override", "honoured"),
    *("saved_granted", "saved_refused", "saved_withdrawn", "receipt", "failed", "changed", "see_changes", "always_on"),
    *("change_new", "change_removed", "change_longer", "change_country"),
}

every_language = pytest.mark.parametrize("tag", TAGS)


@dataclass
class Page:
    """What a page says in its own language, node by node, and what it says in others, by language."""

    html: str
    lang: str = ""
    dir: str = ""
    nodes: list[str] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _Reader(self).feed(self.html)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.nodes))


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.langs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "html":
            self.page.lang, self.page.dir = told["lang"] or "", told["dir"] or ""
        if tag not in VOID:
            self.langs.append(told.get("lang") or (self.langs[-1] if self.langs else ""))

    def handle_endtag(self, tag: str) -> None:
        self.langs.pop()

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        lang = self.langs[-1] if self.langs else self.page.lang
        if text and lang == self.page.lang:
            self.page.nodes.append(text)
        elif text:
            self.page.others.setdefault(lang, []).append(text)


def pieces(text: str) -> list[str]:
    """Return what stands between the names that are filled into a text, where it is long enough to be found."""
    return [
        piece for part in re.split(r"\{\w+\}", text) if len(piece := re.sub(r"\s+", " ", part).strip(" .:“”„«»")) > 3
    ]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Somebody in California, on a site that has published three notices and speaks every language."""
    folder, clock = tmp_path_factory.mktemp("shop"), Clock()
    before = {**SITE, "trackers": {**SITE["trackers"], "seen": {**SITE["trackers"]["seen"], "retention_days": 7}}}
    before["vendors"] = {**SITE["vendors"], "adco": {"name": "AdCo Inc", "country": "CA"}}
    first = {**before, "trackers": {name: row for name, row in before["trackers"].items() if name != "video"}}
    first["trackers"] = {**first["trackers"], "old": {**SHOP["trackers"]["seen"], "vendor": "adco"}}
    sites = []
    for table in (first, before, SITE):
        read, problems = read_registry({"sites": {"shop": table}})
        assert problems == []
        sites.append(read)
    proxies = (ip_network("127.0.0.1/32"),)
    url = f"sqlite:///{folder / 'gatekeeper.db'}"
    config = Config(folder / "gatekeeper.toml", sites[-1], url, (KEY,), trusted_proxies=proxies)
    migrate(url)
    store = open_store(url, clock=clock)
    store.start()
    for read in sites:
        publish(store, read["shop"])
    app = create_app(config, store=store, clock=clock)
    yield Browser(app.test_client(), headers={**IN_CALIFORNIA, **FORM, "Sec-GPC": "1"})
    store.close()


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Any:
    """Returns the pages of a language, as a visitor comes by them."""

    @cache
    def read(tag: str) -> list[Page]:
        def post(**fields: object) -> str:
            return browser.post(f"/gk/shop/choices?lang={tag}", data={"notice": "3", **fields}).text

        browser.client.delete_cookie("gk_choice", domain="shop.test")
        browser.client.delete_cookie("gk_subject", domain="shop.test")
        asked = browser.get(f"/gk/shop/choices?lang={tag}").text
        ticket = re.findall(r'name="ticket" value="([^"]+)"', asked)[0]
        browser.client.set_cookie("gk_choice", "1.shop.1.20261122.g.f.0.-.0", domain="shop.test")
        again = browser.get(f"/gk/shop/choices?lang={tag}").text
        browser.client.delete_cookie("gk_choice", domain="shop.test")
        texts = [
            *(asked, again, post(do="accept"), post(do="reject")),
            post(do="save", purpose=["analytics"], ticket=ticket),
            post(do="withdraw"),
            *(browser.get(f"/gk/shop/notice{path}?lang={tag}").text for path in ("", "/1")),
        ]
        return [Page(text) for text in texts]

    return read


@pytest.mark.row("DS-11", "IN-03")
@every_language
def test_each_page_says_its_language_and_direction(pages: Any, tag: str) -> None:
    assert {(page.lang, page.dir) for page in pages(tag)} == {(tag, direction(tag))}


@pytest.mark.row("DS-11", "IN-03")
@every_language
def test_no_key_and_no_name_that_was_not_filled_in_is_left(pages: Any, tag: str) -> None:
    text = " ".join(page.text for page in pages(tag))

    assert not re.search(r"[{}]", text)
    assert [key for key in ENGLISH if "_" in key and re.search(rf"\b{key}\b", text)] == []


@pytest.mark.row("DS-11", "IN-03", "EU-06")
@every_language
def test_all_there_is_to_say_is_said_in_the_words_of_the_language(pages: Any, tag: str) -> None:
    text = " ".join(page.text for page in pages(tag))
    said = SAID - {"no_translation"} if tag == "en" else SAID

    # "failed" is what is said while nothing can be kept; see test_pages.py.
    lost = {key: piece for key in said - {"failed"} for piece in pieces(words(tag).texts[key]) if piece not in text}

    assert lost == {}


@pytest.mark.row("DS-11", "IN-03")
@every_language
def test_no_english_is_said_where_the_language_has_words_of_its_own(pages: Any, tag: str) -> None:
    own = words(tag).texts
    nodes = [node for page in pages(tag) for node in page.nodes]
    text = " ".join(nodes)
    everything = " ".join(" ".join(own.values()).split())

    found = {
        key: piece
        for key, english in ENGLISH.items()
        if own[key] != english
        for piece in pieces(english)
        if piece not in everything and (piece in text if len(piece) > 15 else piece in nodes)
    }

    assert found == {}


@pytest.mark.row("IN-03")
@every_language
def test_what_the_owner_has_not_translated_says_so_and_which_language_it_is_in(pages: Any, tag: str) -> None:
    notice, choices = pages(tag)[-2], pages(tag)[0]
    theirs = ["Research of ours", "Helps a university of ours.", "Plays the product video."]

    if tag == "en":
        assert [text for text in theirs if text not in notice.text] == []
        assert notice.others.keys() == {other for other in TAGS if other != "en"}
    else:
        assert [text for text in theirs if text not in notice.others["en"]] == []
        assert theirs[1] in choices.others["en"]
        assert words(tag).texts["no_translation"] in notice.text
        assert words(tag).texts["no_translation"] in choices.text


@pytest.mark.row("EU-06", "DS-11")
@pytest.mark.parametrize(
    ("tag", "told"),
    {
        "de": ["22. November 2026", "Vereinigte Staaten", "Niederlande", "tube_id", "Tube BV"],
        "fr": ["22 novembre 2026", "États-Unis", "Pays-Bas", "tube_id", "Tube BV"],
        "ar": ["22 نوفمبر 2026", "الولايات المتحدة", "هولندا", "tube_id", "Tube BV"],
        "ja": ["2026年11月22日", "アメリカ合衆国", "オランダ", "tube_id", "Tube BV"],
    }.items(),
)
def test_days_and_countries_are_named_as_the_language_names_them(pages: Any, tag: str, told: list[str]) -> None:
    text = pages(tag)[-2].text

    assert [name for name in told if name not in text] == []


@pytest.mark.row("EU-06")
def test_the_notice_names_every_tracker_with_its_recipient_its_country_its_cookies_and_how_long(
    browser: Browser, pages: Any
) -> None:
    told = browser.get("/gk/shop/notice", headers={"Accept": "application/json"}).json["content"]
    page = pages("en")[-2]

    for row in told["trackers"]:
        part = page.html.split(f">{row['id']}</code></dt>")[1].split("<dt>")[0]
        names = [row["description"], str(row["retention_days"]), *(cookie["name"] for cookie in row["cookies"])]
        if row["vendor"]["id"] != "self":
            names += [row["vendor"]["name"], row["vendor"]["policy"], words_of_country(row["vendor"]["country"])]
        assert [name for name in names if name not in part] == [], row["id"]


def words_of_country(code: str) -> str:
    return {"US": "United States", "NL": "Netherlands"}[code]


@pytest.mark.row("EU-19")
def test_the_changes_are_told_version_by_version_the_newest_first(browser: Browser) -> None:
    page = browser.get("/gk/shop/notice?lang=en").text
    changes = page.split("What has changed</h2>")[1]

    versions = re.findall(r'<a href="(notice/\d)\?lang=en">(Version \d)', changes)
    newest, before, _first = (re.findall(r"<li>([^<]+)</li>", part) for part in changes.split("<h3>")[1:])
    assert versions == [("notice/3", "Version 3"), ("notice/2", "Version 2"), ("notice/1", "Version 1")]
    assert "AdCo Inc keeps data in United States now; before: Canada." in newest
    assert "Test Shop keeps data for 30 days now; before: 7." in newest
    assert "New: Tube BV (Netherlands), for: Extras." in before
    assert "No longer here: AdCo Inc." in before


@pytest.mark.row("US-04", "IN-02")
@pytest.mark.parametrize(
    ("country", "authority", "sells"),
    [
        ({"CF-IPCountry": "IN", "CF-Region-Code": ""}, "Data Protection Board of India", False),
        ({"CF-IPCountry": "DE", "CF-Region-Code": ""}, "Die Bundesbeauftragte für den Datenschutz", False),
        (IN_CALIFORNIA, "California Privacy Protection Agency", True),
    ],
)
def test_the_pages_say_what_the_law_asks_for_where_the_visitor_is(
    browser: Browser, country: Mapping[str, str], authority: str, sells: bool
) -> None:
    notice = browser.get("/gk/shop/notice?lang=en", headers=country).text
    choices = browser.get("/gk/shop/choices?lang=en", headers=country).text

    assert authority in notice
    assert ("Do not sell or share my personal information" in notice) is sells
    assert ("Do not sell or share my personal information" in choices) is sells
    assert 'href="choices?lang=en"' in notice


@pytest.mark.parametrize("path", ["notice", "notice/1"])
def test_the_tree_that_a_script_builds_is_the_fragment(browser: Browser, path: str) -> None:
    address = f"/gk/shop/{path}?fragment=1&lang=ar"
    html = browser.get(address).text
    tree = browser.get(address, headers={"Accept": "application/json"}).json

    def written(node: Any) -> str:
        if isinstance(node, str):
            return node
        name, attributes, children = node
        told = "".join(f' {key}="{value}"' for key, value in attributes.items())
        return f"<{name}{told}>{''.join(map(written, children))}</{name}>"

    assert written(tree) == re.sub(r"\s+", " ", html).strip()
    assert set(re.findall(r"<(\w+)", html)) <= NAMES


@pytest.mark.row("DS-11")
def test_a_notice_of_an_earlier_release_keeps_its_own_lines_as_they_were(browser: Browser) -> None:
    service = browser.client.application.extensions["gatekeeper"]
    notice = service.published("shop").site.notices[2]
    rows = notice.content["log"]["fields"]
    was = rows[0]["text"]

    rows[0]["text"] = "which pages you see"
    try:
        german = Page(browser.get("/gk/shop/notice/2?lang=de").text)
        english = Page(browser.get("/gk/shop/notice/2?lang=en").text)
    finally:
        rows[0]["text"] = was

    assert "which pages you see" in german.others["en"]
    assert "which pages you see" in english.nodes
