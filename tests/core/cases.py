"""The shared tables of ``tests/cases``, as values. Python and the browser run the same rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gatekeeper.core.choices import Choice, State
from gatekeeper.core.decisions import Decision, Status, Visitor, decide, decide_purpose
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.registry import read_registry
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Site, notice_content

CASES = Path(__file__).parent.parent / "cases"
PUBLISHED_DAY = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Case:
    """A row of ``decisions.json``: what is asked, and what the design says to it.

    :param row: as it stands in the file.
    :param tracker: empty where a purpose is asked about.
    """

    row: Mapping[str, Any]
    site: Site
    visitor: Visitor
    now: int
    tracker: str
    purpose: str
    allowed: bool
    reason: str

    def decide(self) -> Decision:
        """Ask it."""
        if "purpose" in self.row:
            return decide_purpose(self.purpose, self.visitor, self.site, now=self.now)
        return decide(self.tracker, self.visitor, self.site, now=self.now)


def read_table(name: str) -> dict[str, Any]:
    """Return a table of ``tests/cases``, such as ``decisions``."""
    table: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    return table


def declare(site_id: str, table: Mapping[str, Any]) -> Site:
    """Return a site as ``gatekeeper.toml`` would declare it, nothing published."""
    sites, problems = read_registry({"sites": {site_id: table}})
    assert not problems, "\n".join(map(str, problems))
    return sites[site_id]


def publish(site: Site, no: int) -> Notice:
    """Return a notice of what a site declares."""
    content = notice_content(site)
    return Notice(site.id, no, content, PUBLISHED_DAY, content_hash(content))


def publish_all(site_id: str, history: Sequence[Mapping[str, Any]]) -> Site:
    """Return a site that published each of its tables in turn, as notice 1, 2 …; the last is what it declares now."""
    declared = [declare(site_id, table) for table in history]
    return declared[-1].with_notices(publish(site, no) for no, site in enumerate(declared, start=1))


def decision_sites() -> dict[str, Site]:
    """Return the sites of ``decisions.json`` by name."""
    return {name: _site(name, told) for name, told in read_table("decisions")["sites"].items()}


def decision_cases() -> list[Case]:
    """Return the rows of ``decisions.json``."""
    sites = decision_sites()
    return [_case(row, sites[row["site"]]) for row in read_table("decisions")["cases"]]


def choice_site() -> Site:
    """Return the site that the values of ``choices.json`` are about."""
    told = read_table("choices")["site"]
    return _site(told["id"], told)


def read_choice_row(row: Mapping[str, Any]) -> Choice:
    """Return a choice as both tables write it."""
    band = row.get("age_band")
    return Choice(
        site=row["site"],
        notice=row["notice"],
        day=date.fromisoformat(row["day"]),
        state=State(row["state"]),
        purposes=frozenset(row["purposes"]),
        trackers=frozenset(row["trackers"]),
        override=frozenset(row["override"]),
        age_band=None if band is None else AgeBand(band),
        pending=row.get("pending", False),
        objects=row.get("objects", False),
    )


def _site(site_id: str, told: Mapping[str, Any]) -> Site:
    if not told.get("published", True):
        return declare(site_id, told["history"][-1])
    return publish_all(site_id, told["history"])


def _case(row: Mapping[str, Any], site: Site) -> Case:
    visitor = Visitor(
        choice=None if row["choice"] is None else read_choice_row(row["choice"]),
        signals=frozenset(Signal(signal) for signal in row["signals"]),
        age_band=None if row["age_band"] is None else AgeBand(row["age_band"]),
        status=Status(row["status"]),
    )
    tracker, purpose = row.get("tracker", ""), row.get("purpose", "")
    return Case(row, site, visitor, row["now"], tracker, purpose, row["want"]["allowed"], row["want"]["reason"])
