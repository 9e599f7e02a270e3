"""The service is reached in many ways; behind each it looks alike."""

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from .conftest import Browser

PATHS = ["/shop/gatekeeper.js", "/shop/choice", "/shop/choices", "/shop/notice", "/shop/b/seen.gif"]


@pytest.mark.parametrize("path", PATHS)
def test_a_proxy_may_strip_the_prefix_or_not(browser: Browser, path: str) -> None:
    whole = browser.get(f"/gk{path}")
    stripped = browser.get(path)
    as_script_name = browser.get(path, environ_overrides={"SCRIPT_NAME": "/gk"})

    assert whole.status_code == stripped.status_code == as_script_name.status_code == 200
    assert whole.headers["Content-Type"] == stripped.headers["Content-Type"]
    if path != "/shop/choices":  # its ticket is new each time
        assert whole.data == stripped.data == as_script_name.data


def test_it_mounts_inside_another_application(app: Flask) -> None:
    host = Flask("host")
    host.add_url_rule("/", view_func=lambda: "the host's own page")
    client = Client(DispatcherMiddleware(host, {"/gk": app}))

    assert client.get("/").text == "the host's own page"
    assert client.get("/gk/shop/choice").json["state"] == "none"
    assert client.get("/gk/shop/notice").status_code == 200
