"""Notices: what a visitor was told. Numbered per site, never changed, identified by the hash of their content."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import rfc8785


@dataclass(frozen=True, slots=True)
class Notice:
    """A published notice.

    :param no: 1, 2, 3 … per site.
    :param content: what was published, as plain JSON values; see :func:`gatekeeper.core.sites.notice_content`.
    :param published_day: ISO date, UTC.
    """

    site: str
    no: int
    content: dict[str, Any]
    published_day: str
    hash: str
    purposes: tuple[str, ...] = field(init=False)
    trackers: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        # The bits of a choice index these two lists, so their order is part of what was published.
        optional = (purpose["id"] for purpose in self.content["purposes"] if not purpose["necessary"])
        object.__setattr__(self, "purposes", tuple(optional))
        object.__setattr__(self, "trackers", tuple(row["id"] for row in _asked(self.content)))

    @property
    def log(self) -> dict[str, Any]:
        """What it says the visit log holds: ``fields`` as lines, and the purposes of the site's own ``events``."""
        log: dict[str, Any] = self.content.get("log", {})
        return log

    def told(self, row: dict[str, Any]) -> tuple[str, ...]:
        """Return the trackers by which this notice told visitors of a tracker as it is now; none if it did not.

        :param row: a row of a notice's ``trackers``. A tracker that this notice lists must be listed as it is now;
            one that it does not list is covered by those of the same purpose, vendor and country that keep the
            data as long, and what a visitor said of them holds for it.
        """
        listed = _asked(self.content)
        mine = [told for told in listed if told["id"] == row["id"]] or listed
        return tuple(told["id"] for told in mine if _covers(told, row))


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two notices.

    :param material: whether visitors must be asked again: a (purpose, vendor, country, longer retention) that the
        old notice does not cover (GDPR rec. 42; EDPB Guidelines 05/2020 on consent).
    """

    what: str
    material: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two notices, as visitors are told of it.

    :param key: of the sentence that tells of it (``gatekeeper/languages/english.py``).
    :param values: what the sentence names; countries by their two letters, purposes by their ids.
    """

    key: str
    values: Mapping[str, Any]
    material: bool


def differences(old: Notice, new: Mapping[str, Any]) -> list[Difference]:
    """Return what a new notice's content changes for visitors, what they are asked about again first."""
    found = [*_tracker_differences(old, new)]
    if old.content != new and not found:
        found.append(Difference("change_words", {}, material=False))
    return sorted(found, key=lambda difference: not difference.material)


def _tracker_differences(old: Notice, new: Mapping[str, Any]) -> Iterator[Difference]:
    before = {row["id"]: row for row in old.content["trackers"]}
    necessary = {purpose["id"] for purpose in new["purposes"] if purpose["necessary"]}
    for row in new["trackers"]:
        material = row["purpose"] not in necessary and not old.told(row)
        if material or row["id"] not in before:
            yield Difference(*_sentence(before.get(row["id"]), row), material)
    for row in before.values():
        if row["id"] not in {after["id"] for after in new["trackers"]}:
            yield Difference("change_removed", {"name": row["vendor"]["name"]}, material=False)


def _sentence(before: dict[str, Any] | None, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    vendor = row["vendor"]
    name = {"name": vendor["name"]}
    if before is None or before["vendor"]["id"] != vendor["id"]:
        return "change_new", {**name, "country": vendor["country"], "purpose": row["purpose"]}
    if before["purpose"] != row["purpose"]:
        return "change_purpose", {**name, "purpose": row["purpose"]}
    if before["vendor"]["country"] != vendor["country"]:
        return "change_country", {**name, "country": vendor["country"], "before": before["vendor"]["country"]}
    return "change_longer", {**name, "days": row["retention_days"], "before": before["retention_days"]}


def content_hash(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a notice's content as canonical JSON (RFC 8785), in hex."""
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def changes(old: Notice | None, new: dict[str, Any]) -> list[Change]:
    """Return what a new notice's content changes, material changes first.

    :param old: None where nothing was published before: everything is new, and there is nobody to ask again.
    """
    if old is None:
        return [Change("first notice of this site", material=False)]
    found = [*_tracker_changes(old, new), *_other_changes(old.content, new)]
    return sorted(found, key=lambda change: not change.material)


def _tracker_changes(old: Notice, new: dict[str, Any]) -> Iterator[Change]:
    before = {row["id"]: row for row in old.content["trackers"]}
    after = {row["id"]: row for row in new["trackers"]}
    necessary = {purpose["id"] for purpose in new["purposes"] if purpose["necessary"]}
    for tracker_id, row in after.items():
        material = row["purpose"] not in necessary and not old.told(row)
        if tracker_id not in before:
            yield Change(f"tracker {tracker_id} added: {_told(row)}", material)
        elif row != before[tracker_id]:
            yield Change(f"tracker {tracker_id}: {_told(before[tracker_id])} -> {_told(row)}", material)
    for tracker_id in sorted(before.keys() - after.keys()):
        yield Change(f"tracker {tracker_id} removed", material=False)
    if before == after and list(before) != list(after):
        yield Change("trackers in another order", material=False)


def _other_changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys()):
        if key != "trackers" and old.get(key) != new.get(key):
            yield Change(f"{key} changed", material=False)


def _told(row: dict[str, Any]) -> str:
    vendor = row["vendor"]
    return f"{row['purpose']}, {vendor['name']} ({vendor['country']}), {row['retention_days']} days"


def _asked(content: dict[str, Any]) -> list[dict[str, Any]]:
    optional = {purpose["id"] for purpose in content["purposes"] if not purpose["necessary"]}
    return [row for row in content["trackers"] if row["purpose"] in optional]


def _covers(told: dict[str, Any], row: dict[str, Any]) -> bool:
    return _recipient(told) == _recipient(row) and told["retention_days"] >= row["retention_days"]


def _recipient(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["purpose"], row["vendor"]["id"], row["vendor"]["country"]
