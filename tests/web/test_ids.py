"""New ids: random enough, and of the form they should have."""

import time
import uuid

import pytest

from gatekeeper.web.choice import receipt_hash
from gatekeeper.web.ids import event_id, random_id, receipt_code


@pytest.mark.row("SE-20")
def test_subjects_records_and_receipts_have_at_least_128_random_bits() -> None:
    ids = {random_id() for _ in range(1000)}
    codes = {receipt_code() for _ in range(1000)}

    assert len(ids) == len(codes) == 1000
    assert {len(each) for each in ids} == {16}
    letters = {code.replace("-", "") for code in codes}
    assert {len(each) for each in letters} == {30}
    assert len(set("".join(letters))) == 32  # 5 bits each, 150 in all


def test_an_event_id_is_a_uuid_of_version_7_made_now() -> None:
    made = uuid.UUID(bytes=event_id())

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert abs((made.int >> 80) - time.time() * 1000) < 10_000


def test_a_receipt_code_may_be_typed_without_hyphens_and_in_small_letters() -> None:
    code = receipt_code()

    assert receipt_hash(code) == receipt_hash(code.replace("-", "").lower())
