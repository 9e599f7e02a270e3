"""Site search: what is kept of what a visitor searched for."""

from .minimise import clean_words
from .policy import matches
from .sites import Search


def search_term(search: Search, path: str, term: str) -> str:
    """Return what is kept of a search on a page; an empty string where that is no page of results.

    :param path: of the page, as it stands in its address.
    :param term: what was searched for, decoded.
    """
    page = path.partition("#")[0].partition("?")[0]
    return clean_words(term) if any(matches(pattern, page) for pattern in search.paths) else ""
