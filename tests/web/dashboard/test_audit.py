"""The audit trail on the screen: the newest first, filtered, only what one may see, and whole as a file."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.core.staff import EVERY_SITE, Role
from gatekeeper.store.books import Entry
from gatekeeper.web.dashboard import audit
from gatekeeper.web.ids import event_id
from gatekeeper.web.service import Service
from tests.web.conftest import DAY, NOON

from .conftest import Staff, signed_in

PAGE = "/dashboard/audit"
#: Site, action, age in days.
LINES = [
    ("shop", "visitor.seen", 0),
    ("shop", "export", 5),
    ("blog", "visitor.seen", 0),
    ("", "session.begun", 1),
    ("shop", "mark.made", 29),
    ("shop", "draft.made", 31),
]


@pytest.fixture(autouse=True)
def lines(service: Service) -> None:
    for number, (site, action, age) in enumerate(LINES):
        at = NOON - age * DAY
        service.store.staff.note(Entry(event_id(), at, b"a" * 16, "Ann", site, action, f"about-{number}", "why"))


def shown(staff: Staff, query: str = "") -> list[str]:
    page = staff.get(f"{PAGE}{query}").text
    return [f"about-{n}" for n in range(len(LINES)) if f"about-{n}<" in page]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("?site=shop", [0, 1, 4]),
        ("?action=visitor.", [0, 2]),
        ("?action=visitor.&site=blog", [2]),
        ("?first=2026-10-01", [0, 1, 2, 3, 4, 5]),
        ("?first=2026-11-17&last=2026-11-21", [1, 3]),
        ("?last=2026-11-16&first=2026-11-01", []),
    ],
)
def test_the_trail_is_filtered(staff: Staff, query: str, numbers: list[int]) -> None:
    assert shown(staff, query) == [f"about-{n}" for n in numbers]


@pytest.mark.row("SE-17")
def test_only_what_is_ones_own_is_seen(app: Any) -> None:
    of_shop = signed_in(app, {"shop": Role.AUDITOR})
    of_both = signed_in(app, {"shop": Role.PRIVACY, EVERY_SITE: Role.MARKETING})
    of_none = signed_in(app, {"shop": Role.MARKETING})

    assert shown(of_shop) == ["about-0", "about-1", "about-4"]
    assert shown(of_both) == ["about-0", "about-1", "about-4"]
    assert of_shop.get(f"{PAGE}?site=blog").status_code == 403
    assert of_shop.get(f"{PAGE}?site=").status_code == 200
    assert of_none.get(PAGE).status_code == 403


@pytest.mark.parametrize("query", ["?first=x", "?first=2026-13-01", "?first=2026-11-22&last=2026-11-21"])
def test_days_that_are_none_are_told(staff: Staff, query: str) -> None:
    assert staff.get(f"{PAGE}{query}").status_code == 400


def test_the_newest_come_first_and_no_more_than_fit(staff: Staff, service: Service) -> None:
    for number in range(audit.SHOWN):
        service.store.staff.note(Entry(event_id(), NOON + 1, b"", "", "shop", "note.made", f"later-{number}"))

    page = staff.get(PAGE).text
    assert page.count("later-") == audit.SHOWN
    assert "about-0" not in page
    assert f"Only the newest {audit.SHOWN} are shown" in page


def rows(staff: Staff, query: str = "") -> list[dict[str, str]]:
    response = staff.get(f"{PAGE}?form=csv{query}")
    assert response.status_code == 200
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    return list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"))))


@pytest.mark.row("SE-26")
def test_the_file_holds_all_of_it_and_is_told_of(
    staff: Staff, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_AT_ONCE", 3)
    for number in range(20):
        at = NOON - number // 7
        service.store.staff.note(Entry(event_id(), at, b"", "Bob", "shop", "note.made", f"many-{number}"))

    found = rows(staff)

    assert sorted(row["about"] for row in found if row["about"].startswith("many")) == sorted(
        f"many-{n}" for n in range(20)
    )
    assert len(found) == 20 + 5 + 1
    assert [row["at"] for row in found] == sorted((row["at"] for row in found), reverse=True)
    assert found[0]["at"] == "2026-11-22 12:00Z"
    assert ("export", "audit") in {(row["action"], row["about"]) for row in found}


def test_a_cell_of_the_file_is_no_formula(staff: Staff, service: Service) -> None:
    service.store.staff.note(Entry(event_id(), NOON, b"", "=1+1", "shop", "note.made", "@x", "-2"))

    (row,) = [row for row in rows(staff) if row["action"] == "note.made"]
    assert (row["who"], row["about"], row["detail"]) == ("'=1+1", "'@x", "'-2")


@pytest.mark.row("SE-17")
def test_the_file_holds_no_more_than_the_page(app: Any) -> None:
    of_shop = signed_in(app, {"shop": Role.AUDITOR})

    assert {row["site"] for row in rows(of_shop)} == {"shop"}
    assert of_shop.get(f"{PAGE}?form=csv&site=blog").status_code == 403


def test_accounts_are_told_by_their_names(staff: Staff, service: Service) -> None:
    assert staff.account is not None
    named = replace(staff.account, name="Somebody Known")
    service.store.staff.keep(named)
    service.store.staff.note(Entry(event_id(), NOON, b"", "Bob", "", "account.roles", named.id.hex()))

    page = staff.get(f"{PAGE}?action=account.").text
    assert page.count("Somebody Known") == 2
    assert named.id.hex() not in page
