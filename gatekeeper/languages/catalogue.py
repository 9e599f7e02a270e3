"""Read languages: the words of each, as keys of English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO

from babel import Locale
from babel.messages.pofile import read_po

from gatekeeper.core.languages import TAGS, direction

from .english import ENGLISH

#: A header of the PO files: whether somebody who speaks the language has read the whole file.
REVIEWED = "X-Human-Reviewed"


@dataclass(frozen=True)
class Words:
    """One language.

    :param name: what the language calls itself.
    :param reviewed: whether a person who speaks it has read it all.
    :param texts: by key; the keys are those of English.
    """

    tag: str
    direction: str
    name: str
    reviewed: bool
    texts: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """Return a text with its names filled in."""
        return self.texts[key].format_map(values)

    def join(self, names: Sequence[str]) -> str:
        """Return names as one phrase."""
        *first, last = names or [""]
        return self.texts["list_between"].join(first) + self.texts["list_last"] + last if first else last


@lru_cache(maxsize=len(TAGS))
def words(tag: str) -> Words:
    """Return a language.

    :raises KeyError: there is none by that tag.
    """
    if tag not in TAGS:
        raise KeyError(tag)
    if tag == "en":
        return Words(tag, "ltr", "English", reviewed=True, texts=ENGLISH)
    data = resources.files(__package__).joinpath(f"{tag}.po").read_bytes()
    said = {
        str(entry.context): str(entry.string) for entry in read_po(BytesIO(data)) if entry.string and not entry.fuzzy
    }
    # A text whose English has changed is said in English until somebody has looked at it.
    texts = {key: said.get(key, text) for key, text in ENGLISH.items()}
    return Words(tag, direction(tag), own_name(tag), is_reviewed(data), texts)


def is_reviewed(data: bytes) -> bool:
    """Return whether a PO file says that a person has read it. Babel drops headers that it does not know."""
    return f'"{REVIEWED}: yes\\n"'.encode() in data


def own_name(tag: str) -> str:
    """Return what a language calls itself."""
    name = Locale.parse(tag, sep="-").get_display_name() or tag
    return name[0].upper() + name[1:]
