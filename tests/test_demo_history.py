"""The weeks that the demo's shop has behind it, and the account that looks at them."""

from contextlib import closing
from pathlib import Path

import pytest

from gatekeeper.config import load_config
from gatekeeper.core.rollups import What
from gatekeeper.demo import guide, history
from gatekeeper.demo.prepare import prepare
from gatekeeper.demo.state import OWNER, SITE, State
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store
from gatekeeper.web.dashboard.passwords import fits

PORT = 8080
EVER = ("2000-01-01", "2999-12-31")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """A shop with two days behind it, of which the second was a bad one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "DAYS", 2)
        patch.setattr(history, "BROKEN", 1)
        return prepare(tmp_path_factory.mktemp("demo"), PORT, history=True)


@pytest.fixture
def store(state: State) -> Store:
    return open_store(load_config(state.environment).database_url)


def test_visits_are_told_apart_from_those_of_whom_nothing_is_known(store: Store) -> None:
    with closing(store):
        choices: dict[str, int] = {}
        for total, n in store.totals(SITE).items():
            if total.what == "choice":
                choices[total.name] = choices.get(total.name, 0) + n
        visitors = store.visitors(SITE, *EVER)

    assert set(choices) == {"granted", "refused"}
    assert visitors.total == choices["granted"]
    assert len(visitors.by_day) == 2


def test_the_script_of_tallyhouse_fails_on_the_bad_day_only(store: Store) -> None:
    with closing(store):
        days = sorted(store.by_day(SITE, What.PAGE, *EVER))
        failed = [
            {row.outcome: row.n for row in store.panel(SITE, What.OUTCOME, day, day) if row.name == "tallyhouse"}
            for day in days
        ]

    good, bad = ({"failed": 0, "loaded": 0} | outcomes for outcomes in failed)
    assert good["loaded"] > 9 * good["failed"]
    assert bad["failed"] > 5 * bad["loaded"]


def test_the_owner_signs_in_with_the_password_that_is_printed(state: State, store: Store) -> None:
    password = state.password.read_text("utf-8").strip()
    with closing(store):
        account = store.staff.find(OWNER)

    assert account is not None
    assert fits(account.password, password)
    assert f"{OWNER}, password {password}" in guide.printed(PORT, state.shown, password)
    assert state.password.stat().st_mode & 0o077 == 0


def test_starting_again_adds_nothing(state: State, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "DAYS", 2)
    with closing(store):
        before, password = store.totals(SITE), state.password.read_text("utf-8")

        prepare(state.folder, PORT, history=True)

        assert store.totals(SITE) == before
        assert state.password.read_text("utf-8") == password
        assert len(store.staff.accounts()) == 1


def test_a_shop_may_begin_with_nothing(tmp_path: Path) -> None:
    state = prepare(tmp_path, PORT)
    with closing(open_store(load_config(state.environment).database_url)) as store:
        assert store.totals(SITE) == {}
        assert store.visitors(SITE, *EVER).total == 0
