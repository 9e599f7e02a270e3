"""HTML as a tree of plain values: what a script builds a page of without parsing, as Trusted Types may ask for."""

import re
from html.parser import HTMLParser
from typing import Any


def tree(html: str) -> list[Any]:
    """Return an element of our own making as ``[name, attributes, children]``; a child is another, or a text.

    :param html: one element, each tag in it closed.
    """
    reader = _Reader()
    reader.feed(html.strip())
    reader.close()
    (root,) = reader.open[0][2]
    assert isinstance(root, list)  # noqa: S101  # it begins with a tag
    return root


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[list[Any]] = [["", {}, []]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element: list[Any] = [tag, {name: value or "" for name, value in attrs}, []]
        self.open[-1][2].append(element)
        self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1][2].append(re.sub(r"\s+", " ", data))
