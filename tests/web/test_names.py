"""Short names change nothing but names: the same code with them does the same."""

import re

import pytest

from gatekeeper import assets
from gatekeeper.web.bundles import GUARD, LAYERS, PARTS
from gatekeeper.web.names import shorten


def names(script: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", script)


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("(function(first,second){return first+second})", "(function(e,t){return e+t})"),
        # Properties and texts keep their names; a shorthand is written out.
        ("(function(name){return {name, given: name.name}})", "(function(e){return {name:e, given: e.name}})"),
        ("(function({name, given=name}){return given})", "(function({name:t, given:e=t}){return e})"),
        ("(function({a: [first, ...rest]}){return rest})", "(function({a: [t, ...e]}){return e})"),
        ("(function(name){return `name ${name}`+'name'+/name/})", "(function(e){return `name ${e}`+'name'+/name/})"),
        # Globals stay what they are, and no short name stands in their way.
        ("(function(name){return e(name, document)})", "(function(t){return e(t, document)})"),
        # A name of its own scope may be used again where nothing of the outer one is named.
        ("(function(){const outer=1;const f=(inner)=>inner;return f(outer)})", None),
        ("(function(){const outer=1;const f=(inner)=>inner+outer;return f})", None),
        ("(function(name){const f=(name)=>name;return f(name)})", None),
        ("(function(){try{f()}catch{g()}for(const one of all){const two=one;h(two)}})", None),
    ],
)
def test_what_is_bound_gets_a_short_name_and_nothing_else(long: str, short: str | None) -> None:
    found = shorten(long)

    if short:
        assert found == short
    kept = {"document", "f", "g", "h", "all", "e", "name", "given"}
    assert {name for name in names(found) if len(name) > 1} - kept <= set(names(long)) - {
        "outer",
        "inner",
        "first",
        "second",
    }


def test_an_inner_name_never_hides_an_outer_one_that_is_used_there() -> None:
    found = shorten("(function(outer){return (inner)=>{const third=inner;return outer(third)}})")

    outer, inner, third = re.findall(r"function\((\w)\)\{return \((\w)\)=>\{const (\w)=", found)[0]
    assert len({outer, third, inner}) == 3
    assert f"return {outer}({third})" in found


@pytest.mark.parametrize("body", ["var a = 1", "class A {}", "again: for (;;) break again", "const {= 1"])
def test_what_it_cannot_keep_apart_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match="names can"):
        shorten(f"(function(){{{body}}})")


@pytest.mark.parametrize("files", [GUARD, *PARTS.values(), *LAYERS.values()], ids=lambda files: files[-1])
def test_what_is_served_differs_from_its_source_in_names_alone(files: tuple[str, ...]) -> None:
    source = "\n".join(assets.static("js", name).read_text("utf-8") for name in files)
    script = f"(function(guard,SETTINGS,TEXTS){{{source}\n}})"

    found = shorten(script)

    assert len(found) < len(script)
    # Every text, number and sign is there still, in its place.
    apart = re.compile(r"[A-Za-z_$][\w$]*:(?=[A-Za-z]{1,2}\b)|[A-Za-z_$][\w$]*")
    assert re.sub(r"\s+", " ", apart.sub("", script)) == re.sub(r"\s+", " ", apart.sub("", found))
