"""Changes: the parts add up to the change, no order of them matters, nothing divides by zero; what broke is found."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.changes import (
    Factor,
    Fate,
    Step,
    factors_of,
    find_break,
    log_mean,
    split,
    spread,
    whole,
    worst_run,
)

SIZES = st.one_of(st.just(0.0), st.floats(1e-3, 1e4))
COUNTS = st.one_of(st.none(), st.just(0), st.integers(0, 100_000))
FAULTS = frozenset({"failed"})
CHOICES = frozenset({"refused"})


def factor(before: float | None, now: float | None, id: str = "one") -> Factor:
    return Factor(id, "", before, now)


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6 * max(1.0, abs(a), abs(b)))


@given(st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=5))
def test_the_parts_add_up_to_the_change(pairs: list[tuple[float, float]]) -> None:
    found = split([factor(before, now) for before, now in pairs])

    before, now = math.prod(pair[0] for pair in pairs), math.prod(pair[1] for pair in pairs)
    assert (found.before, found.now) == (before, now)
    together = sum(effect for effect in found.effects if effect is not None)
    assert math.isclose(together, now - before, rel_tol=1e-6, abs_tol=1e-9 * max(before, now, 1))


@given(st.lists(st.tuples(SIZES, SIZES), min_size=2, max_size=5), st.randoms())
def test_no_order_of_the_factors_matters(pairs: list[tuple[float, float]], random: object) -> None:
    factors = [factor(before, now, str(no)) for no, (before, now) in enumerate(pairs)]
    mixed = list(factors)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    one = {each.id: effect for each, effect in zip(factors, split(factors).effects, strict=True)}
    other = {each.id: effect for each, effect in zip(mixed, split(mixed).effects, strict=True)}

    assert one.keys() == other.keys()
    assert all(close(one[id] or 0.0, other[id] or 0.0) for id in one)


def test_a_factor_that_stayed_has_no_part_and_one_that_changed_alone_has_all() -> None:
    assert split([factor(400, 400), factor(0.5, 0.25)]).effects == (0.0, -100.0)


def test_the_index_is_the_one_that_is_cited() -> None:
    # 100 people buy 2 things each, then 50 people 3: the change is -50, L(150, 200) = 173.80.
    found = split([factor(100, 50), factor(2, 3)])

    weight = (150 - 200) / math.log(150 / 200)
    assert found.effects == pytest.approx((weight * math.log(0.5), weight * math.log(1.5)))


@pytest.mark.parametrize(
    ("pairs", "effects"),
    [
        ([(10.0, 10.0), (0.5, 0.0)], (0.0, -5.0)),
        ([(10.0, 10.0), (0.0, 0.5)], (0.0, 5.0)),
        ([(10.0, 0.0), (0.5, 0.0)], (-2.5, -2.5)),
        ([(10.0, 0.0), (0.5, None)], (-5.0, None)),
        ([(0.0, 0.0), (0.5, 0.2)], (0.0, 0.0)),
        ([(None, None), (4.0, 2.0)], (None, -2.0)),
    ],
)
def test_what_vanishes_has_the_whole_change(
    pairs: list[tuple[float | None, float | None]], effects: tuple[float | None, ...]
) -> None:
    assert split([factor(before, now) for before, now in pairs]).effects == effects


def test_zero_is_the_limit_of_very_little() -> None:
    nearly = split([factor(10, 9), factor(0.5, 1e-300), factor(2, 3)])
    zero = split([factor(10, 9), factor(0.5, 0.0), factor(2, 3)])

    assert nearly.effects == pytest.approx(zero.effects, abs=0.05)


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=6))
def test_steps_become_factors_of_the_last_that_is_measured(pairs: list[tuple[int | None, int | None]]) -> None:
    steps = [Step(str(no), before, now) for no, (before, now) in enumerate(pairs)]
    factors = factors_of(steps)
    found = split(factors)

    assert all(each.before is None or math.isfinite(each.before) for each in factors)
    if steps[-1].before is not None and steps[-1].now is not None:
        assert factors[-1].id == steps[-1].id
        assert close(found.before, steps[-1].before)
        assert close(found.now, steps[-1].now)
        assert close(sum(effect or 0.0 for effect in found.effects), steps[-1].now - steps[-1].before)


def test_a_step_that_is_not_measured_is_left_out_and_so_is_one_that_leads_nowhere() -> None:
    steps = [Step("answers", None, 90), Step("grants", 0, 40), Step("visits", 200, 100), Step("views", 600, 400)]

    assert factors_of(steps) == [Factor("visits", "", 200, 100), Factor("views", "visits", 3, 4)]


@given(
    st.floats(1, 1e5),
    st.floats(1, 1e5),
    st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)), min_size=1, max_size=3),
)
def test_reasons_add_up_to_the_factor_that_they_are_of(
    before: float, now: float, lost: list[tuple[float, float]]
) -> None:
    kept = (1 - sum(pair[0] for pair in lost), 1 - sum(pair[1] for pair in lost))
    found = split([factor(before, now), factor(*kept)])
    effect = found.effects[1]
    assert effect is not None

    parts = spread(effect, found.weight, kept, {str(no): pair for no, pair in enumerate(lost)})

    assert math.isclose(sum(parts.values()), effect, rel_tol=1e-6, abs_tol=1e-6 * max(before, now))


def test_of_a_factor_that_vanished_each_reason_has_its_share() -> None:
    parts = spread(-80.0, 0.0, (0.8, 0.0), {"failed": (0.1, 0.7), "absent": (0.1, 0.3)})

    assert parts == pytest.approx({"failed": -60.0, "absent": -20.0})


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_whole_parts_add_up_and_are_near(parts: list[float]) -> None:
    total = round(sum(parts))
    found = whole(parts, total)

    assert sum(found) == total
    assert all(abs(each - part) <= 2 for each, part in zip(found, parts, strict=True))


def test_no_parts_are_no_parts() -> None:
    assert whole([], 0) == []


@given(st.floats(1e-6, 1e9), st.floats(1e-6, 1e9))
def test_the_logarithmic_mean_lies_between(a: float, b: float) -> None:
    found = log_mean(a, b)

    assert close(found, log_mean(b, a))
    assert min(a, b) * (1 - 1e-9) <= found <= max(a, b) * (1 + 1e-9)
    assert log_mean(a, a) == a


@given(st.lists(st.integers(-9, 9), max_size=12))
def test_the_worst_run_is_the_worst_of_all(missing: list[int]) -> None:
    found = worst_run(missing)

    runs = {
        (begin, end): sum(missing[begin : end + 1])
        for begin in range(len(missing))
        for end in range(begin, len(missing))
    }
    best = max(runs.values(), default=0)
    if best <= 0:
        assert found is None
    else:
        assert found is not None
        assert runs[found] == best


def days(*rows: tuple[int, int, dict[str, int]]) -> Sequence[Fate]:
    return [Fate(*row) for row in rows]


GOOD = (100, 97, {"absent": 3})
BAD = (100, 3, {"failed": 94, "absent": 3})


def found(fates: Sequence[Fate]) -> tuple[int, int, str] | None:
    worst = find_break(fates, faults=FAULTS, choices=CHOICES)
    return (worst.first, worst.last, worst.why) if worst else None


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        (days(*[GOOD] * 9, BAD), (9, 9, "failed")),
        (days(*[GOOD] * 5, *[BAD] * 5), (5, 9, "failed")),
        (days(*[GOOD] * 4, *[BAD] * 2, *[GOOD] * 4), (4, 5, "failed")),
        (days(*[BAD] * 6), (0, 5, "failed")),
        (days(*[GOOD] * 6), None),
        (days(*[(100, 80, {"failed": 20})] * 6), None),
        (days(*[GOOD] * 5, (100, 0, {"absent": 100})), (5, 5, "absent")),
        (days(*[GOOD] * 5, (100, 30, {"refused": 70})), None),
        (days(*[(3, 2, {"absent": 1})] * 3, (2, 1, {"absent": 1})), None),
        (days(*[GOOD] * 5, (0, 0, {})), None),
        (days((6, 3, {"failed": 3})), (0, 0, "failed")),
        ([], None),
    ],
    ids=[
        "last night",
        "half of the time",
        "mended",
        "always",
        "never",
        "some browsers block it, as ever",
        "taken off the pages",
        "visitors refuse it",
        "too few to tell",
        "nobody came",
        "the first day of all",
        "no days",
    ],
)
def test_a_break_is_found_where_it_is(fates: Sequence[Fate], expected: tuple[int, int, str] | None) -> None:
    assert found(fates) == expected


def test_a_break_says_how_often_it_fired_before_and_since() -> None:
    worst = find_break(days(*[GOOD] * 5, *[BAD] * 5), faults=FAULTS, choices=CHOICES)

    assert worst is not None
    assert (worst.usual, worst.rate) == (0.97, 0.03)
    assert worst.lost == pytest.approx(470)
