import pytest

from .cases import Case, decision_cases


@pytest.mark.parametrize("case", decision_cases(), ids=lambda case: case.row["name"])
def test_the_table_of_decisions(case: Case):
    decision = case.decide()

    assert (bool(decision), decision.reason) == (case.allowed, case.reason)
