"""Columns: what is asked of them by bytes is what asking visit by visit says, in little room."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.columns import CHUNK, count, cut, fill, mask
from gatekeeper.core.rollups import MAX_VALUES

CODES = MAX_VALUES + 1  # the last is that of all the others
places = st.integers(0, CHUNK - 1)
columns = st.dictionaries(places, st.integers(1, CODES), max_size=300)
narrow = st.dictionaries(places, st.integers(1, 3), max_size=300)


@given(columns, columns)
def test_a_column_holds_what_was_filled_in_and_is_no_longer_than_that(
    one: dict[int, int], other: dict[int, int]
) -> None:
    column = fill(fill(None, one), other)

    assert {place: code for place, code in enumerate(column) if code} == {**one, **other}
    assert len(column) == max({**one, **other}, default=-1) + 1


@given(narrow, st.one_of(columns, narrow), st.integers(1, 3))
def test_what_a_filter_lets_through_is_what_asking_one_by_one_says(
    devices: dict[int, int], pages: dict[int, int], device: int
) -> None:
    through = mask(fill(None, devices), device)

    told = count(cut(fill(None, pages), through), CODES)

    assert told == Counter(page for place, page in pages.items() if devices.get(place) == device)


@given(narrow, columns, columns)
def test_filters_are_cut_with_one_another(
    devices: dict[int, int], languages: dict[int, int], pages: dict[int, int]
) -> None:
    through = mask(fill(None, devices), 1) & mask(fill(None, languages), 2)

    told = count(cut(fill(None, pages), through), CODES)

    both = (page for place, page in pages.items() if devices.get(place) == 1 and languages.get(place) == 2)
    assert told == Counter(both)


@pytest.mark.parametrize("codes", [1, 20, 21, CODES])
def test_few_codes_and_many_are_counted_alike(codes: int) -> None:
    column = bytes(place % (codes + 1) for place in range(CHUNK))

    assert count(column, codes) == Counter(code for code in column if code)
