"""Events: each fact is kept only under its own purpose."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.events import FIELDS, EventKind, permitted_fields
from gatekeeper.core.fields import TOLD_BY, WORDS
from gatekeeper.core.purposes import BUILT_IN

#: The table of the design: what the visit log holds, and the purpose each field needs.
DESIGN = {
    **dict.fromkeys(("path", "referrer", "search", "seconds"), "analytics"),
    **dict.fromkeys(("browser", "system", "device", "language"), "analytics"),
    **dict.fromkeys(("address", "provider", "country"), "analytics"),
    **dict.fromkeys(("outcome", "reason"), "analytics"),
    **dict.fromkeys(("event", "value", "currency", "order"), "analytics"),
    **dict.fromkeys(("source", "medium", "campaign", "target"), "marketing"),
}
FACTS = {name: f"some {name}" for name in DESIGN}


def purpose_sets() -> list[frozenset[str]]:
    sets = chain.from_iterable(combinations(BUILT_IN, size) for size in range(len(BUILT_IN) + 1))
    return [frozenset(chosen) for chosen in sets]


def test_the_fields_are_those_of_the_design():
    assert dict(FIELDS) == DESIGN


@pytest.mark.row("EU-13")
def test_no_field_is_kept_because_something_is_necessary():
    assert "necessary" not in FIELDS.values()


@pytest.mark.row("EU-05", "EU-13")
@pytest.mark.parametrize("field", sorted(DESIGN))
@pytest.mark.parametrize("purpose", sorted(BUILT_IN))
def test_a_field_is_kept_under_its_own_purpose_alone(field: str, purpose: str):
    kept = permitted_fields({field: "x"}, lambda asked: asked == purpose)

    assert kept == ({field: "x"} if DESIGN[field] == purpose else {})


@pytest.mark.row("EU-05")
def test_of_all_facts_exactly_those_of_the_granted_purposes_are_kept():
    for granted in purpose_sets():
        kept = permitted_fields(FACTS, granted.__contains__)

        assert kept == {name: fact for name, fact in FACTS.items() if DESIGN[name] in granted}


@given(
    st.dictionaries(st.sampled_from(sorted(DESIGN)), st.text(max_size=3)),
    st.frozensets(st.sampled_from(sorted(BUILT_IN))),
)
def test_nothing_is_kept_that_was_not_told(facts: dict[str, str], granted: frozenset[str]):
    kept = permitted_fields(facts, granted.__contains__)

    assert kept.items() <= facts.items()
    assert "" not in kept.values()


def test_a_field_that_belongs_to_no_purpose_is_never_kept():
    assert permitted_fields({"birth_date": "2000-01-01"}, lambda _: True) == {}


@given(
    st.dictionaries(st.sampled_from(sorted(DESIGN)), st.sampled_from(sorted(BUILT_IN))),
    st.frozensets(st.sampled_from(sorted(BUILT_IN))),
)
def test_where_a_field_needs_another_purpose_that_one_counts(purposes: dict[str, str], granted: frozenset[str]):
    kept = permitted_fields(FACTS, granted.__contains__, purposes)

    assert kept == {name: FACTS[name] for name, purpose in purposes.items() if purpose in granted}


def test_each_field_is_told_of_by_one_line_of_the_notice():
    assert set(WORDS) | set(TOLD_BY) == set(FIELDS)
    assert set(WORDS).isdisjoint(TOLD_BY)
    assert set(TOLD_BY.values()) <= set(WORDS)


def test_the_kinds_of_event():
    assert set(EventKind) == {"view", "stay", "outcome", "event", "out", "beacon", "click"}
