"""The words of every language: all of them there, with the same names to fill in, and as fair as the English."""

import re
import unicodedata
from importlib import resources
from importlib.resources.abc import Traversable
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from gatekeeper.core.languages import TAGS, direction
from gatekeeper.languages import words
from gatekeeper.languages.english import ENGLISH

OTHERS = [tag for tag in TAGS if tag != "en"]
#: What may be the same in another language: it has hardly a word in it.
_WORDLESS = {"list_between", "list_last"}
#: Words that are spelt as in English.
_ALSO_ENGLISH = {tag: {"functional_title"} for tag in ("de", "es", "fr", "fr-ca", "pt", "pt-br")}
_ALSO_ENGLISH |= {"nl": {"contact"}, "ro": {"contact"}}
#: Buttons that stand beside each other, neither above the other.
PAIRS = (("accept_all", "reject_all"), ("erase_yes", "erase_no"), ("sure_yes", "sure_no"))


def file_of(tag: str) -> Traversable:
    return resources.files("gatekeeper.languages").joinpath(f"{tag}.po")


def catalogue(tag: str) -> Catalog:
    with file_of(tag).open("rb") as file:
        return read_po(file)


def names(text: str) -> set[str]:
    """Return the names that are filled into a text."""
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def marks(label: str) -> list[str]:
    """Return what a label has beside words and spaces: exclamation marks, emoji, arrows."""
    plain = re.sub(r"\{\w+\}", "", label)
    return sorted(sign for sign in plain if unicodedata.category(sign)[0] not in "LMNZC" and sign not in ",’'،、")


@pytest.mark.row("IN-03", "BR-01")
@pytest.mark.parametrize("tag", OTHERS)
def test_a_language_says_all_there_is_to_say(tag: str) -> None:
    entries = {str(entry.context): entry for entry in catalogue(tag) if entry.id}

    assert [key for key, entry in entries.items() if entry.fuzzy or not str(entry.string).strip()] == []
    assert {key: entry.id for key, entry in entries.items()} == dict(ENGLISH)


@pytest.mark.parametrize("tag", OTHERS)
def test_a_language_fills_in_the_same_names(tag: str) -> None:
    texts = words(tag).texts

    assert {key: names(text) for key, text in texts.items()} == {key: names(text) for key, text in ENGLISH.items()}


@pytest.mark.row("IN-03")
@pytest.mark.parametrize("tag", OTHERS)
def test_nothing_is_left_in_english(tag: str) -> None:
    texts = words(tag).texts

    same = {key for key, text in texts.items() if re.search(r"[a-z]{4}", text) and text == ENGLISH[key]}

    assert same - _WORDLESS <= _ALSO_ENGLISH.get(tag, set())


@pytest.mark.parametrize("tag", OTHERS)
def test_a_file_says_whose_language_it_is_and_whether_it_was_read(tag: str) -> None:
    # As it is written: Babel forgets headers that it does not know.
    header = dict(re.findall(r'^"([\w-]+): (.*?)\\n"$', file_of(tag).read_text("utf-8"), re.MULTILINE))

    assert header["Language"] == tag
    assert header["X-Human-Reviewed"] in ("yes", "no")
    assert words(tag).reviewed == (header["X-Human-Reviewed"] == "yes")


def test_there_is_a_file_for_each_language_and_no_other() -> None:
    files = {path.name.removesuffix(".po") for path in resources.files("gatekeeper.languages").iterdir()}

    assert {name for name in files if "." not in name and not name.startswith("__")} == set(OTHERS)


@pytest.mark.parametrize("tag", TAGS)
def test_texts_run_in_the_direction_of_their_letters(tag: str) -> None:
    letters = [unicodedata.bidirectional(sign) for sign in words(tag).texts["lead"] if sign.isalpha()]
    leftward = sum(kind in ("R", "AL") for kind in letters)

    assert (leftward > len(letters) / 2) == (direction(tag) == "rtl")


# --- nothing that leans one way


@pytest.mark.row("EU-16", "US-03")
@pytest.mark.parametrize("tag", TAGS)
def test_accept_and_reject_are_said_as_briefly_as_each_other(tag: str) -> None:
    accept, reject = (words(tag).texts[key] for key in ("accept_all", "reject_all"))

    assert abs(len(accept) - len(reject)) <= 0.4 * max(len(accept), len(reject))
    assert abs(len(accept.split()) - len(reject.split())) <= 1
    assert accept != reject


@pytest.mark.row("EU-16")
@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(("one", "other"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_no_button_has_a_mark_that_the_one_beside_it_has_not(tag: str, one: str, other: str) -> None:
    texts = words(tag).texts

    assert marks(texts[one]) == marks(texts[other])


@pytest.mark.row("EU-16")
@pytest.mark.parametrize("tag", TAGS)
def test_nothing_is_shouted_or_drawn(tag: str) -> None:
    loud = re.compile(r"[!！¡]|[\U0001f000-\U0001ffff\u2600-\u27bf]")

    assert {key: text for key, text in words(tag).texts.items() if loud.search(text)} == {}


@pytest.mark.row("EU-16")
@pytest.mark.parametrize("label", ["Accept all!", "✅ Accept all", "Accept all →", "Accept all 👍"])
def test_a_mark_is_seen(label: str) -> None:
    assert marks(label) != marks("Reject all")


@pytest.mark.row("QC-01")
def test_in_quebec_nothing_is_on_before_it_is_activated() -> None:
    assert "Rien n’est activé si vous ne l’activez pas" in words("fr-ca").texts["preferences_lead"]
