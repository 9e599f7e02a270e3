"""Changing a text of ``gatekeeper.toml`` in its place: what else stands there stays as it is, comments and all.

Only texts that visitors read can be changed so. Whatever decides what fires (purposes, hosts, vendors of trackers) is
changed in the file, by whoever owns it.
"""

import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from .errors import InvalidInput
from .registry import read_registry

#: The places of texts, below a site; ``*`` is any name.
_TEXTS = (
    ("name",),
    ("purposes", "*", "title"),
    ("purposes", "*", "description"),
    ("trackers", "*", "description"),
    ("trackers", "*", "justification"),
)
PLACES = (*_TEXTS, *(("texts", "*", *place) for place in _TEXTS))
#: The longest text that is taken, in characters.
MAX_LENGTH = 2000
_ALLOWED_CONTROLS = "\n"


def texts_of(source: str, site: str) -> dict[str, str]:
    """Return the texts of a site that can be changed, by their places, in the order of the file.

    :raises InvalidInput: the file is no TOML.
    """
    table = _tables(source).get("sites", {}).get(site, {})
    return {".".join(place): text for place, text in _walk(table) if _is_text(place)}


def edited(source: str, site: str, place: str, before: str, after: str) -> str:
    """Return the file with another text in one place.

    :param place: with dots, below the site, such as ``trackers.video.description``.
    :param before: what must stand there: whoever changed it meanwhile is not overruled.
    :raises InvalidInput: it cannot be changed so; the message says why.
    """
    known = texts_of(source, site)
    if place not in known:
        raise InvalidInput(f"{place[:200]!r} is no text of site {site!r} in this file: choose one that is listed")
    if known[place] != before:
        raise InvalidInput(f"{place} says something else by now ({known[place][:80]!r}): propose it again")
    text = check_text(after)
    changed = _replace(source, ("sites", site, *place.split(".")), text)
    if texts_of(changed, site) != known | {place: text}:
        raise InvalidInput(f"{place} cannot be changed without changing something else: change it in the file")
    _, problems = read_registry(tomllib.loads(changed))
    if problems:
        raise InvalidInput(f"with this text the file has a mistake: {problems[0]}")
    return changed


def check_text(text: str) -> str:
    """Return a text as it is written into the file.

    :raises InvalidInput: it is empty, too long, or has characters that nobody can see.
    """
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise InvalidInput("the text is empty: visitors would be told nothing")
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"the text has {len(text)} characters: at most {MAX_LENGTH} are taken")
    strange = [letter for letter in text if not letter.isprintable() and letter not in _ALLOWED_CONTROLS]
    if strange:
        raise InvalidInput(f"the text has a character that nobody can see, U+{ord(strange[0]):04X}: leave it out")
    return text


def _tables(source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"the file is no TOML just now: {error}") from error


def _walk(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _walk(value, (*above, name))
        elif isinstance(value, str):
            yield (*above, name), value


def _is_text(place: tuple[str, ...]) -> bool:
    return any(
        len(place) == len(pattern) and all(want in ("*", name) for want, name in zip(pattern, place, strict=True))
        for pattern in PLACES
    )


def _replace(source: str, path: tuple[str, ...], text: str) -> str:
    try:
        document = tomlkit.parse(source)
        table: MutableMapping[str, Any] = document
        for name in path[:-1]:
            table = table[name]
        old = table[path[-1]]
        new = tomlkit.string(text, multiline="\n" in text)
        new.trivia.comment_ws, new.trivia.comment = old.trivia.comment_ws, old.trivia.comment
        table[path[-1]] = new
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, ValueError) as error:
        raise InvalidInput(f"{'.'.join(path)} cannot be changed: {error}") from error
