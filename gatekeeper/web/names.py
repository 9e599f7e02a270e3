"""Short names for a script's own functions and variables.

The guard stands between a page and its first byte of anything else, and a seventh of it was names. No minifier on PyPI
that renames is fit for a service (they need Node, or come as one person's first release), so this renames and does
nothing else: every binding of a script's own gets a short name, in place, by the scopes of the language. Properties,
globals and texts stay. tree-sitter, which editors parse with, tells what is what.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain, product

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_javascript.language()))
_FUNCTIONS = {"function_declaration", "function_expression", "arrow_function", "method_definition"}
_SCOPES = _FUNCTIONS | {"statement_block", "for_in_statement", "for_statement", "catch_clause"}
_NAMES = {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}
#: The letters in the order in which scripts use them, so that names look like the rest of the text.
_LETTERS = "etnrioascldupmhgfvbwkyjxqzETNRIOASCLDUPMHGFVBWKYJXQZ"
_WORDS = {"as", "do", "if", "in", "is", "of"}


class _Scope:
    """Where a name means one thing: a function or a block, with the names that it binds and those that occur in it."""

    def __init__(self, parent: "_Scope | None") -> None:
        self.parent = parent
        self.inner: list[_Scope] = []
        self.bound: set[str] = set()
        self.found: list[Node] = []
        self.short: dict[str, str] = {}
        if parent:
            parent.inner.append(self)

    def walk(self) -> "Iterator[_Scope]":
        yield self
        for scope in self.inner:
            yield from scope.walk()

    def binding(self, name: str) -> "_Scope | None":
        """Return the scope that binds a name as it is read here; none for a global."""
        scope: _Scope | None = self
        while scope and name not in scope.bound:
            scope = scope.parent
        return scope


def shorten(script: str) -> str:
    """Return a script in which the names of its own are short.

    :param script: a classic script in strict mode, without ``var``, ``class``, labels or ``eval``.
    :raises ValueError: it cannot be parsed, or has something of these.
    """
    source = script.encode()
    tree = _PARSER.parse(source)
    if tree.root_node.has_error:
        raise ValueError("the script cannot be parsed, so its names cannot be shortened")
    top = _Scope(None)
    _read(tree.root_node, top)
    # What the script binds outside any function is everybody's.
    top.short = {name: name for name in top.bound}
    taken = _WORDS | top.bound | {_text(node) for each in top.walk() for node in each.found if _is_global(node, each)}
    for scope in top.inner:
        _name(scope, taken)
    return _replace(source, top)


def _read(node: Node, scope: _Scope) -> None:
    """Read what a node binds and names into its scope, and go on with what is in it."""
    if node.type in {"variable_declaration", "class_declaration", "class", "labeled_statement"}:
        raise ValueError(f"{node.type} at byte {node.start_byte}: names can be shortened only without it")
    if node.type == "function_declaration":
        scope.bound.add(_text(_field(node, "name")))
    inner = _Scope(scope) if node.type in _SCOPES else scope
    if node.type in _FUNCTIONS:
        inner.bound.update(_bound(node.child_by_field_name("parameters") or node.child_by_field_name("parameter")))
    elif node.type == "variable_declarator":
        inner.bound.update(_bound(_field(node, "name")))
    elif node.type == "for_in_statement" and node.child_by_field_name("kind"):
        inner.bound.update(_bound(_field(node, "left")))
    elif node.type == "catch_clause":
        inner.bound.update(_bound(node.child_by_field_name("parameter")))
    if node.type in _NAMES:
        inner.found.append(node)
    own_name = node.child_by_field_name("name") if node.type == "function_declaration" else None
    # A function's parameters and its body are one scope, and so is what is caught.
    body = node.child_by_field_name("body") if node.type in _FUNCTIONS | {"catch_clause"} else None
    for child in node.children:
        for part in child.children if child == body and child.type == "statement_block" else [child]:
            _read(part, scope if child == own_name else inner)


def _bound(pattern: Node | None) -> Iterator[str]:
    """Go through the names that a pattern binds: ``{a, b: [c], d = 1, ...e}`` binds a, c, d and e."""
    if pattern is None:
        return
    if pattern.type in {"identifier", "shorthand_property_identifier_pattern"}:
        yield _text(pattern)
    elif pattern.type in {"assignment_pattern", "object_assignment_pattern"}:
        yield from _bound(_field(pattern, "left"))
    elif pattern.type == "pair_pattern":
        yield from _bound(_field(pattern, "value"))
    else:
        yield from chain.from_iterable(map(_bound, pattern.named_children))


def _name(scope: _Scope, taken: set[str]) -> None:
    """Give a scope's own names short ones, the most frequent the shortest; none that means something else inside."""
    outside = set()
    count: Counter[str] = Counter()
    for each in scope.walk():
        for node in each.found:
            name = _text(node)
            binding = each.binding(name)
            if binding is scope:
                count[name] += 1
            elif binding and name in binding.short:
                outside.add(binding.short[name])
    free = (name for name in _short_names() if name not in taken and name not in outside)
    scope.short = {name: next(free) for name in sorted(scope.bound, key=lambda name: (-count[name], name))}
    for inner in scope.inner:
        _name(inner, taken)


def _short_names() -> Iterator[str]:
    return ("".join(letters) for size in (1, 2, 3) for letters in product(_LETTERS, repeat=size))


def _replace(source: bytes, top: _Scope) -> str:
    edits = []
    for scope in top.walk():
        for node in scope.found:
            name = _text(node)
            binding = scope.binding(name)
            short = binding.short[name] if binding else name
            if short != name:
                # {name} stands for {name: name}, of which only the second is the variable.
                edits.append((node, short if node.type == "identifier" else f"{name}:{short}"))
    parts, end = [], 0
    for node, text in sorted(edits, key=lambda edit: edit[0].start_byte):
        parts += [source[end : node.start_byte], text.encode()]
        end = node.end_byte
    return b"".join([*parts, source[end:]]).decode()


def _is_global(node: Node, scope: _Scope) -> bool:
    return scope.binding(_text(node)) is None


def _text(node: Node) -> str:
    assert node.text is not None  # noqa: S101  # parsed from bytes
    return node.text.decode()


def _field(node: Node, name: str) -> Node:
    found = node.child_by_field_name(name)
    assert found is not None  # noqa: S101  # the grammar has it there
    return found
