"""`lightline tell` and the status, as an operator runs them."""

import base64
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import yaml

from maintenance import database, records
from maintenance.hooks.subscriptions import Subscriptions
from maintenance.ledger import Ledger
from maintenance.notices.herald import CURSOR
from maintenance.rules import Rules
from tests.lightline.commands import lightline, start
from tests.maintenance.conftest import a_small_plant, finding, lines_of
from tests.maintenance.hooks.conftest import Receiver
from tests.parts import free_port

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


def listening(ledger: Ledger) -> bool:
    """Whether the first round has been: what happens from now on is told."""
    with database.reading(ledger.engine) as connection:
        return records.recall(connection, CURSOR) is not None


def test_changes_reach_other_systems_and_people_and_the_status_says_what_does_not(tmp_path: Path) -> None:
    data, own = tmp_path / "data", tmp_path / "rules"
    (data / "empty").mkdir(parents=True)
    own.mkdir()
    hook, chat = Receiver(free_port()), Receiver(free_port())
    hook.start()
    chat.start()
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "chat").write_text(f"json://127.0.0.1:{chat.port}/")
    shipped = Rules.load().notices.model_dump(mode="json")
    recipient = {"name": "East", "address": f"file:{tmp_path / 'chat'}", "language": "en"}
    told = {**shipped, "recipients": [recipient], "quiet": []}
    (own / "notices.yaml").write_text(yaml.safe_dump(told, allow_unicode=True))
    running = start(tmp_path, "tell", "--data", data, LIGHTLINE_RULES=str(own))
    try:
        now = datetime.now(UTC)
        with Ledger.open(f"sqlite:///{data / 'ledger.sqlite'}") as ledger:
            subscriptions = Subscriptions(ledger.engine)
            for url, kinds in ((hook.url, ()), (f"http://127.0.0.1:{free_port()}/", ("ticket.opened",))):
                subscriptions.subscribe(url, secret=f"file:{tmp_path / 'secret'}", kinds=kinds, areas=(),
                                        actor="ada", now=now)  # fmt: skip
            ready = time.monotonic() + 300
            while not listening(ledger) and time.monotonic() < ready:
                time.sleep(0.1)
            place, lines = "pon:OLT1/0/1", lines_of("OLT1", 1)
            ledger.take([finding(place, lines, "feeder", rx_dbm=-32, days=0)], a_small_plant(), now)
            while (not hook.came or not chat.came) and time.monotonic() < ready:
                time.sleep(0.1)
        assert hook.came[0]["type"] == "ticket.opened"
        assert "New #1" in chat.came[0]["message"]
        status = lightline(tmp_path, "status", "--data", data, LIGHTLINE_RULES=str(own))
        assert "webhook 2: no delivery since" in status.stdout
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
        hook.stop()
        chat.stop()
    once = lightline(tmp_path, "tell", "--once", "--data", data, LIGHTLINE_RULES=str(own))
    assert once.returncode == 0, once.stderr
    assert "webhooks: 0 delivered" in once.stdout
    assert len(chat.came) == 1
