"""Reports by mail: tables and pictures, once a period, and nothing that tells of its being read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest

from gatekeeper.config import Config
from gatekeeper.core.alerts import Every, Reports
from gatekeeper.core.panels import Chart, Column, Hidden, Panel, Shape, Unit
from gatekeeper.core.sites import Site
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.store.contract import Store, Total
from gatekeeper.watching.letters import MOST_ROWS, asked_of, due, send_due, write_report, write_text
from gatekeeper.watching.mail import Undelivered

from .conftest import DAY, HOUR, NOON, Letterbox, without

READERS = ("marketing@shop.test", "boss@shop.test")
MONDAY = NOON + 18 * HOUR + 60  # 2026-11-23 06:01 UTC
BY_DAY = Panel(
    "by-day",
    "Choices by day",
    (Column("day", "Day", Unit.DAY), Column("granted", "Accepted"), Column("share", "Share", Unit.SHARE)),
    (("2026-11-16", 1234, 0.5), ("2026-11-17", None, None), ("2026-11-18", Hidden.FEW, 0.25)),
    chart=Chart(Shape.LINES, "day", ("granted",)),
    note="Of everybody.",
)
HOSTILE = Panel(
    "hostile",
    'Names "><img src=x>',
    (Column("name", "Name", Unit.TEXT), Column("n", "How often")),
    (('"><img src=https://evil.test/x.gif onerror=alert(1)>', 1), ("\u202eexe.gnp", 2), ("", 3)),
)
LONG = Panel("long", "Long", (Column("name", "Name", Unit.TEXT),), tuple((f"row {no}",) for no in range(40)))
MISSING = Panel("missing", "Missing", (Column("name", "Name", Unit.TEXT),), (), missing="Nobody counts it.")
EMPTY = Panel("empty", "Empty", (Column("name", "Name", Unit.TEXT),), ())


@pytest.fixture
def reporting(config: Config) -> Config:
    return without(config, reports=Reports(READERS, Every.WEEK, ("shop",)))


def parts(mail: EmailMessage) -> Mapping[str, list[EmailMessage]]:
    found: dict[str, list[EmailMessage]] = {}
    for part in mail.walk():
        assert isinstance(part, EmailMessage)
        found.setdefault(part.get_content_type(), []).append(part)
    return found


def html_of(mail: EmailMessage) -> str:
    (part,) = parts(mail)["text/html"]
    return str(part.get_content())


@pytest.fixture
def write(reporting: Config, sites: dict[str, Site]) -> Callable[..., EmailMessage]:
    def write_it(*panels: Panel) -> EmailMessage:
        return write_report(reporting, sites["shop"], panels, asked_of("2026-11-16", "2026-11-22"), now=MONDAY)

    return write_it


def test_a_report_is_text_and_html_with_pictures_inside(write: Callable[..., EmailMessage]) -> None:
    mail = write(BY_DAY, LONG)

    assert mail.get_content_type() == "multipart/alternative"
    assert {kind: len(found) for kind, found in parts(mail).items()} == {
        "multipart/alternative": 1,
        "text/plain": 1,
        "multipart/related": 1,
        "text/html": 1,
        "image/png": 1,
    }
    (picture,) = parts(mail)["image/png"]
    assert picture.get_content().startswith(b"\x89PNG")
    assert picture["Content-ID"].strip("<>") in re.findall(r'src="cid:([^"]+)"', html_of(mail))
    assert picture.get_content_disposition() == "inline"
    assert mail["Subject"].strip() == "Test Shop: last week, 2026-11-16 to 2026-11-22"
    assert mail["To"] == ", ".join(READERS)


def test_text_and_html_have_the_same_numbers(write: Callable[..., EmailMessage]) -> None:
    mail = write(BY_DAY, MISSING, EMPTY)
    (text,) = [part.get_content() for part in parts(mail)["text/plain"]]

    for said in ("Choices by day", "1,234", "50.0 %", "not measured", "too few to tell", "Of everybody.", "2026-11-09"):
        assert said in text, said
        assert said in html_of(mail), said
    assert "Not measured. Nobody counts it." in text
    assert "Nobody counts it." in html_of(mail)
    assert "Nothing was counted on these days." in text


def test_plain_text_stands_in_columns() -> None:
    text = write_text("Title", [replace(BY_DAY, note="")], asked_of("2026-11-16", "2026-11-22"))

    assert (
        text
        == """Title

Beside it: 2026-11-09 to 2026-11-15.

Choices by day
--------------
Day                Accepted         Share
2026-11-16            1,234        50.0 %
2026-11-17     not measured  not measured
2026-11-18  too few to tell        25.0 %
"""
    )


class _Addresses(HTMLParser):
    """Collects what a mail's HTML leads to or loads, and its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.elements: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        named = {"src", "href", "srcset", "background", "poster", "data", "action"}
        self.found += [value or "" for name, value in attributes if name in named]
        assert not any(
            name.startswith("on") or "url(" in (value or "") for name, value in attributes if name != "aria-label"
        )


def test_nothing_in_a_mail_is_fetched_from_anywhere(write: Callable[..., EmailMessage]) -> None:
    html = html_of(write(BY_DAY, HOSTILE))

    read = _Addresses(html)

    assert [address for address in read.found if not address.startswith("cid:")] == [
        "https://staff.shop.test/dashboard/shop/?first=2026-11-16&last=2026-11-22"
    ]
    assert read.elements.isdisjoint({"script", "link", "iframe", "object", "video", "base"})
    assert "<bdi>\u202eexe.gnp</bdi>" in html


def test_a_long_table_is_cut_and_says_so(write: Callable[..., EmailMessage]) -> None:
    mail = write(LONG)
    (text,) = [part.get_content() for part in parts(mail)["text/plain"]]

    assert html_of(mail).count("row ") == text.count("row ") == MOST_ROWS
    assert f"And {40 - MOST_ROWS} more." in html_of(mail)
    assert f"and {40 - MOST_ROWS} more" in text


def test_a_report_is_sent_once_for_each_week(
    reporting: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox
) -> None:
    store.tally(Total("shop", "2026-11-18", "choice", "granted", notice=1), 40)
    store.tally(Total("shop", "2026-11-12", "choice", "granted", notice=1), 20)

    sent = [list(send_due(reporting, store, sites, now=now)) for now in (MONDAY, MONDAY + 300, MONDAY + 6 * DAY)]
    later = list(send_due(reporting, store, sites, now=MONDAY + 7 * DAY))

    assert sent == [["shop 2026-11-16 to 2026-11-22"], [], []]
    assert later == ["shop 2026-11-23 to 2026-11-29"]
    first = letterbox.mails[0]
    (text,) = [part.get_content() for part in parts(first)["text/plain"]]
    assert "Beside it: 2026-11-09 to 2026-11-15." in text
    assert all(listed.title in text for listed in PANELS.values() if listed.page == "overview")
    assert re.search(r"Choices +40 +20 ", text)
    (entry, _) = reversed(
        store.staff.entries(["shop"], first=0, before=MONDAY + 30 * DAY, limit=9, action="report.sent")
    )
    assert (entry.about, entry.detail) == ("2026-11-16/2026-11-22", "to marketing@shop.test, boss@shop.test")


def test_a_report_that_was_refused_is_sent_again(
    reporting: Config, store: Store, sites: dict[str, Site], letterbox: Letterbox
) -> None:
    letterbox.refusing = "451 not now"
    with pytest.raises(Undelivered):
        list(send_due(reporting, store, sites, now=MONDAY))

    letterbox.refusing = ""
    assert len(list(send_due(reporting, store, sites, now=MONDAY + 300))) == 1


def test_nobody_named_is_nobody_sent_to(config: Config, store: Store, sites: dict[str, Site]) -> None:
    assert due(config, store, sites, now=MONDAY) == []
