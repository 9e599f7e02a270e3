"""Texts in the languages of a site's visitors: the owner's own, ours, and those that are not there."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gatekeeper import assets
from gatekeeper.core.fields import WORDS
from gatekeeper.core.languages import TAGS
from gatekeeper.core.notices import content_hash
from gatekeeper.core.purposes import BUILT_IN
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.core.texts import OURS, VISIT_DESCRIPTION, lacking, purpose_texts, site_name, tracker_texts
from gatekeeper.languages.english import FIELDS, PURPOSES

from .cases import declare
from .test_sites import BARE

ROOT = Path(__file__).parent.parent.parent
#: What every language has by these keys, German here.
GERMAN = {key: f"[de] {text}" for key, text in OURS.items()}

TABLE: dict[str, Any] = {
    **BARE,
    "language": "en",
    "languages": ["en", "de", "fr"],
    "purposes": {
        "research": {"title": "Research", "description": "Helps a university."},
        "analytics": {"title": "Counting"},
    },
    "vendors": {"bank": {"name": "Bank Ltd", "country": "IE"}},
    "trackers": {
        "payments": {
            "kind": "script",
            "purpose": "necessary",
            "vendor": "bank",
            "marked": True,
            "retention_days": 365,
            "description": "Takes your payment.",
            "justification": "Nobody can pay without it.",
            "reviewed_by": "Legal",
        },
        "letter": {
            "kind": "link",
            "purpose": "mail_click",
            "vendor": "self",
            "retention_days": 30,
            "description": "Counts clicks.",
        },
    },
    "texts": {
        "de": {
            "name": "Der Laden",
            "purposes": {"research": {"title": "Forschung", "description": "Hilft einer Universität."}},
            "trackers": {
                "payments": {"description": "Nimmt Ihre Zahlung an."},
                "letter": {"description": "Zählt Klicks."},
            },
        }
    },
}


def site(**changes: Any) -> Site:
    return declare("shop", {**TABLE, **changes})


def rows(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in found}


def problems(texts: Any) -> list[tuple[str, str, str]]:
    found = read_registry({"sites": {"shop": {**TABLE, "texts": texts}}})[1]
    return [(problem.key, problem.rule, problem.fix) for problem in found]


# --- what a language has


def test_what_the_owner_translated_is_said_so():
    content = notice_content(site())

    research = rows(purpose_texts(content, "de", GERMAN))["research"]

    assert (research["title"], research["description"]) == ("Forschung", "Hilft einer Universität.")
    assert research["translated"]
    assert site_name(content, "de") == "Der Laden"
    assert site_name(content, "fr") == "The Shop"


def test_what_the_owner_did_not_translate_stands_as_it_was_written_and_says_so():
    content = notice_content(site())

    research = rows(purpose_texts(content, "fr", GERMAN))["research"]
    payments = rows(tracker_texts(content, "de", GERMAN))["payments"]

    assert (research["title"], research["translated"]) == ("Research", False)
    assert payments["description"] == "Nimmt Ihre Zahlung an."
    assert payments["justification"] == "Nobody can pay without it."
    assert not payments["translated"]


def test_in_the_language_of_the_file_everything_is_there():
    content = notice_content(site())
    texts = [*purpose_texts(content, "en", OURS), *tracker_texts(content, "en", OURS)]

    assert texts == [{**row, "translated": True} for row in [*content["purposes"], *content["trackers"]]]


def test_our_own_texts_are_translated_by_us():
    content = notice_content(declare("shop", {**BARE, "languages": ["en", "de"]}))
    purposes, trackers = purpose_texts(content, "de", GERMAN), tracker_texts(content, "de", GERMAN)

    assert [row["title"] for row in purposes] == ["[de] Necessary", "[de] Extras", "[de] Visit log", "[de] Advertising"]
    assert [row["description"] for row in trackers] == [f"[de] {VISIT_DESCRIPTION}"]
    assert all(row["translated"] for row in [*purposes, *trackers])


def test_our_own_texts_are_in_the_language_of_the_file_though_they_are_built_in_in_english():
    content = notice_content(declare("shop", {**BARE, "language": "de"}))

    assert purpose_texts(content, "de", GERMAN)[2]["title"] == "[de] Visit log"


def test_a_built_in_purpose_that_the_owner_worded_is_the_owners_to_translate():
    counting = rows(purpose_texts(notice_content(site()), "de", GERMAN))["analytics"]

    assert counting["title"] == "Counting"
    assert counting["description"] == f"[de] {BUILT_IN['analytics'].description}"
    assert not counting["translated"]


def test_an_owner_may_put_our_translation_in_other_words():
    texts = {"de": {"purposes": {"marketing": {"title": "Reklame"}}, "trackers": {"visit": {"description": "Zählt."}}}}
    content = notice_content(site(texts=texts))

    assert rows(purpose_texts(content, "de", GERMAN))["marketing"]["title"] == "Reklame"
    assert rows(tracker_texts(content, "de", GERMAN))["visit"]["description"] == "Zählt."


def test_a_row_keeps_all_that_the_notice_says_of_it():
    content = notice_content(site())

    for row, told in zip(tracker_texts(content, "de", GERMAN), content["trackers"], strict=True):
        assert row.keys() == told.keys() | {"translated"}
        assert {**row, **{key: told[key] for key in ("description", "justification")}} == {
            **told,
            "translated": row["translated"],
        }


def test_no_reason_appears_where_none_was_written():
    texts = {"de": {"trackers": {"visit": {"justification": "Weil."}}}}

    assert tracker_texts(notice_content(site(texts=texts)), "de", GERMAN)[0]["justification"] == ""


# --- the notice


def test_a_notice_holds_the_translations_of_what_it_says_and_of_nothing_else():
    content = notice_content(site())

    assert content["languages"] == ["en", "de", "fr"]
    assert content["texts"] == {
        "de": {
            "name": "Der Laden",
            "purposes": TABLE["texts"]["de"]["purposes"],
            "trackers": {"payments": {"description": "Nimmt Ihre Zahlung an."}},
        }
    }


def test_the_notice_of_a_site_of_one_language_is_what_it_was():
    content = notice_content(declare("shop", BARE))

    assert {"languages", "texts"}.isdisjoint(content)
    assert content_hash(content) == content_hash(notice_content(declare("shop", {**BARE, "languages": ["en"]})))


def test_a_translation_of_mail_that_no_visitor_is_asked_about_changes_no_notice():
    texts = {"de": {"trackers": {"letter": {"description": "Zählt."}}}}

    assert notice_content(site(texts=texts)) == notice_content(site(texts={}))


def test_how_a_banner_looks_is_no_word_of_the_notice():
    plain, dressed = site(), site(banner={"position": "centre", "radius": 0}, audience="mixed", region={"geo": True})

    assert notice_content(plain) == notice_content(dressed)


# --- what is not there


def test_what_lacks_is_what_the_owner_wrote_and_did_not_translate():
    found = [(lack.language, lack.part, lack.id, lack.field, lack.text) for lack in lacking(site())]

    assert found == [
        ("de", "purposes", "analytics", "title", "Counting"),
        ("de", "trackers", "payments", "justification", "Nobody can pay without it."),
        ("fr", "purposes", "analytics", "title", "Counting"),
        ("fr", "purposes", "research", "title", "Research"),
        ("fr", "purposes", "research", "description", "Helps a university."),
        ("fr", "trackers", "payments", "description", "Takes your payment."),
        ("fr", "trackers", "payments", "justification", "Nobody can pay without it."),
        ("fr", "trackers", "letter", "description", "Counts clicks."),
    ]


def test_a_site_of_one_language_lacks_nothing():
    assert lacking(site(languages=["en"], texts={})) == []
    assert lacking(declare("shop", {**BARE, "language": "de"})) == []


def test_what_lacks_is_what_a_visitor_reads_in_another_language():
    declared = site()
    content = notice_content(declared)
    asked = {row["id"] for row in [*content["purposes"], *content["trackers"]]}

    for tag in declared.languages:
        texts = [*purpose_texts(content, tag, OURS), *tracker_texts(content, tag, OURS)]
        untranslated = {row["id"] for row in texts if not row["translated"]}
        assert untranslated == {lack.id for lack in lacking(declared) if lack.language == tag} & asked


# --- mistakes


@pytest.mark.parametrize(
    ("texts", "key", "rule", "fix"),
    [
        ({"en": {}}, "texts.en", "those of the file itself", "where they belong"),
        ({"dee": {}}, "texts.dee", "a language of this site", "did you mean de?"),
        ({"ja": {}}, "texts.ja", "a language of this site", "add 'ja' to `languages`"),
        ({"DE": {}}, "texts.DE", "an id of the form", "lower-case"),
        ({"de": {"title": "x"}}, "texts.de.title", "only keys that Gatekeeper knows", "known keys: name, purposes"),
        ({"de": {"name": " "}}, "texts.de.name", "the site's name in that language", "those visitors"),
        (
            {"de": {"purposes": {"reserch": {}}}},
            "texts.de.purposes.reserch",
            "one of this site's purposes",
            "did you mean research?",
        ),
        (
            {"de": {"trackers": {"ads": {}}}},
            "texts.de.trackers.ads",
            "one of this site's trackers",
            "declare [sites.shop.trackers.ads]",
        ),
        (
            {"de": {"purposes": {"research": {"title": ""}}}},
            "texts.de.purposes.research.title",
            "the purpose's name in that language",
            "plain words",
        ),
        (
            {"de": {"purposes": {"research": {"justification": "x"}}}},
            "texts.de.purposes.research.justification",
            "only keys that Gatekeeper knows",
            "known keys: title, description",
        ),
        (
            {"de": {"trackers": {"payments": {"descripton": "x"}}}},
            "texts.de.trackers.payments.descripton",
            "only keys that Gatekeeper knows",
            "did you mean description?",
        ),
    ],
)
def test_a_mistake_names_its_rule_and_how_to_mend_it(texts: Any, key: str, rule: str, fix: str):
    found = problems(texts)

    assert any((where, rule in what, fix in how) == (f"sites.shop.{key}", True, True) for where, what, how in found), (
        found
    )


@pytest.mark.parametrize("texts", ["de", ["de"], {"de": "x"}, {"de": {"purposes": "x"}}, {"de": {"trackers": [1]}}])
def test_what_is_no_table_is_one_mistake(texts: Any):
    assert len(problems(texts)) == 1


# --- the sentences stand in two places, and are the same


def test_our_english_is_what_is_built_in():
    assert dict(PURPOSES) == dict(OURS)
    assert {f"field_{name}": text for name, text in WORDS.items()} == FIELDS


def test_the_visit_log_says_of_itself_what_every_language_says_of_it():
    assert declare("shop", BARE).trackers["visit"].description == OURS["visit_description"] == VISIT_DESCRIPTION


# --- the demo


def test_the_demo_serves_every_language_and_lacks_nothing_in_german():
    text = (assets.templates("demo") / "gatekeeper.toml").read_text("utf-8").replace("{{ port }}", "8080")
    sites, found = read_registry(tomllib.loads(text.replace("{{ port + 2 }}", "8082")))

    assert found == []
    shop = sites["shop"]
    assert shop.languages[0] == "en"
    assert sorted(shop.languages) == sorted(TAGS)
    assert "de" not in {lack.language for lack in lacking(shop)}


def test_the_document_lists_every_language():
    text = (ROOT / "docs" / "banner.md").read_text("utf-8")
    (listed,) = re.findall(r"^There are words for .*?\n\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)

    assert tuple(re.findall(r"`([a-z-]+)`", listed)) == TAGS
