"""The languages that visitors can read, and which of a site's is spoken to whom. Tags are BCP 47 in lower case."""

from collections.abc import Iterable, Sequence

_UNION = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv"
_INDIA = "hi mr bn ta te gu kn ml pa ur"
_OTHERS = "ar he fa tr uk ru nb is ja ko zh-hans zh-hant vi th id pt-br fr-ca"
#: All 24 official languages of the European Union, ten of India's, and the others that there are words for.
TAGS = tuple(f"{_UNION} {_INDIA} {_OTHERS}".split())
_RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
#: What browsers and pages ask for, and the tag under which it lies here.
_ALIASES = {"zh": "zh-hans", "zh-cn": "zh-hans", "zh-sg": "zh-hans", "iw": "he", "in": "id", "no": "nb", "nn": "nb"}
_ALIASES |= dict.fromkeys(("zh-tw", "zh-hk", "zh-mo", "zh-hant-tw", "zh-hant-hk", "zh-hant-mo"), "zh-hant")
#: How a language says that a machine has translated it from English: RFC 6497, field ``t0``.
_BY_MACHINE = "-t-en-t0-und"


def direction(tag: str) -> str:
    """Return ``rtl`` or ``ltr``."""
    return "rtl" if tag in _RIGHT_TO_LEFT else "ltr"


def choose(wanted: Iterable[str], served: Sequence[str]) -> str:
    """Return the language to speak.

    :param wanted: tags, the dearest first, as a page's ``lang`` or a browser gives them.
    :param served: the languages a site has; the first is for those who want none of them.
    """
    return next((one for tag in wanted for one in _widened(tag) if one in served), served[0])


def spoken(served: Sequence[str]) -> dict[str, str]:
    """Return what a browser has to know to choose: for each tag that one may ask for, the language that is served.

    ``*`` is for those who want none of them. The narrowest tag is asked for first, so that ``zh-tw`` finds Taiwan's
    script and ``de-at`` falls back on ``de``.
    """
    told = {"*": served[0]}
    if len(served) > 1:
        told |= {tag: tag for tag in served}
        told |= {tag: one for tag, one in _ALIASES.items() if one in served and tag not in served}
    return told


def accepted(header: str) -> list[str]:
    """Return the tags of an ``Accept-Language`` header, the dearest first (RFC 9110 section 12.5.4)."""
    rated = []
    for part in header.split(",")[:20]:
        tag, *more = (piece.strip() for piece in part.split(";"))
        rating = next((piece[2:] for piece in more if piece.startswith("q=")), "1")
        try:
            rated.append((-float(rating), tag))
        except ValueError:
            continue
    return [tag for rating, tag in sorted(rated, key=lambda row: row[0]) if rating < 0 and tag != "*"]


def recorded(tag: str, *, reviewed: bool) -> str:
    """Return a language as a consent record keeps it: it says so where no person has read the translation."""
    return tag if reviewed or not tag else tag + _BY_MACHINE


def _widened(tag: str) -> list[str]:
    """Return a tag as it may lie here, the narrowest first: ``zh-hant-hk``, ``zh-hant``, ``zh``; aliases resolved."""
    parts = tag.lower().replace("_", "-").split("-")[:4]
    tags = ["-".join(parts[:size]) for size in range(len(parts), 0, -1)]
    return [_ALIASES.get(one, one) for one in tags]
