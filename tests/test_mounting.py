"""Gatekeeper in the site's own process: the examples of the docs, with the real frameworks."""

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from gatekeeper import mounting
from gatekeeper.config import Config, load_config
from gatekeeper.core.errors import ConfigError
from gatekeeper.core.policy import content_policy
from gatekeeper.core.sites import Mode
from gatekeeper.publishing import next_notice
from gatekeeper.store.engines import migrate, open_store

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
ORIGIN = "http://127.0.0.1:8000"
TAG = '<head><script src="/gk/shop/gatekeeper.js"></script><title>'
STRICTEST = content_policy(["127.0.0.1:8000"])
WITH_VIDEO = content_policy(["127.0.0.1:8000", "player.video.example"])


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The configuration of the examples, published."""
    shutil.copy(EXAMPLES / "gatekeeper.toml", tmp_path)
    monkeypatch.setenv("GATEKEEPER_CONFIG", str(tmp_path / "gatekeeper.toml"))
    monkeypatch.setenv("GATEKEEPER_SECRET_KEYS", "a-key-for-tests-that-is-long-enough-to-be-one")
    config = load_config()
    migrate(config.database_url)
    store = open_store(config.database_url)
    store.publish(next_notice(config.sites["shop"], [], today=date(2026, 11, 22)))
    store.close()
    return config


@pytest.fixture(params=["flask_app", "django_app", "fastapi_app"])
def client(request: pytest.FixtureRequest, config: Config) -> Iterator[Callable[..., httpx.Response]]:
    """Asks one of the examples as a browser on its origin, keeping cookies."""
    name = request.param
    found = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # Django looks for its addresses there
    if name == "django_app":
        _forget_django_settings()
    found.loader.exec_module(module)
    if name == "fastapi_app":
        mounted = module.application
        transport: Any = httpx.ASGITransport(app=mounted)
    else:
        mounted = module.app.wsgi_app if name == "flask_app" else module.application
        transport = httpx.WSGITransport(app=mounted)
    jar = httpx.Cookies()

    def ask(method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Accept": "text/html", **more.pop("headers", {})}
        if name == "fastapi_app":
            response = asyncio.run(_ask(transport, jar, method, path, headers, more))
        else:
            with httpx.Client(transport=transport, base_url=ORIGIN, cookies=jar) as browser:
                response = browser.request(method, path, headers=headers, **more)
                _replace(jar, browser.cookies)
        return response

    yield ask
    mounted.close()
    del sys.modules[name]


def _replace(jar: httpx.Cookies, others: httpx.Cookies) -> None:
    jar.clear()
    jar.update(others)


async def _ask(
    transport: Any, jar: httpx.Cookies, method: str, path: str, headers: dict[str, str], more: dict[str, Any]
) -> httpx.Response:
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=jar) as browser:
        response = await browser.request(method, path, headers=headers, **more)
        _replace(jar, browser.cookies)
        return response


def _forget_django_settings() -> None:
    from django.conf import empty, settings

    settings._wrapped = empty


def policies(response: httpx.Response) -> list[str]:
    return response.headers.get_list("Content-Security-Policy")


@pytest.mark.row("EU-01", "GPC-06")
def test_a_site_is_closed_until_its_visitor_agrees_and_again_after_they_withdraw(
    client: Callable[..., httpx.Response],
) -> None:
    page = client("GET", "/video")
    assert page.status_code == 200
    assert policies(page) == [STRICTEST]
    assert page.headers.get_list("Set-Cookie") == []
    assert page.headers["Cache-Control"] == "private"
    assert TAG in page.text

    client("POST", "/gk/shop/choice", json={"granted": ["functional"], "refused": [], "notice": 1})
    page = client("GET", "/video")
    assert policies(page) == [WITH_VIDEO]
    assert page.headers["Set-Cookie"].strip().startswith("player=1")

    withdrawn = client("DELETE", "/gk/shop/choice")
    assert withdrawn.json()["state"] == "withdrawn"
    assert "player=; Max-Age=0; Path=/" in withdrawn.headers.get_list("Set-Cookie")
    page = client("GET", "/video")
    assert policies(page) == [STRICTEST]
    assert page.headers.get_list("Set-Cookie") == []
    assert client("GET", "/video").headers.get_list("Set-Cookie") == []


def test_the_frameworks_own_cookies_are_set_where_they_are_declared(client: Callable[..., httpx.Response]) -> None:
    page = client("GET", "/")

    assert re.match("(session|csrftoken)=", page.headers["Set-Cookie"].strip())
    assert "Content-Length" not in page.headers or int(page.headers["Content-Length"]) == len(page.content)


def test_the_service_answers_in_the_same_process(client: Callable[..., httpx.Response]) -> None:
    assert client("GET", "/gk/shop/gatekeeper.js").headers["Content-Type"].startswith("text/javascript")
    assert client("GET", "/gk/shop/notice").status_code == 200
    assert client("GET", "/.well-known/gpc.json").json()["gpc"] is True
    missing = client("GET", "/nowhere")
    assert (missing.status_code, policies(missing)) == (404, [STRICTEST])


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds that another thread brings about."""
    deadline = time.monotonic() + 30
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        pause.wait(0.05)


def test_a_gate_beside_a_service_of_its_own_follows_what_is_published(config: Config) -> None:
    current = mounting.Current(config.sites["shop"], store := open_store(config.database_url))
    first = current()
    assert (max(first.notices), first.gate.mode) == (1, Mode.ENFORCE)

    store.lift("shop", lifted=True, at=1)
    wait_for(lambda: current().gate.mode is Mode.OFF)
    store.lift("shop", lifted=False, at=2)
    store.publish(next_notice(first, store.notices("shop"), today=date(2026, 11, 23)))
    wait_for(lambda: (max(current().notices), current().gate.mode) == (2, Mode.ENFORCE))

    held = current()
    current.refresh()
    assert current() is held
    store.close()
    current.refresh()
    assert current() is held


def test_it_follows_also_in_a_server_that_has_forked(config: Config) -> None:
    code = """
import os, sys, time
from gatekeeper.mounting import gate_of
gate = gate_of()
gate._site()
child = os.fork()
if child == 0:
    gate._site()
    deadline = time.monotonic() + 30
    while not gate._site().gate.mode == "off" and time.monotonic() < deadline:
        time.sleep(0.05)
    os._exit(0 if gate._site().gate.mode == "off" else 1)
print("forked", flush=True)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    assert process.stdout.readline() == b"forked\n"
    store = open_store(config.database_url)
    store.lift("shop", lifted=True, at=1)
    store.close()

    assert process.wait(40) == 0
    process.stdout.close()


def test_a_store_that_cannot_be_read_closes_the_gate_and_the_site_starts(config: Config) -> None:
    store = open_store(config.database_url)
    store.close()

    assert mounting.Current(config.sites["shop"], store)().notice is None


@pytest.mark.parametrize("named", [None, "blog"])
def test_a_site_that_is_not_configured_is_named(config: Config, tmp_path: Path, named: str | None) -> None:
    text = (tmp_path / "gatekeeper.toml").read_text()
    other = text.replace("sites.shop", "sites.other").replace(":8000", ":8001")
    (tmp_path / "gatekeeper.toml").write_text(f"{text}\n{other}")

    with pytest.raises(ConfigError, match=r"shop, other in .*: name it with site="):
        mounting.gate_of(site=named)
