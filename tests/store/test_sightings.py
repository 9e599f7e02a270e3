"""What every store promises about what staff browsers met, and about the codes that let a browser learn."""

from dataclasses import fields, replace

import pytest

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.learners import Invitation
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.store import schema, writes
from gatekeeper.store.contract import Store

from .conftest import OpenStore
from .things import NOW, SITE, new_id

SCRIPT = Sighting(SITE, "2026-11-22", Seen.SCRIPT, "cdn.ads.example", "/ads.js")
COOKIE = Sighting(SITE, "2026-11-22", Seen.COOKIE, "_ad")


def test_what_is_met_again_is_counted(store: Store) -> None:
    store.see({SCRIPT: 1, COOKIE: 2})
    store.see({SCRIPT: 3})
    store.see({})

    assert store.sightings(SITE) == {SCRIPT: 4, COOKIE: 2}


def test_days_paths_and_uses_are_told_apart(store: Store) -> None:
    seen = [SCRIPT, *(replace(SCRIPT, **one) for one in ({"day": "2026-11-23"}, {"path": "/b"}, {"what": Seen.IMAGE}))]

    store.see(dict.fromkeys(seen, 1))

    assert store.sightings(SITE) == dict.fromkeys(seen, 1)


def test_each_site_has_and_forgets_its_own(store: Store) -> None:
    other = replace(SCRIPT, site="blog")
    store.see({SCRIPT: 1, other: 1})

    store.forget_sightings(SITE)

    assert store.sightings(SITE) == {}
    assert store.sightings("blog") == {other: 1}


def test_a_page_that_makes_up_addresses_fills_no_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "MAX_SIGHTINGS", 3)
    made_up = [replace(SCRIPT, path=f"/{no}") for no in range(5)]

    store.see(dict.fromkeys(made_up, 1))
    store.see({made_up[0]: 1, replace(SCRIPT, site="blog"): 1})

    assert store.sightings(SITE) == {made_up[0]: 2, made_up[1]: 1, made_up[2]: 1}
    assert len(store.sightings("blog")) == 1


def test_a_command_sees_what_the_serving_process_was_told(serving: Store, open_another: OpenStore) -> None:
    serving.see({SCRIPT: 1})

    assert open_another().sightings(SITE) == {SCRIPT: 1}


def test_a_sighting_has_no_room_for_whoever_saw_it() -> None:
    columns = [column.name for column in schema.sightings.columns]

    assert columns == [*(field.name for field in fields(Sighting)), "n"]
    assert columns == ["site", "day", "what", "name", "path", "n"]


def test_an_invitation_is_used_once(store: Store, open_another: OpenStore) -> None:
    invitation = Invitation(SITE, new_id(), NOW + 60)

    store.use_invitation(invitation, at=NOW)

    for again in (store, open_another()):
        with pytest.raises(InvalidInput, match="has been used"):
            again.use_invitation(invitation, at=NOW + 1)
    store.use_invitation(replace(invitation, nonce=new_id()), at=NOW + 1)
