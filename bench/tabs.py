"""Tabs that nobody watches. Playwright's own have the browser tell of each request and of the script that made it: of
that, a page with scripts pays more than one without. Needs the browser's debugging protocol, so Chromium."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, CDPSession


class Tab:
    """A tab of its own browser context, with an empty cache and no cookies."""

    def __init__(self, session: CDPSession, context: str, inside: str) -> None:
        self._session, self._context, self._inside = session, context, inside
        self._answers: dict[int, dict[str, Any]] = {}
        session.on("Target.receivedMessageFromTarget", self._hear)

    def _hear(self, told: dict[str, Any]) -> None:
        message = json.loads(told["message"])
        if "id" in message:
            self._answers[message["id"]] = message

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the debugging protocol and return its result."""
        number = len(self._answers) + 1
        message = json.dumps({"id": number, "method": method, "params": parameters})
        self._session.send("Target.sendMessageToTarget", {"sessionId": self._inside, "message": message})
        while number not in self._answers:
            self._session.send("Browser.getVersion")  # what has been told is heard during a call
        answer = self._answers[number]
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def cookie(self, name: str, value: str, url: str) -> None:
        """Put a cookie into the tab's context."""
        cookies = [{"name": name, "value": value, "url": url}]
        self._session.send("Storage.setCookies", {"cookies": cookies, "browserContextId": self._context})

    def go(self, url: str, rest: float) -> None:
        """Load a page and leave it alone for some seconds, in which it must have come."""
        self.send("Page.navigate", url=url)
        time.sleep(rest)
        assert self.ask("document.readyState") == "complete", url
        assert self.ask("location.href") == url, url

    def ask(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")


@contextmanager
def tab(browser: Browser, size: tuple[int, int] = (1280, 720)) -> Iterator[Tab]:
    """Open a tab and close it afterwards."""
    session = browser.new_browser_cdp_session()
    context = session.send("Target.createBrowserContext")["browserContextId"]
    target = {"url": "about:blank", "browserContextId": context}
    opened = session.send("Target.createTarget", {**target, "width": size[0], "height": size[1]})["targetId"]
    inside = session.send("Target.attachToTarget", {"targetId": opened, "flatten": False})["sessionId"]
    yield Tab(session, context, inside)
    session.send("Target.disposeBrowserContext", {"browserContextId": context})
    session.detach()
