"""Small groups are folded: what is told of fewer people than the least is told of none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.panels import Hidden
from gatekeeper.panels.groups import REST, fold_small

LEAST = 10

CASES: dict[str, tuple[list[tuple[str, int]], list[tuple[str, Any]]]] = {
    "nobody": ([], []),
    "none of a value": ([("a", 0)], []),
    "large ones alone": ([("a", 10), ("b", 30)], [("b", 30), ("a", 10)]),
    "small ones together are enough": ([("a", 50), ("b", 6), ("c", 4)], [("a", 50), (REST, 10)]),
    "one is small, and the next goes along": ([("a", 50), ("b", 20), ("c", 4)], [("a", 50), (REST, 24)]),
    "together too few, and the next goes along": ([("a", 50), ("b", 20), ("c", 4), ("d", 2)], [("a", 50), (REST, 26)]),
    "only small ones": ([("a", 4), ("b", 3)], [(REST, Hidden.FEW)]),
    "only small ones, but many": ([("a", 9), ("b", 9)], [(REST, 18)]),
}


@pytest.mark.parametrize("case", CASES)
def test_small_groups_are_folded_into_one_row(case: str) -> None:
    rows, folded = CASES[case]

    assert fold_small(rows, LEAST) == folded


def test_those_who_were_not_told_apart_are_of_the_rest() -> None:
    assert fold_small([("a", 50), ("b", 20)], LEAST, 30) == [("a", 50), ("b", 20), (REST, 30)]
    assert fold_small([("a", 50), ("b", 6)], LEAST, 5) == [("a", 50), (REST, 11)]
    assert fold_small([("a", 50), ("b", 20)], LEAST, 5) == [("a", 50), (REST, 25)]
    assert fold_small([], LEAST, 5) == [(REST, Hidden.FEW)]


counts = st.dictionaries(st.text(min_size=1, max_size=3).filter(lambda name: name != REST), st.integers(0, 40))


@given(counts)
def test_nothing_tells_of_a_small_group(counted: dict[str, int]) -> None:
    told = fold_small([*counted.items()], LEAST)

    whole = sum(counted.values())
    shown = [n for _, n in told if isinstance(n, int)]
    assert all(n >= LEAST for n in shown)
    assert whole - sum(shown) in {0, *(range(1, LEAST) if (REST, Hidden.FEW) in told else ())}
    # A hidden number cannot be worked out from the whole and the rest, unless it is the whole.
    assert (REST, Hidden.FEW) not in told or len(told) == 1


@given(counts)
def test_what_is_shown_is_as_it_was_counted(counted: dict[str, int]) -> None:
    told = dict(fold_small([*counted.items()], LEAST))

    assert all(counted[name] == n for name, n in told.items() if name != REST)
    numbers = [n for name, n in told.items() if name != REST and isinstance(n, int)]
    assert numbers == sorted(numbers, reverse=True)
