"""What the visitor's pages say in one language, as HTML: sentences by key, notices, and what changed between them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from babel import Locale
from babel.dates import format_date
from markupsafe import Markup, escape

from gatekeeper.core.fields import WORDS
from gatekeeper.core.languages import direction
from gatekeeper.core.notices import Notice, differences
from gatekeeper.core.texts import TRANSLATED, purpose_texts, site_name, tracker_texts
from gatekeeper.core.trackers import OWN_VENDOR
from gatekeeper.languages import Words

from .spoken import country, told

#: The language of what our own lines in a notice say.
_OURS = "en"


class Printer:
    """Prints in one language. What is filled into a sentence is escaped, unless it is HTML already."""

    def __init__(self, words: Words) -> None:
        self.words = words

    def say(self, key: str, **values: object) -> Markup:
        """Return a text with its names filled in."""
        return escape(self.words.texts[key]).format_map(values)

    def join(self, names: Sequence[Markup]) -> Markup:
        """Return names as one phrase; see :meth:`gatekeeper.languages.Words.join`."""
        *first, last = names
        return self.say("list_between").join(first) + self.say("list_last") + last if first else last

    def date(self, day: str) -> str:
        """Return an ISO date as it is written out."""
        return format_date(date.fromisoformat(day), "long", locale=Locale.parse(self.words.tag, sep="-"))

    def name(self, text: str) -> Markup:
        """Return a name, which may be written in the other direction than what stands around it."""
        return Markup("<bdi>{}</bdi>").format(text)

    def code(self, text: str) -> Markup:
        """Return what is read letter by letter."""
        return Markup('<code dir="ltr">{}</code>').format(text)

    def link(self, address: str, name: str) -> Markup:
        """Return a link to another site, which is not told where its visitor comes from."""
        return Markup('<a href="{}" rel="noopener noreferrer" referrerpolicy="no-referrer">{}</a>').format(
            address, self.name(name)
        )

    def country(self, code: str) -> str:
        """Return what a country is called."""
        return country(code, self.words.tag)

    def site(self, content: Mapping[str, Any]) -> str:
        """Return what a notice calls its site."""
        return site_name(content, self.words.tag)

    def purposes(self, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a notice's purposes, each with its trackers and with what the log keeps for it.

        A text that stands as its owner wrote it, in another language, says so; see :meth:`_foreign`.
        """
        words, log = self.words, content.get("log", {})
        purposes = self._marked(content, "purposes", purpose_texts(content, words.tag, words.texts))
        trackers = self._marked(content, "trackers", tracker_texts(content, words.tag, words.texts))
        fields = log.get("fields", [])
        return [
            {
                **purpose,
                "trackers": (mine := [row for row in trackers if row["purpose"] == purpose["id"]]),
                "recipients": self._recipients(mine),
                "fields": [self._field(row) for row in fields if row["purpose"] == purpose["id"]],
                "events": [self.code(name) for name, by in log.get("events", {}).items() if by == purpose["id"]],
            }
            for purpose in purposes
        ]

    def changes(self, old: Notice, new: Mapping[str, Any], *, asked: bool = False) -> list[str]:
        """Return what a new notice changes, a sentence each.

        :param asked: whether only what visitors are asked about again.
        """
        found = [change for change in differences(old, new) if change.material or not asked]
        return list(dict.fromkeys(told(change, new, self.words) for change in found))

    def versions(self, notices: Mapping[int, Notice]) -> list[dict[str, Any]]:
        """Return the notices that were published, the newest first, each with what it changed."""
        numbers = sorted(notices)
        pairs = zip([0, *numbers], numbers, strict=False)
        rows = [
            {
                "no": no,
                "day": notices[no].published_day,
                "changes": self.changes(notices[before], notices[no].content) if before else [],
            }
            for before, no in pairs
        ]
        return rows[::-1]

    def _recipients(self, trackers: Iterable[Mapping[str, Any]]) -> list[Markup]:
        vendors = {row["vendor"]["id"]: row["vendor"] for row in trackers}
        own = [self.say("this_site")] if vendors.pop(OWN_VENDOR, None) else []
        others = sorted(vendors.values(), key=lambda vendor: vendor["name"].casefold())
        return [*own, *(self._recipient(vendor) for vendor in others)]

    def _recipient(self, vendor: Mapping[str, Any]) -> Markup:
        return Markup("{} ({})").format(self.name(vendor["name"]), self.country(vendor["country"]))

    def _field(self, row: Mapping[str, Any]) -> Markup | str:
        """Return a line of what the log keeps: in the page's language where the notice says what we say today."""
        key = f"field_{row['id']}"
        if row["text"] == WORDS.get(row["id"]):
            return self.words.texts[key]
        # It was our line when the notice was published.
        return row["text"] if self.words.tag == _OURS else self._foreign(row["text"], _OURS)

    def _marked(self, content: Mapping[str, Any], part: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Mark the texts of rows that stand as the notice has them, in its own language."""
        return [
            row
            if row["translated"]
            else {
                **row,
                **{
                    field: self._foreign(row[field], content["language"])
                    for field in TRANSLATED[part]
                    if row[field] and row[field] == original[field]
                },
            }
            for row, original in zip(rows, content[part], strict=True)
        ]

    def _foreign(self, text: str, language: str) -> Markup:
        return Markup('<span lang="{}" dir="{}">{}</span>').format(language, direction(language), text)
