"""What a site's owner, and we of what is built in, say of purposes and trackers, in each language of its visitors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .purposes import BUILT_IN
from .sites import Site
from .trackers import VISIT

#: What the visit log says of itself.
VISIT_DESCRIPTION = (
    "Keeps which pages you read, when and for how long, what you do there, your browser, language and provider."
)
#: Our own texts in English, by the keys under which every language has them. Where a site says something else, the
#: words are its owner's, and so are their translations.
OURS: Mapping[str, str] = MappingProxyType(
    {f"{purpose.id}_title": purpose.title for purpose in BUILT_IN.values()}
    | {f"{purpose.id}_description": purpose.description for purpose in BUILT_IN.values()}
    | {f"{VISIT}_description": VISIT_DESCRIPTION}
)
#: Of each part of ``gatekeeper.toml`` that can be translated, the fields that visitors read.
TRANSLATED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"purposes": ("title", "description"), "trackers": ("description", "justification")}
)


@dataclass(frozen=True, slots=True)
class Lack:
    """A text of the owner's that is not there in a language: ``texts.<language>.<part>.<id>.<field>``.

    :param text: as it reads in the file's own language.
    """

    language: str
    part: str
    id: str
    field: str
    text: str


def site_name(content: Mapping[str, Any], tag: str) -> str:
    """Return what a notice calls the site in a language."""
    name: str = content.get("texts", {}).get(tag, {}).get("name", content["name"])
    return name


def purpose_texts(content: Mapping[str, Any], tag: str, words: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a notice's purposes, with title and description in a language where there are such.

    :param content: of a notice; see :func:`gatekeeper.core.sites.notice_content`.
    :param words: our own texts in that language, by key.
    :return: rows as the notice has them, each with ``translated``: False where a text stands as the owner wrote it,
        in another language.
    """
    return [_row(content, "purposes", row, tag, words) for row in content["purposes"]]


def tracker_texts(content: Mapping[str, Any], tag: str, words: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a notice's trackers, with description and justification in a language; see :func:`purpose_texts`."""
    return [_row(content, "trackers", row, tag, words) for row in content["trackers"]]


def lacking(site: Site) -> list[Lack]:
    """Return, language by language, the texts that visitors who read it get in the language of the file."""
    return [lack for tag in site.languages for lack in _lacking(site, tag)]


def _lacking(site: Site, tag: str) -> Iterator[Lack]:
    content = {"language": site.language, "texts": site.texts}
    for part, rows in {"purposes": site.purposes, "trackers": site.trackers}.items():
        for name, value in rows.items():
            texts = {field: getattr(value, field) for field in TRANSLATED[part]}
            for field, text in texts.items():
                if _text(content, part, {"id": name, **texts}, field, tag, OURS) is None:
                    yield Lack(tag, part, name, field, text)


def _row(
    content: Mapping[str, Any], part: str, row: Mapping[str, Any], tag: str, words: Mapping[str, str]
) -> dict[str, Any]:
    texts = {field: _text(content, part, row, field, tag, words) for field in TRANSLATED[part]}
    there = {field: text for field, text in texts.items() if text is not None}
    return {**row, **there, "translated": len(there) == len(texts)}


def _text(
    content: Mapping[str, Any], part: str, row: Mapping[str, Any], field: str, tag: str, words: Mapping[str, str]
) -> str | None:
    original: str = row[field]
    given: Mapping[str, str] = content.get("texts", {}).get(tag, {}).get(part, {}).get(row["id"], {})
    key = f"{row['id']}_{field}"
    if original and field in given:
        return given[field]
    if original and original == OURS.get(key):
        return words[key]
    return original if not original or tag == content["language"] else None
