"""While nothing can be kept, visitors are told so, and not where or why."""

import pytest

from gatekeeper.core.errors import StoreUnavailable
from gatekeeper.store.contract import Store

from .conftest import Browser


def test_visitors_do_not_learn_where_data_are_kept(
    browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise StoreUnavailable("the database 'gk' at db.internal cannot be reached")

    monkeypatch.setattr(store, "record", unreachable)

    answer = browser.post("/gk/shop/choice", json={"granted": ["analytics"], "notice": 1})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.json == {"error": "this could not be kept just now; try again"}
