"""Bring the PO files in line with the English texts: ``python -m gatekeeper.languages [TAG …]``.

New texts are added, empty; texts whose English has changed are marked fuzzy and are not used until somebody has looked
at them; texts that are gone are dropped. A tag that has no file yet gets one.
"""

import sys
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from gatekeeper.core.languages import TAGS

from .catalogue import REVIEWED, is_reviewed
from .english import ENGLISH

_FOLDER = Path(__file__).parent


def update(tag: str) -> int:
    """Write a language's file anew, and return how many of its texts are missing or have to be looked at."""
    path, reviewed = _FOLDER / f"{tag}.po", False
    told: dict[str, tuple[str, bool]] = {}
    if path.exists():
        data = path.read_bytes()
        reviewed = is_reviewed(data)
        for entry in read_po(BytesIO(data)):
            stale = entry.fuzzy or entry.id != ENGLISH.get(str(entry.context))
            told[str(entry.context)] = str(entry.string), stale
    texts = {key: told.get(key, ("", False)) for key in ENGLISH}
    _write(tag, texts, reviewed)
    return sum(stale or not text for text, stale in texts.values())


def _write(tag: str, texts: Mapping[str, tuple[str, bool]], reviewed: bool) -> None:
    """Write a language's file: by key, the text and whether somebody has to look at it."""
    catalogue = Catalog(locale=Locale.parse(tag, sep="-"), charset="utf-8", fuzzy=False)
    for key, (text, stale) in texts.items():
        catalogue.add(ENGLISH[key], text, context=key, flags=["fuzzy"] if stale and text else [])
    head = f'msgid ""\nmsgstr ""\n"Language: {tag}\\n"\n"{REVIEWED}: {"yes" if reviewed else "no"}\\n"\n'
    head += '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
    with (_FOLDER / f"{tag}.po").open("wb") as out:
        out.write(head.encode())
        write_po(out, catalogue, width=0, omit_header=True)


def main() -> int:
    """Update the languages named, or all; end with 1 where words are missing."""
    missing = {tag: update(tag) for tag in sys.argv[1:] or [tag for tag in TAGS if tag != "en"]}
    for tag, count in missing.items():
        print(f"{tag}: {count or 'none'} of {len(ENGLISH)} texts missing")
    return 1 if any(missing.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
