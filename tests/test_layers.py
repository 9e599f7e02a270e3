"""The arrows between the parts point one way. Read from the sources, without importing them."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "gatekeeper"
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}

#: What each part may import of Gatekeeper itself. Whoever wires parts together may import all of them.
MAY_IMPORT = {
    "core": ("core",),
    "store": ("store", "core"),
    "web": ("web", "panels", "core", "languages", "store.contract", "store.books", "config", "assets"),
    "panels": ("panels", "core", "store.contract", "store.books"),
    "languages": ("languages", "core"),
    "config": ("config", "core"),
    "gate": ("gate", "core"),
    "geo": ("geo", "core"),
    "watching": (
        "watching",
        "beside",
        *("panels", "core", "config", "assets", "store.contract", "store.books", "web.service", "web.ids"),
    ),
}

#: Of the standard library, what neither looks at the world nor changes it.
PURE = {
    "base64",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "re",
    "string",
    "struct",
    "tomllib",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "zoneinfo",  # it reads files, but constant ones: what each zone does to its clocks
}
#: Of other people's packages, what takes values and returns values.
PURE_PACKAGES = {"crawleruseragents", "itsdangerous", "jsonschema", "msgspec", "rfc8785", "tomlkit", "ua_parser"}
PURE_PACKAGES |= {"user_agents"}
#: What a pure module may not do, whatever it has imported.
CLOCKS = {"now", "today", "utcnow"}
WORLD = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


def imports(module: str) -> Iterator[str]:
    """Yield what a module imports, anywhere in it, as absolute names."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            inner = [f"{base}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else base for name in inner)


def own(module: str) -> set[str]:
    return {name for name in imports(module) if name == "gatekeeper" or name.startswith("gatekeeper.")}


def within(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == f"gatekeeper.{part}" or name.startswith(f"gatekeeper.{part}.") for part in parts)


def of(part: str) -> list[str]:
    return [module for module in MODULES if within(module, (part,))]


def test_the_sources_are_found():
    assert {"gatekeeper.core.decisions", "gatekeeper.store.contract", "gatekeeper.config"} <= MODULES.keys()


def test_names_are_read_as_they_would_be_imported():
    assert "gatekeeper.core.choices" in own("gatekeeper.core.decisions")
    assert "gatekeeper.core.cookies" in own("gatekeeper.core.guard")
    assert all(name in MODULES for module in MODULES for name in own(module))


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_lies_below_it(part: str):
    wrong = {
        module: sorted(name for name in own(module) if name != "gatekeeper" and not within(name, MAY_IMPORT[part]))
        for module in of(part)
    }

    assert not {module: names for module, names in wrong.items() if names}


def test_nothing_but_what_wires_the_parts_imports_an_engine():
    wiring = {"app", "commands", "copying", "databases", "demo", "doctor", "mounting", "publishing", "serving", "store"}
    wiring |= {"__main__"}
    engines = set(of("store")) - {"gatekeeper.store", "gatekeeper.store.contract", "gatekeeper.store.books"}
    users = {module.split(".")[1] for module in MODULES if own(module) & engines}

    assert users <= wiring


def test_whoever_opens_a_store_tells_it_where_the_days_of_sites_begin():
    opened = [
        {keyword.arg for keyword in node.keywords}
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open_store"
    ]

    assert opened
    assert all("zones" in told for told in opened)


@pytest.mark.parametrize("module", of("core"))
def test_the_core_imports_nothing_that_looks_at_the_world(module: str):
    names = {name for name in imports(module) if not name.startswith("gatekeeper")}
    standard = {name for name in names if name.split(".")[0] in sys.stdlib_module_names}

    assert standard <= PURE
    assert {name.split(".")[0] for name in names - standard} <= PURE_PACKAGES


@pytest.mark.parametrize("module", of("core"))
def test_the_core_reads_no_clock_and_opens_no_file(module: str):
    called = {node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)}
    names = {function.id for function in called if isinstance(function, ast.Name)}
    attributes = {function.attr for function in called if isinstance(function, ast.Attribute)}

    assert names.isdisjoint(WORLD)
    assert attributes.isdisjoint(CLOCKS)


@pytest.mark.parametrize("module", of("core"))
def test_the_core_keeps_no_state_of_its_own_but_caches(module: str):
    stated = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Global | ast.Nonlocal)]

    assert stated == []


def test_no_module_needs_itself():
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in done:
            for name in sorted(own(module) - {"gatekeeper"}):
                walk(name, (*way, module))
            done.add(module)

    for module in MODULES:
        walk(module, ())


@pytest.mark.parametrize("module", [module for module in MODULES if tree(module).body])
def test_every_module_says_what_it_is_for(module: str):
    text = ast.get_docstring(tree(module)) or ""

    assert text
    assert text.split("\n\n")[0].rstrip().endswith((".", ":", "?"))
