"""Other systems are told every change they asked for: signed, in order, and nothing is lost on the way."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from maintenance import database
from maintenance.errors import ConflictError, InputError
from maintenance.hooks import signing
from maintenance.hooks.kinds import OF_ACTION
from maintenance.hooks.postman import Postman
from maintenance.hooks.subscriptions import Subscriptions, Webhook
from maintenance.ledger import Ledger
from maintenance.tables import deliveries, hook_events
from maintenance.transitions import TRANSITIONS
from plant.inventory import Inventory
from tests.clock import Clock
from tests.conftest import ROOT
from tests.maintenance.conftest import NOW, finding
from tests.maintenance.hooks.conftest import KEY, Receiver
from tests.parts import free_port

Subscribe = Callable[..., Webhook]


def work(ledger: Ledger, ticket: int, *actions: str) -> None:
    """A ticket goes on, step by step."""
    given: dict[str, dict[str, Any]] = {
        "assign": {"engineer": "Li Lei"},
        "resolve": {"cause_code": "connector", "action_code": "cleaned_connector"},
        "note": {"note": "客户王女士，电话 138"},
    }
    for action in actions:
        version = ledger.ticket(ticket).version
        ledger.act(ticket, action, actor="dora", role="dispatcher", now=NOW, version=version, **given.get(action, {}))


def test_every_action_of_the_ledger_is_a_kind_of_event() -> None:
    by_hand = {"open", "propose"}  # how a ticket begins
    assert set(OF_ACTION) == {t.action for t in TRANSITIONS} | by_hand


def test_changes_come_signed_in_order_and_once(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman, clock: Clock
) -> None:
    hook = subscribe()
    ledger.take([finding(), finding("pon:OLT1/0/2", (), "feeder")], inventory, NOW)
    work(ledger, 1, "assign", "start", "resolve")
    assert postman.deliver().delivered == 5
    assert [v for t, v in receiver.versions() if t == 1] == [1, 2, 3, 4]
    assert [m["type"] for m in receiver.came if m["data"]["ticket"]["id"] == 1] == [
        "ticket.opened", "ticket.assigned", "ticket.started", "ticket.resolved",
    ]  # fmt: skip
    ids = [signing.check(h, h["body"].encode(), [KEY], clock()) for h in receiver.headers]
    assert len(set(ids)) == 5
    assert postman.deliver().delivered == 0
    told = Subscriptions(ledger.engine).one(hook.id)
    assert (told.waiting, told.failing_since, told.last_ok_at) == (0, None, clock())


def test_a_receiver_can_tell_what_was_changed_is_old_or_is_of_somebody_else(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman, clock: Clock
) -> None:
    subscribe()
    ledger.take([finding()], inventory, NOW)
    postman.deliver()
    given = receiver.headers[0]
    body = given["body"].encode()
    for wrong in (body + b" ", body.replace(b"OLT1-1-3", b"OLT1-1-4")):
        with pytest.raises(signing.SignatureError, match="no signature"):
            signing.check(given, wrong, [KEY], clock())
    with pytest.raises(signing.SignatureError, match="no signature"):
        signing.check(given, body, [KEY[::-1]], clock())
    with pytest.raises(signing.SignatureError, match="no signature"):
        signing.check(given | {"webhook-id": "lightline-99"}, body, [KEY], clock())
    with pytest.raises(signing.SignatureError, match="away from now"):
        signing.check(given, body, [KEY], clock() + timedelta(minutes=6))


def test_the_signature_is_that_of_the_convention() -> None:
    """The example of the Standard Webhooks text, so that any of its libraries can check ours."""
    keys = signing.keys_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signing.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}', keys
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_changed_both_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = "whsec_" + "QUFB" * 8, "whsec_" + "QkJC" * 8
    both = signing.headers("a", NOW, b"{}", signing.keys_of(f"{new}\n{old}"))
    for one in (old, new):
        assert signing.check(both, b"{}", signing.keys_of(one), NOW) == "a"


def test_what_happens_while_the_receiver_is_down_arrives_in_order_when_it_is_back(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman, clock: Clock
) -> None:
    hook = subscribe()
    receiver.stop()
    ledger.take([finding()], inventory, NOW)
    waits = []
    for _ in range(12):
        assert postman.deliver().unreachable == 1
        assert postman.deliver().unreachable == 0  # it rests
        told = Subscriptions(ledger.engine).one(hook.id)
        assert told.next_at is not None
        waits.append((told.next_at - clock()).total_seconds())
        clock.now = told.next_at
    assert waits[0] == 5
    assert all(b == min(2 * a, 3600) for a, b in pairwise(waits))
    work(ledger, 1, "assign", "start")
    assert (told.waiting, told.failures) == (1, 12)
    troubles = Subscriptions(ledger.engine).troubles()
    assert len(troubles) == 1
    assert "no delivery since 2026-11-02 02:00" in troubles[0]
    assert "3 messages wait" in troubles[0]
    receiver.start()
    assert postman.deliver().delivered == 3
    assert receiver.versions() == [(1, 1), (1, 2), (1, 3)]
    assert Subscriptions(ledger.engine).troubles() == []


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_receiver_in_trouble_is_asked_later_and_gets_everything(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman, clock: Clock,
    status: int,
) -> None:  # fmt: skip
    subscribe()
    ledger.take([finding(), finding("line:OLT1-1-5")], inventory, NOW)
    receiver.answer = lambda _: status
    assert postman.deliver().unreachable == 1
    receiver.answer = lambda _: 204
    clock.forward(seconds=5)
    assert postman.deliver().delivered == 2
    assert receiver.headers[0]["webhook-id"] == receiver.headers[1]["webhook-id"]  # the same message once more


def test_a_slow_receiver_is_not_waited_for_and_stops_no_other(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, clock: Clock
) -> None:
    slow = Receiver(free_port())
    answering = threading.Event()
    slow.answer = lambda _: 200 + answering.wait(30)
    slow.start()
    try:
        subscribe(url=slow.url)
        subscribe()
        ledger.take([finding()], inventory, NOW)
        hasty = ledger.rules.hooks.model_copy(update={"timeout_s": 0.3})
        came = Postman(ledger.engine, hasty, clock).deliver()
        assert (came.delivered, came.unreachable) == (1, 1)
        assert "Timeout" in Subscriptions(ledger.engine).troubles()[0]
    finally:
        answering.set()
        slow.stop()


def test_a_refused_message_holds_up_its_ticket_and_no_other(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman, clock: Clock
) -> None:
    hook = subscribe()
    ledger.take([finding(), finding("line:OLT1-1-5")], inventory, NOW)
    work(ledger, 1, "assign")
    work(ledger, 2, "assign")
    receiver.answer = lambda m: 400 if m["data"]["ticket"]["id"] == 1 else 200
    assert postman.deliver().refused == 1
    assert receiver.versions() == [(1, 1), (2, 1), (2, 2)]
    clock.forward(seconds=5)
    assert postman.deliver().refused == 1
    clock.forward(days=7)
    came = postman.deliver()
    assert (came.set_aside, came.refused) == (1, 0)  # and only then the next one of its ticket is tried
    assert "1 messages were refused too long" in " ".join(Subscriptions(ledger.engine).troubles())
    receiver.answer = lambda _: 200
    receiver.came.clear()
    Subscriptions(ledger.engine).resume(hook.id)
    assert postman.deliver().delivered == 2
    assert receiver.versions() == [(1, 1), (1, 2)]


def test_a_receiver_that_is_gone_is_left_alone_and_told(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman, clock: Clock
) -> None:
    hook = subscribe()
    receiver.answer = lambda _: 410
    ledger.take([finding()], inventory, NOW)
    assert postman.deliver().gone == 1
    clock.forward(days=1)
    work(ledger, 1, "assign")
    assert postman.deliver().gone == 0
    assert len(receiver.came) == 1
    assert "gone (410); 2 messages are kept" in Subscriptions(ledger.engine).troubles()[0]
    receiver.answer = lambda _: 200
    Subscriptions(ledger.engine).resume(hook.id)
    assert postman.deliver().delivered == 2


def test_redirects_are_not_followed(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman
) -> None:
    subscribe()
    receiver.answer = lambda _: 307
    ledger.take([finding()], inventory, NOW)
    assert postman.deliver().refused == 1


def test_nobody_hears_what_they_did_not_ask_for_nor_what_people_wrote(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman
) -> None:
    subscribe(kinds=("ticket.resolved",))
    subscribe(areas=("west",))
    ledger.take([finding()], inventory, NOW)
    work(ledger, 1, "assign", "note", "start", "resolve")
    assert postman.deliver().delivered == 1
    assert receiver.came[0]["type"] == "ticket.resolved"
    subscribe()
    work(ledger, 1, "note")
    postman.deliver()
    assert not any("王" in h["body"] for h in receiver.headers)
    assert "evidence" not in receiver.came[-1]["data"]["ticket"]


def test_a_change_that_did_not_happen_is_not_told(ledger: Ledger, inventory: Inventory, subscribe: Subscribe) -> None:
    subscribe()
    ledger.take([finding()], inventory, NOW)
    with pytest.raises(ConflictError):
        ledger.act(1, "assign", actor="d", role="dispatcher", now=NOW, version=7, engineer="x")
    with database.reading(ledger.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(hook_events)).scalar_one() == 1


def test_an_ended_subscription_hears_nothing_more(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, postman: Postman
) -> None:
    hook = subscribe()
    ledger.take([finding()], inventory, NOW)
    Subscriptions(ledger.engine).end(hook.id)
    work(ledger, 1, "assign")
    postman.deliver()
    assert receiver.came == []
    assert Subscriptions(ledger.engine).all() == []
    with pytest.raises(InputError, match="was ended"):
        Subscriptions(ledger.engine).resume(hook.id)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "ftp://h/x"}, "https://HOST"),
        ({"url": "https://"}, "https://HOST"),
        ({"url": "https://u:p@h/"}, "neither user nor password"),
        ({"url": "https://h/ x"}, "printable ASCII"),
        ({"url": "http://[::1"}, "not readable"),
        ({"url": "https://h:99999/"}, "not readable"),
        ({"kinds": ("ticket.sung",)}, "is not among"),
        ({"secret": None}, "secret is missing"),
        ({"secret": "whsec_AAAA"}, "never written here"),
        ({"secret": "env:NOT_THERE"}, "NOT_THERE"),
        ({"secret": "env:SHORT"}, "24 random bytes"),
        ({"secret": "env:PLAIN"}, "begins with whsec_"),
    ],
)
def test_a_wrong_subscription_is_refused_with_the_remedy(
    subscribe: Subscribe, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], says: str
) -> None:
    monkeypatch.setenv("SHORT", "whsec_QUFB")
    monkeypatch.setenv("PLAIN", "hunter2")
    with pytest.raises(InputError, match=says):
        subscribe(**given)


def test_two_postmen_tell_nothing_twice(
    ledger: Ledger, inventory: Inventory, receiver: Receiver, subscribe: Subscribe, clock: Clock
) -> None:
    subscribe()
    ledger.take([finding(f"line:OLT1-1-{n}") for n in range(8)], inventory, NOW)
    pair = [Postman(ledger.engine, ledger.rules.hooks, clock) for _ in range(2)]
    threads = [threading.Thread(target=one.deliver) for one in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pair[0].deliver()
    assert sorted(receiver.versions()) == [(n, 1) for n in range(1, 9)]


def test_what_everybody_has_is_forgotten_after_its_days(
    ledger: Ledger, inventory: Inventory, subscribe: Subscribe, postman: Postman, clock: Clock
) -> None:
    subscribe()
    ledger.take([finding()], inventory, NOW)
    clock.forward(days=31)
    assert postman.forget() == 0  # not delivered yet
    postman.deliver()
    assert postman.forget() == 1
    with database.reading(ledger.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(deliveries)).scalar_one() == 0


_KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from maintenance.hooks.postman import Postman
from maintenance.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
class Dying(Postman):
    def _delivered(self, *args, **kwargs):
        if self.count == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1
        super()._delivered(*args, **kwargs)
postman = Dying(ledger.engine, ledger.rules.hooks, lambda: datetime.fromisoformat(sys.argv[3]))
postman.count = 0
postman.deliver()
"""


def test_a_kill_between_answer_and_note_loses_nothing_and_repeats_under_the_same_id(
    ledger: Ledger, database_url: str, inventory: Inventory, receiver: Receiver, subscribe: Subscribe,
    postman: Postman, clock: Clock,
) -> None:  # fmt: skip
    subscribe()
    ledger.take([finding(f"line:OLT1-1-{n}") for n in range(5)], inventory, NOW)
    child = subprocess.run(
        [sys.executable, "-c", _KILLED, database_url, "2", clock().isoformat()], cwd=ROOT, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(ROOT))}, capture_output=True,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    assert len(receiver.came) == 3
    assert postman.deliver().delivered == 0  # the killed one's claim still stands
    clock.forward(minutes=1)
    assert postman.deliver().delivered == 3
    assert [t for t, _ in receiver.versions()] == [1, 2, 3, 3, 4, 5]
    ids = [h["webhook-id"] for h in receiver.headers]
    assert ids[2] == ids[3]
    assert len(set(ids)) == 5
