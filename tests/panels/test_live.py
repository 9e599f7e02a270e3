"""What has just happened: the growth of counts."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.events import EventKind
from gatekeeper.core.trackers import GUARD
from gatekeeper.panels.live import Happening, counts, since

from .logged import TODAY, at, event, log, opened, shop

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


def test_that_the_guard_is_there_is_no_news_but_what_it_finds_wrong_is(tmp_path: Path) -> None:
    told = (("loaded", "granted"), ("failed", "late"))
    with opened(tmp_path, shop()) as store:
        log(
            store,
            [
                event(b"a" * 16, at(TODAY), EventKind.OUTCOME, GUARD, path="/a", outcome=outcome, reason=reason)
                for outcome, reason in told
            ],
        )

        assert counts(store, "shop", TODAY) == {Happening("outcome", "/a", GUARD, "failed", "late"): 1}
