"""The registry on the screen: what it shows, and how a text gets into the file."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.config import Config
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.core.staff import Role
from gatekeeper.store.books import DraftState

from .conftest import Staff

PAGE = "/dashboard/shop/registry"
PLACE = "trackers.seen.description"
SOURCE = """\
# Ours.
[sites.shop]
name = "Test Shop"
origins = ["http://shop.test"]
controller = {name = "Test Shop Ltd", address = "1 Test Street", contact = "privacy@shop.test"}

[sites.shop.trackers.seen]
kind = "beacon"  # one of our own
purpose = "analytics"
vendor = "self"
retention_days = 30
description = "Counts how far a page is read."
"""


@pytest.fixture
def file(config: Config) -> Path:
    config.path.write_text(SOURCE, "utf-8")
    return config.path


def text_of(file: Path) -> str:
    found: str = tomllib.loads(file.read_text("utf-8"))["sites"]["shop"]["trackers"]["seen"]["description"]
    return found


def propose(staff: Staff, after: str = "Counts pages.", place: str = PLACE) -> Any:
    return staff.post(PAGE, {"do": "propose", "place": place, "after": after})


def only_draft(staff: Staff) -> Any:
    [draft] = staff.service.store.drafts.drafts("shop")
    return draft


def decide(staff: Staff, do: str) -> Any:
    return staff.post(PAGE, {"do": do, "draft": only_draft(staff).id.hex()})


def actions(staff: Staff) -> list[tuple[str, str, str]]:
    found = staff.service.store.staff.entries(["shop"], first=0, before=2**40, limit=100, action="draft.")
    return [(entry.who, entry.action, entry.about) for entry in found]


def test_a_text_is_proposed_by_one_approved_by_an_owner_and_lands_in_the_file(staff: Staff, file: Path) -> None:
    marketing = staff.as_(Role.MARKETING, "shop")

    assert propose(marketing).status_code == 303
    assert text_of(file) == "Counts how far a page is read."
    assert decide(staff, "approve").status_code == 303

    assert text_of(file) == "Counts pages."
    assert file.read_text("utf-8") == SOURCE.replace("Counts how far a page is read.", "Counts pages.")
    assert only_draft(staff).state is DraftState.APPROVED
    assert marketing.account is not None
    assert staff.account is not None
    assert actions(staff) == [
        (staff.account.name, "draft.approved", PLACE),
        (marketing.account.name, "draft.proposed", PLACE),
    ]
    assert "start the service again" in staff.get(PAGE).text


def test_a_rejected_text_changes_nothing(staff: Staff, file: Path) -> None:
    propose(staff)

    assert decide(staff, "reject").status_code == 303

    assert file.read_text("utf-8") == SOURCE
    assert only_draft(staff).state is DraftState.REJECTED
    assert decide(staff, "approve").status_code == 400
    assert file.read_text("utf-8") == SOURCE


@pytest.mark.row("SE-17")
@pytest.mark.parametrize(("role", "proposes"), [(Role.MARKETING, 303), (Role.PRIVACY, 303), (Role.AUDITOR, 403)])
def test_nobody_but_an_owner_approves(staff: Staff, file: Path, role: Role, proposes: int) -> None:
    other = staff.as_(role, "shop")
    assert propose(other).status_code == proposes
    if proposes == 403:
        propose(staff)

    refused = decide(other, "approve")

    assert refused.status_code == 403
    assert file.read_text("utf-8") == SOURCE
    assert only_draft(staff).state is DraftState.OPEN


@pytest.mark.parametrize(
    ("place", "after", "told"),
    [
        ("trackers.seen.purpose", "necessary", "no text of this site"),
        (PLACE, "", "empty"),
        (PLACE, "Counts how far a page is read.", "says that already"),
        (PLACE, "x" * 2001, "at most 2000"),
    ],
)
def test_what_cannot_be_proposed_is_told_on_the_page(
    staff: Staff, file: Path, place: str, after: str, told: str
) -> None:
    answer = propose(staff, after, place)

    assert answer.status_code == 400
    assert told in answer.text
    assert staff.service.store.drafts.drafts("shop") == []


def test_a_file_that_changed_meanwhile_is_not_overruled(staff: Staff, file: Path) -> None:
    propose(staff)
    other = SOURCE.replace("Counts how far", "Measures how far")
    file.write_text(other, "utf-8")

    answer = decide(staff, "approve")

    assert answer.status_code == 400
    assert "says something else by now" in answer.text
    assert file.read_text("utf-8") == other
    assert only_draft(staff).state is DraftState.OPEN


@pytest.mark.parametrize("draft", ["", "x", "00" * 16, "é" * 32])
def test_a_draft_that_is_not_there_is_told(staff: Staff, file: Path, draft: str) -> None:
    answer = staff.post(PAGE, {"do": "approve", "draft": draft})

    assert answer.status_code == 400
    assert "no such draft" in answer.text


def test_the_file_keeps_its_mode(staff: Staff, file: Path) -> None:
    file.chmod(0o640)
    propose(staff)
    decide(staff, "approve")

    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".gatekeeper")] == []


def test_the_page_shows_what_is_declared_published_and_to_embed(staff: Staff, file: Path) -> None:
    page = staff.get(PAGE).text

    assert "&lt;script src=&#34;/gk/shop/gatekeeper.js&#34;&gt;" in page
    for said in ("newsletter", "AdCo Inc", "Notices, as published", "in force", "no page has told in 30 days"):
        assert said in page


def test_a_lifted_policy_is_said_first(staff: Staff, file: Path) -> None:
    staff.service.store.lift("shop", lifted=True, at=staff.service.now())
    staff.service.refresh()

    assert "The policy is lifted" in staff.get(PAGE).text


def test_what_was_seen_is_proposed(staff: Staff, file: Path) -> None:
    staff.service.store.see({Sighting("shop", "2026-11-22", Seen.SCRIPT, "cdn.spy.example", "/spy.js"): 3})

    page = staff.get(PAGE).text

    assert "[sites.shop.trackers.spy]" in page
    assert "cdn.spy.example" in page


def test_a_broken_file_is_told_and_offers_no_texts(staff: Staff, file: Path) -> None:
    file.write_text("[sites.shop", "utf-8")

    page = staff.get(PAGE)

    assert page.status_code == 200
    assert "cannot be read just now" in page.text
    assert "Propose a text" not in page.text


def test_only_an_owner_examines_the_installation(staff: Staff, file: Path) -> None:
    assert "Findings" in staff.get(f"{PAGE}?examine=1").text
    assert "Findings" not in staff.as_(Role.MARKETING, "shop").get(f"{PAGE}?examine=1").text
