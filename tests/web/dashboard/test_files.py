"""What is taken along: files of each panel and the report. Who took what is in the audit trail."""

import csv
import io
import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from gatekeeper.core.staff import RIGHTS, Right, Role
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.store.books import Entry, Mark, MarkKind
from gatekeeper.store.contract import Store, Total
from tests.web.conftest import NOON

from .conftest import Staff

FORMS = ("csv", "json", "svg")
#: What a panel is about, where it is about something.
ABOUT = {"tracker": "about=video"}


def path(panel: str, form: str, query: str = "") -> str:
    return f"/dashboard/shop/panels/{panel}.{form}?{query}&{ABOUT.get(PANELS[panel].about, '')}"


def exports(store: Store) -> list[Entry]:
    return store.staff.entries(["shop"], first=0, before=NOON * 2, limit=100, action="export")


@pytest.fixture(autouse=True)
def choices(store: Store) -> None:
    for state, n in (("granted", 7), ("refused", 5)):
        store.tally(Total("shop", "2026-11-22", "choice", state, notice=1), n)


@pytest.mark.parametrize("form", FORMS)
def test_every_panel_can_be_taken_along(staff: Staff, form: str) -> None:
    files = {panel: staff.get(path(panel, form)) for panel in PANELS}

    told = {panel: file.text for panel, file in files.items() if file.status_code != 200}
    assert all(form == "svg" and "has no chart" in text for text in told.values()), told
    sent = {panel: file for panel, file in files.items() if panel not in told}
    assert len(sent) > 10
    assert {file.headers["Cache-Control"] for file in sent.values()} == {"no-store"}
    assert all("default-src 'none'" in file.headers["Content-Security-Policy"] for file in sent.values())


def test_a_csv_file_has_the_numbers_of_the_panel(staff: Staff) -> None:
    file = staff.get(path("choices-by-day", "csv", "days=2"))

    rows = [*csv.DictReader(io.StringIO(file.data.decode("utf-8-sig")))]
    assert rows[1] == {"day": "2026-11-22", "granted": "7", "partly": "0", "refused": "5", "withdrawn": "0"}
    assert rows[0] == {
        "day": "2026-11-21",
        **dict.fromkeys(("granted", "partly", "refused", "withdrawn"), "not measured"),
    }
    assert file.content_type == "text/csv; charset=utf-8; header=present"
    assert file.headers["Content-Disposition"] == (
        'attachment; filename="shop-choices-by-day-2026-11-21-2026-11-22.csv"'
    )


def test_a_json_file_has_the_numbers_of_the_panel(staff: Staff) -> None:
    told = json.loads(staff.get(path("choices", "json", "days=2")).data)

    assert {row["choice"]: (row["now"], row["before"]) for row in told["rows"]} == {
        "Accepted all": (7, None),
        "Accepted some": (0, None),
        "Refused all": (5, None),
        "Withdrawn": (0, None),
    }


def test_a_chart_is_a_picture_that_can_do_nothing(staff: Staff) -> None:
    chart = staff.get(path("choices-by-day", "svg"))

    assert chart.content_type == "image/svg+xml"
    [style] = re.findall(rb"<style>(.*?)</style>", chart.data, re.DOTALL)
    hashed = b64encode(sha256(style).digest()).decode()
    assert chart.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{hashed}'; frame-ancestors 'none'; sandbox"
    )
    assert b"&" not in style  # what stands for something else would be hashed as it stands
    assert chart.headers["X-Content-Type-Options"] == "nosniff"


def test_a_chart_is_small_for_a_phone_and_light_on_paper(staff: Staff) -> None:
    wide, narrow, paper = (staff.get(path("choices", "svg", query)).data for query in ("", "narrow=1", "paper=1"))

    assert b'width="640"' in wide
    assert b'width="300"' in narrow
    assert b"prefers-color-scheme" in wide
    assert b"prefers-color-scheme" not in paper


def test_a_chart_shows_what_was_marked(staff: Staff, store: Store) -> None:
    store.marks.mark(Mark("shop", "2026-11-20", MarkKind.NOTE, "a", "Sale begins"))

    assert b"Sale begins" in staff.get(path("choices-by-day", "svg")).data
    assert b"Sale begins" not in staff.get(path("choices-by-day", "svg", "days=2")).data


@pytest.mark.parametrize("form", ["csv", "json"])
def test_who_takes_numbers_along_is_in_the_audit_trail(staff: Staff, store: Store, form: str) -> None:
    staff.get(path("choices", form, "days=2&f.browser=Firefox"))

    assert staff.account is not None
    assert [(entry.account, entry.action, entry.about, entry.detail) for entry in exports(store)] == [
        (staff.account.id, "export", f"choices.{form}", "2026-11-21 to 2026-11-22, Browser: Firefox")
    ]


def test_who_takes_the_report_along_is_in_the_audit_trail(staff: Staff, store: Store) -> None:
    staff.get("/dashboard/shop/report?days=2")

    assert [(entry.action, entry.about, entry.detail) for entry in exports(store)] == [
        ("export", "report", "2026-11-21 to 2026-11-22")
    ]


def test_looking_at_charts_is_not(staff: Staff, store: Store) -> None:
    staff.get("/dashboard/shop/")
    staff.get(path("choices", "svg"))

    assert exports(store) == []


@pytest.mark.parametrize("taken", ["panels/choices.csv", "panels/choices.json", "report"])
def test_only_who_may_take_numbers_along_gets_them(
    staff: Staff, store: Store, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    monkeypatch.setattr("gatekeeper.core.staff.RIGHTS", {**RIGHTS, Role.MARKETING: frozenset({Right.SEE})})
    marketing = staff.as_(Role.MARKETING, "shop")

    assert marketing.get(f"/dashboard/shop/{taken}").status_code == 403
    assert marketing.get(path("choices", "svg")).status_code == 200
    page = marketing.get("/dashboard/shop/").text
    assert "CSV" not in page
    assert "report" not in page
    assert exports(store) == []


NONE = ["panels/nothing.csv", "panels/choices.pdf", "panels/glance.svg", "panels/choices.CSV"]


@pytest.mark.parametrize("missing", NONE)
def test_what_is_not_there_is_not_found(staff: Staff, missing: str) -> None:
    assert staff.get(f"/dashboard/shop/{missing}").status_code == 404


@pytest.mark.parametrize("form", FORMS)
def test_a_bad_query_is_refused(staff: Staff, store: Store, form: str) -> None:
    refused = staff.get(path("choices", form, "days=never"))

    assert refused.status_code == 400
    assert "never" in refused.text
    assert exports(store) == []


class Page(HTMLParser):
    """Collects a page's pictures and the captions of its sections."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.pictures: list[str] = []
        self.tables = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "section":
            self.sections.append(told.get("id") or "")
        if tag == "img":
            self.pictures.append(told["src"] or "")
        self.tables += tag == "table"


def test_the_report_has_every_panel_with_its_chart_and_its_numbers(staff: Staff) -> None:
    page = Page(staff.get("/dashboard/shop/report?days=2").text)

    assert [*filter(None, page.sections)] == [listed.id for listed in PANELS.values() if not listed.about]
    assert any("choices.svg" in picture for picture in page.pictures)
    assert all(picture.endswith("?days=2&paper=1") for picture in page.pictures)
    assert page.tables >= len(page.pictures)


@pytest.mark.parametrize("picture", ["choices.svg?days=2&paper=1"])
def test_the_pictures_of_the_report_are_there(staff: Staff, picture: str) -> None:
    assert staff.get(f"/dashboard/shop/panels/{picture}").status_code == 200


def test_the_style_is_kept_until_it_changes(staff: Staff) -> None:
    style = staff.get("/dashboard.css")

    again = staff.get("/dashboard.css", headers={"If-None-Match": style.headers["ETag"]})

    assert style.content_type == "text/css; charset=utf-8"
    assert style.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.data) == (304, b"")
