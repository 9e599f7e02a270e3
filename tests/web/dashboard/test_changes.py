"""Why did it change: the page names what broke, and keeps what people mark."""

import html
import os
import re
from datetime import date, timedelta

import pytest

from gatekeeper.core.events import EventKind
from gatekeeper.core.staff import Role
from gatekeeper.store.books import Mark, MarkKind
from gatekeeper.web.service import Service
from tests.panels.logged import at, event, log
from tests.panels.test_changes import FAILS, WELL, week

from .conftest import Staff

TODAY = "2026-11-22"
PAGE = "/dashboard/shop/changes"


def text_of(page: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def in_short(page: str) -> list[str]:
    """Return the sentences at the top."""
    answer = page.split("In short</h2>")[1].split("</section>")[0]
    return [text_of(found) for found in re.findall(r"<p[^>]*>.*?</p>", answer, re.DOTALL)]


@pytest.fixture
def broken_tag(service: Service) -> None:
    """The beacon that the shop counts with fails from the 19th on."""
    days = [(date(2026, 11, 22) - timedelta(days=no)).isoformat() for no in range(13, -1, -1)]
    log(service.store, week(days, lambda day: WELL if day < "2026-11-19" else FAILS, tracker="seen"))


@pytest.mark.usefixtures("broken_tag")
def test_the_tracker_that_broke_is_named_without_being_asked_for(staff: Staff) -> None:
    page = staff.get(f"{PAGE}?days=7")

    assert page.status_code == 200
    assert in_short(page.text) == [
        "Conversions that seen could count fell by 8 (−57 %), from 14 to 6.",
        "Nearly all of it: seen loaded on 42.9 % of page views instead of 100.0 %: failed to load, since 2026-11-19.",
    ]
    assert "seen: failed to load 0 57.1 -8" in text_of(page.text)


@pytest.mark.usefixtures("broken_tag")
@pytest.mark.parametrize("number", ["conversions:", "conversions:purchase", "views:", "loads:video"])
def test_it_is_named_whatever_is_asked_about(staff: Staff, number: str) -> None:
    said = in_short(staff.get(f"{PAGE}?days=7&number={number}").text)

    assert "seen loaded on 0.0 % of page views instead of 100.0 %: failed to load, since 2026-11-19." in said


@pytest.mark.usefixtures("broken_tag")
def test_each_number_can_be_asked_about_and_its_files_are_the_same(staff: Staff) -> None:
    page = staff.get(f"{PAGE}?days=7&number=loads:seen").text
    numbers = re.findall(r'<option value="([^"]+)"', page)
    [file] = [html.unescape(link) for link in re.findall(r'href="([^"]+change-loads\.csv[^"]*)"', page)]

    assert numbers == ["conversions:", "conversions:purchase", "counted:seen", "views:", "loads:seen"]
    assert in_short(page)[0] == "Loads of seen fell by 48 (−57 %), from 84 to 36."
    assert '"seen: failed to load"' in staff.get(file).text
    assert re.search(r'<option value="loads:seen" selected>', page)


def test_nothing_at_all_says_so(staff: Staff) -> None:
    said = text_of(staff.get(PAGE).text)

    assert "Page views: 0, as many as before." in said
    assert "No tracker stands out." in said


@pytest.mark.parametrize(("number", "status"), [("luck:", 400), ("loads:nobody", 404), ("counted:x'><b>", 404)])
def test_what_cannot_be_asked_is_refused(staff: Staff, number: str, status: int) -> None:
    page = staff.get(PAGE, query_string={"number": number})

    assert page.status_code == status
    assert "'><b>" not in page.text


def test_people_mark_days_and_take_their_marks_away(staff: Staff, service: Service) -> None:
    added = staff.post(f"{PAGE}?days=7", {"do": "add", "day": "2026-11-20", "text": "  Sale \n begins "})
    page = staff.get(added.headers["Location"]).text
    [name] = re.findall(r'name="name" value="([0-9a-f]+)"', page)
    removed = staff.post(PAGE, {"do": "remove", "day": "2026-11-20", "name": name})

    assert (added.status_code, removed.status_code) == (303, 303)
    assert "days=7" in added.headers["Location"]
    assert "2026-11-20 Sale begins" in text_of(page)
    assert service.store.marks.marks("shop", "2000-01-01", "2099-01-01") == []
    trail = service.store.staff.entries(["shop"], first=0, before=2**40, limit=9, action="mark.")
    assert staff.account is not None
    assert {(one.action, one.about, one.detail, one.who) for one in trail} == {
        ("mark.added", "2026-11-20", "Sale begins", staff.account.name),
        ("mark.removed", "2026-11-20", "Sale begins", staff.account.name),
    }


@pytest.mark.parametrize(
    ("day", "text", "says"),
    [
        ("2026-13-01", "x", "is no day"),
        ("", "x", "is no day"),
        ("1066-10-14", "x", "too far away"),
        ("2126-01-01", "x", "too far away"),
        ("2026-11-20", "", "1 to 200 characters"),
        ("2026-11-20", "x" * 201, "1 to 200 characters"),
    ],
)
def test_what_is_no_mark_is_refused_on_the_page(staff: Staff, service: Service, day: str, text: str, says: str) -> None:
    page = staff.post(PAGE, {"do": "add", "day": day, "text": text})

    assert page.status_code == 400
    assert says in text_of(page.text)
    assert service.store.marks.marks("shop", "0001-01-01", "9999-12-31") == []


def test_what_the_product_marked_cannot_be_taken_away(staff: Staff, service: Service) -> None:
    mark = Mark("shop", TODAY, MarkKind.NOTICE, "1", "Notice 1 was published", at=service.now())
    service.store.marks.mark(mark)

    page = staff.get(PAGE).text
    staff.post(PAGE, {"do": "remove", "day": TODAY, "name": "1"})

    assert "Take away:" not in page
    assert service.store.marks.marks("shop", TODAY, TODAY) == [mark]


def test_who_may_not_mark_sees_no_form(staff: Staff, service: Service) -> None:
    auditor = staff.as_(Role.AUDITOR)

    assert "Mark it" not in auditor.get(PAGE).text
    assert auditor.post(PAGE, {"do": "add", "day": TODAY, "text": "x"}).status_code == 403
    assert service.store.marks.marks("shop", TODAY, TODAY) == []


@pytest.mark.row("SE-07")
def test_whatever_was_marked_or_named_is_shown_as_text(staff: Staff, service: Service) -> None:
    text = '"><img src=x onerror=alert(1)>\u202e</script>'
    staff.post(PAGE, {"do": "add", "day": TODAY, "text": text})
    log(service.store, [event(os.urandom(16), at(TODAY), EventKind.EVENT, event=text)])

    page = staff.get(PAGE).text

    assert "<img src=x" not in page
    assert html.unescape(page).count(text) >= 3
