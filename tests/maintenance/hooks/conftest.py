"""A ledger, a clock, and a real receiver on loopback that answers as it is told."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from maintenance.hooks import signing
from maintenance.hooks.postman import Postman
from maintenance.hooks.subscriptions import Subscriptions, Webhook
from maintenance.ledger import Ledger
from tests.clock import Clock
from tests.maintenance.conftest import NOW
from tests.parts import free_port

KEY = bytes(range(32))
SECRET = signing.PREFIX + base64.b64encode(KEY).decode()


@dataclass
class Receiver:
    """What came, in order, and what is answered: `answer(message)` gives the status."""

    port: int
    came: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], int] = lambda _: 200
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/told"

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = json.loads(body)
                receiver.came.append(told)
                receiver.headers.append({k.lower(): v for k, v in self.headers.items()} | {"body": body.decode()})
                status = receiver.answer(told)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def versions(self) -> list[tuple[int, int]]:
        """(ticket, version) of what came."""
        return [(m["data"]["ticket"]["id"], m["data"]["ticket"]["version"]) for m in self.came]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(free_port())
    made.start()
    yield made
    made.stop()


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return "env:HOOK_SECRET"


@pytest.fixture
def subscribe(ledger: Ledger, receiver: Receiver, secret: str, clock: Clock) -> Callable[..., Webhook]:
    def begin(**given: Any) -> Webhook:
        wanted: dict[str, Any] = {"secret": secret, "kinds": (), "areas": (), "actor": "ada", "now": clock()}
        return Subscriptions(ledger.engine).subscribe(given.pop("url", receiver.url), **(wanted | given))

    return begin


@pytest.fixture
def postman(ledger: Ledger, clock: Clock) -> Postman:
    return Postman(ledger.engine, ledger.rules.hooks, clock)
