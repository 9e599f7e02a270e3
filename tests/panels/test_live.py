"""What has just happened: the growth of counts."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.panels.live import Happening, since

THINGS = st.builds(Happening, st.sampled_from(["page", "outcome"]), st.sampled_from(["/a", "/b", "/c"]))
COUNTS = st.dictionaries(THINGS, st.integers(1, 9))


def test_what_is_new_and_what_came_again_is_told() -> None:
    before = {Happening("page", "/a"): 2, Happening("page", "/b"): 1}
    now = {Happening("page", "/a"): 5, Happening("page", "/b"): 1, Happening("page", "/c"): 1}

    assert since(before, now) == {Happening("page", "/a"): 3, Happening("page", "/c"): 1}


@given(before=COUNTS, happened=COUNTS)
def test_exactly_what_was_added_is_told(before: dict[Happening, int], happened: dict[Happening, int]) -> None:
    now = {each: before.get(each, 0) + happened.get(each, 0) for each in before.keys() | happened.keys()}

    assert since(before, now) == happened


def test_a_count_that_has_shrunk_is_not_told() -> None:
    assert since({Happening("page", "/a"): 5}, {Happening("page", "/a"): 3}) == {}
