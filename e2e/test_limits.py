"""The service and those who ask too much of it: headers and bodies that never end, and clients that never finish."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from .served import Served

MEGABYTE = 1_000_000
CROWD = 96  # more than there are threads
POST = (
    b"POST /gk/shop/choice HTTP/1.1\r\nHost: shop.test\r\nOrigin: http://shop.test\r\n"
    b"Content-Type: application/json\r\n"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("limits")).start()
    yield served
    served.stop()


@contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port), timeout=15) as connection:
        yield connection


def status(connection: socket.socket) -> int:
    """Return the status of the answer; 0 where the connection is closed without one."""
    line = connection.recv(200).split(b"\r\n", 1)[0].split(b" ")
    return int(line[1]) if len(line) > 1 else 0


def say(served: Served, *parts: bytes) -> tuple[int, float]:
    """Send something, and return the status of the answer and how long that took, in seconds."""
    with connected(served) as connection:
        started = time.monotonic()
        for part in parts:
            connection.sendall(part)
        return status(connection), time.monotonic() - started


@pytest.mark.row("SE-11")
def test_a_megabyte_of_headers_is_refused_before_it_is_all_there(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(b"GET /gk/shop/choice HTTP/1.1\r\nHost: shop.test\r\nX-Long: ")
        sent = 0
        try:
            while sent < MEGABYTE:
                sent += connection.send(b"a" * 1000)
        except (BrokenPipeError, ConnectionResetError):
            pass

        # Far less than a megabyte was taken in; what else was sent lies in the system's buffers.
        assert status(connection) == 431


def test_headers_of_a_busy_site_are_taken(served: Served) -> None:
    cookies = b"Cookie: " + b"; ".join(b"c%d=%s" % (n, b"x" * 400) for n in range(90)) + b"\r\n"

    answered, _ = say(served, b"GET /gk/shop/choice HTTP/1.1\r\nHost: shop.test\r\n", cookies, b"\r\n")

    assert len(cookies) > 36_000
    assert answered == 200


@pytest.mark.row("SE-11")
@pytest.mark.parametrize("path", ["/gk/shop/choice", "/gk/shop/events", "/gk/shop/decide", "/gk/shop/reports"])
def test_a_megabyte_of_body_is_refused_before_any_of_it_is_sent(served: Served, path: str) -> None:
    head = POST.replace(b"/gk/shop/choice", path.encode())

    answered, seconds = say(served, head, b"Content-Length: %d\r\n\r\n" % MEGABYTE)

    assert answered in {413, 403}, "reports are taken from staff alone, and not read from others"
    assert seconds < 1


@pytest.mark.row("SE-11")
def test_a_body_of_unknown_length_is_read_only_as_far_as_it_may_be_long(served: Served) -> None:
    chunk = b"2000\r\n" + b"a" * 0x2000 + b"\r\n"

    answered, seconds = say(served, POST, b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk)

    assert answered == 413
    assert seconds < 1


def test_a_body_that_nobody_asked_for_is_left_unread(served: Served) -> None:
    answered, seconds = say(
        served, b"GET /gk/shop/b/seen.gif HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n" % MEGABYTE
    )

    assert answered == 200
    assert seconds < 1


@contextmanager
def crowd(served: Served, *parts: bytes) -> Iterator[list[socket.socket]]:
    """Have many clients that each send the beginning of something, and no more."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(served)) for _ in range(CROWD)]
        for part in parts:
            for client in clients:
                client.sendall(part)
        yield clients


def check_served(served: Served) -> None:
    """Check that what others ask is answered, and soon: one that waits for a thread would wait for seconds."""
    for path in ("/gk/shop/choice", "/gk/shop/gatekeeper.js", "/gk/shop/b/seen.gif", "/gk/shop/notice", "/healthz"):
        answers = [served.get(path, timeout=5) for _ in range(3)]
        assert [answer.status for answer in answers] == [200] * 3, path
        assert min(answer.seconds for answer in answers) < 1, path


@pytest.mark.row("SE-11")
def test_clients_that_send_headers_a_byte_at_a_time_hold_nobody_up(served: Served) -> None:
    with crowd(served, b"GET /gk/shop/choice HTTP/1.1\r\n") as clients:
        for letter in (b"H", b"o", b"s"):
            for client in clients:
                client.sendall(letter)
            check_served(served)


@pytest.mark.row("SE-11")
def test_clients_that_send_a_body_a_byte_at_a_time_hold_nobody_up(served: Served) -> None:
    with crowd(served, POST, b"Content-Length: 100\r\n\r\n") as clients:
        for letter in (b"{", b'"', b"g"):
            for client in clients:
                try:
                    client.sendall(letter)
                except OSError:
                    continue  # it was refused already
            check_served(served)
            time.sleep(1)

    # They are gone, and whoever sends a whole body is heard at once.
    deadline = time.monotonic() + 5
    while (answer := served.post("/gk/shop/choice", {})).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer.seconds < 1


@pytest.mark.row("SE-11")
def test_clients_that_fall_silent_in_the_middle_are_given_up_while_they_stay(served: Served) -> None:
    with crowd(served, POST, b"Content-Length: 100\r\n\r\n{"):
        check_served(served)
        deadline = time.monotonic() + 30
        while served.post("/gk/shop/choice", {}).status != 200:
            assert time.monotonic() < deadline, "silent clients are never given up"
            time.sleep(0.1)
        check_served(served)


def test_clients_that_do_not_read_what_they_asked_for_hold_nobody_up(served: Served) -> None:
    script = served.get("/gk/shop/gatekeeper.js")
    assert len(script.body) > 4000

    with crowd(served, b"GET /gk/shop/gatekeeper.js HTTP/1.1\r\nHost: shop.test\r\n\r\n" * 200):
        check_served(served)


def test_a_burst_from_one_address_is_refused_over_a_real_socket(tmp_path: Path) -> None:
    limits = {"GATEKEEPER_TRUSTED_PROXIES": "127.0.0.1", "GATEKEEPER_RATE_LIMIT": "20"}
    served = Served(tmp_path, extra=limits).start()

    def beacon(address: str) -> int:
        return served.get("/gk/shop/b/seen.gif", X_Forwarded_For=address).status

    statuses = [beacon("203.0.113.9") for _ in range(22)]
    other = beacon("203.0.113.10")
    served.stop()

    assert statuses == [200] * 20 + [429] * 2
    assert other == 200
    for path in served.folder.iterdir():
        assert b"203.0.113" not in path.read_bytes(), path.name
