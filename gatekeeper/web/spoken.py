"""What each layer of the banner says in one language: our own words, and the site's."""

from collections.abc import Mapping
from typing import Any

from babel import Locale

from gatekeeper.core.notices import Difference, differences
from gatekeeper.core.sites import Site
from gatekeeper.core.texts import purpose_texts, site_name, tracker_texts
from gatekeeper.core.trackers import OWN_COUNTRY, OWN_VENDOR
from gatekeeper.languages import Words
from gatekeeper.languages.english import ASKING, EMBEDS, PREFERENCES

from .ages import asks_age

_SHARED = ("list_between", "list_last", "close", "change", "way_back", "notice", "not_kept", "failed")
_SAID = (*_SHARED, *(key for key in ASKING if key.startswith(("saved_", "receipt"))))
_ASKS = ("title", "lead", "until_then", "honoured", "honoured_for", "accept_all", "reject_all", "choose", "language")
_NEWS = ("news", "see_changes")
_CHOOSES = (
    "honoured",
    "accept_all",
    "reject_all",
    *PREFERENCES,
    "erase_ask",
    "erase_yes",
    "erase_no",
    "erased",
    "erase_failed",
)
_HELD = ("notice", "close", "way_back", "failed", "not_kept", *EMBEDS)


def banner_texts(site: Site, content: Mapping[str, Any], words: Words) -> dict[str, object]:
    """Return what the first layer says.

    :param content: of the notice that it asks about.
    """
    asked = [{"id": row["id"], "title": row["title"]} for row in _asked(content, words)]
    optional = {row["id"] for row in asked}
    vendors = {row["vendor"]["id"] for row in content["trackers"] if row["purpose"] in optional} - {OWN_VENDOR}
    changes = {str(no): _news(site, no, content, words) for no in site.notices if site.notices[no].content != content}
    told = {no: lines for no, lines in changes.items() if lines}
    return {
        "strings": _pick(
            words, *_SAID, *_ASKS, *(["changed"] if told else []), *(_NEWS if len(site.notices) > 1 else [])
        ),
        "site": site_name(content, words.tag),
        "purposes": asked,
        "companies": len(vendors),
        "changes": told,
    }


def panel_texts(site: Site, content: Mapping[str, Any], words: Words) -> dict[str, object]:
    """Return what the preferences say."""
    return {
        "strings": _pick(words, *_SAID, *_CHOOSES),
        "purposes": [{"id": row["id"], "title": row["title"]} for row in _asked(content, words)],
        "notice": {
            "controller": content["controller"]["name"],
            "purposes": [
                {key: row[key] for key in ("id", "title", "description", "necessary")}
                for row in purpose_texts(content, words.tag, words.texts)
            ],
            "trackers": [_recipient(row, words) for row in tracker_texts(content, words.tag, words.texts)],
            "anonymous_totals": content["anonymous_totals"],
        },
    }


def embed_texts(site: Site, words: Words) -> dict[str, object]:
    """Return what stands in the place of an embed that is held."""
    content = site.notice.content if site.notice else None
    titles = {row["id"]: row["title"] for row in purpose_texts(content, words.tag, words.texts)} if content else {}
    return {
        "language": words.tag,
        "direction": words.direction,
        "asks_age": asks_age(site),
        "strings": _pick(words, *_HELD),
        "trackers": {
            tracker.id: {
                "name": site.vendors[tracker.vendor].name,
                "country": country(site.vendors[tracker.vendor].country, words.tag),
                "purpose": titles.get(tracker.purpose, site.purposes[tracker.purpose].title),
            }
            for tracker in site.trackers.values()
            if tracker.hosts
        },
    }


def country(code: str, tag: str) -> str:
    """Return what a language calls a country.

    :param code: two letters (ISO 3166-1); what nobody knows stays as it is.
    """
    name: str = Locale.parse(tag, sep="-").territories.get(code, code)
    return name


def told(change: Difference, content: Mapping[str, Any], words: Words) -> str:
    """Return a difference between two notices in a language."""
    values = {**change.values}
    if change.key == "change_country":
        values["before"] = country(values["before"], words.tag)
    if "country" in values:
        own = values["country"] == OWN_COUNTRY
        values["country"] = words.texts["this_site"] if own else country(values["country"], words.tag)
    if "purpose" in values:
        titles = {row["id"]: row["title"] for row in purpose_texts(content, words.tag, words.texts)}
        values["purpose"] = titles.get(values["purpose"], values["purpose"])
    return words.say(change.key, **values)


def _news(site: Site, no: int, content: Mapping[str, Any], words: Words) -> list[str]:
    """Return what those who answered an earlier notice have to be asked about."""
    changes = differences(site.notices[no], content)
    return list(dict.fromkeys(told(change, content, words) for change in changes if change.material))


def _asked(content: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    return [row for row in purpose_texts(content, words.tag, words.texts) if not row["necessary"]]


def _recipient(row: Mapping[str, Any], words: Words) -> dict[str, Any]:
    vendor = row["vendor"]
    own = vendor["id"] == OWN_VENDOR
    return {
        "id": row["id"],
        "purpose": row["purpose"],
        "name": vendor["name"],
        "country": "" if own else country(vendor["country"], words.tag),
        "days": row["retention_days"],
        "description": row["justification"] or row["description"],
        "keeps": [_cookie(cookie, words) for cookie in row["cookies"]],
    }


def _cookie(cookie: Mapping[str, Any], words: Words) -> str:
    key = "cookie_days" if cookie["days"] else "cookie_session"
    return words.say(key, **cookie)


def _pick(words: Words, *keys: str) -> dict[str, str]:
    return {key: words.texts[key] for key in keys}
