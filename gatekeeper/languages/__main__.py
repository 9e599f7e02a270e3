"""Bring the PO files in line with the English texts: ``python -m gatekeeper.languages [TAG …]``.

New texts are added, empty; texts whose English has changed are marked fuzzy and are not used until somebody has looked
at them; texts that are gone are dropped. A tag that has no file yet gets one.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from gatekeeper.core.languages import TAGS

from .catalogue import REVIEWED
from .english import ENGLISH

_FOLDER = Path(__file__).parent


def template() -> Catalog:
    """Return the catalogue that every language fills: the key as context, the English as what is to be translated."""
    catalogue = Catalog(project="Gatekeeper", charset="utf-8", fuzzy=False)
    for key, text in ENGLISH.items():
        catalogue.add(text, context=key)
    return catalogue


def update(tag: str) -> int:
    """Write a language's file anew, and return how many of its texts are missing or have to be looked at."""
    path = _FOLDER / f"{tag}.po"
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file)
        reviewed = dict(catalogue.mime_headers).get(REVIEWED, "no")
    else:
        catalogue, reviewed = Catalog(), "no"
    told = {message.context: message for message in catalogue if message.context}
    fresh = Catalog(locale=Locale.parse(tag, sep="-"), project="Gatekeeper", charset="utf-8", fuzzy=False)
    for key, text in ENGLISH.items():
        before = told.get(key)
        kept = str(before.string) if before else ""
        stale = before is not None and (before.id != text or before.fuzzy)
        fresh.add(text, kept, context=key, flags=["fuzzy"] if stale and kept else [])
    with path.open("w", encoding="utf-8") as out:
        out.write(f'msgid ""\nmsgstr ""\n"Language: {tag}\\n"\n"{REVIEWED}: {reviewed}\\n"\n')
        out.write('"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n')
        out.flush()
        with path.open("ab") as raw:
            write_po(raw, fresh, width=0, omit_header=True, sort_output=False)
    return sum(not message.string or message.fuzzy for message in fresh if message.context)


def main() -> int:
    """Update the languages named, or all; end with 1 where words are missing."""
    missing = {tag: update(tag) for tag in sys.argv[1:] or [tag for tag in TAGS if tag != "en"]}
    for tag, count in missing.items():
        print(f"{tag}: {count or 'none'} of {len(ENGLISH)} texts missing, {datetime.now(UTC).date()}")
    return 1 if any(missing.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
