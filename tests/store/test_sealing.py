"""What is sealed opens only under its subject's key, and only as what it was."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.store import sealing

from .things import PERMIT, SITE, new_event, new_id

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(fields=st.dictionaries(TEXT, TEXT))
def test_what_is_sealed_comes_back(fields: dict[str, str]) -> None:
    event = new_event(new_id(), fields=fields)
    sealer = sealing.opener(sealing.new_key())

    sealed = sealing.seal(sealer, sealing.encode_body(event, PERMIT), SITE, event.subject, event.id)

    assert sealing.open_fields(sealer, sealed, SITE, event.subject, event.id) == fields


def test_a_body_opens_only_as_what_it_was() -> None:
    event = new_event(new_id())
    sealer = sealing.opener(sealing.new_key())
    sealed = sealing.seal(sealer, sealing.encode_body(event, PERMIT), SITE, event.subject, event.id)

    for site, subject, event_id in (
        ("blog", event.subject, event.id),
        (SITE, new_id(), event.id),
        (SITE, event.subject, new_id()),
    ):
        assert sealing.open_fields(sealer, sealed, site, subject, event_id) is None
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    assert sealing.open_fields(sealer, changed, SITE, event.subject, event.id) is None
    assert sealing.open_fields(sealer, b"", SITE, event.subject, event.id) is None
    other = sealing.opener(sealing.new_key())
    assert sealing.open_fields(other, sealed, SITE, event.subject, event.id) is None


def test_a_body_keeps_the_decision_that_permitted_it() -> None:
    event = new_event(new_id())

    body = sealing.encode_body(event, replace(PERMIT, notice=7))

    assert sealing.decode_permit(body) == ("granted", "analytics", 7)


def test_equal_bodies_are_sealed_to_different_bytes() -> None:
    event = new_event(new_id())
    sealer = sealing.opener(sealing.new_key())
    body = sealing.encode_body(event, PERMIT)

    sealed = {sealing.seal(sealer, body, SITE, event.subject, event.id) for _ in range(100)}

    assert len(sealed) == 100
