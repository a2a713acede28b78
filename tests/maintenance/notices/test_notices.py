"""Messages to people through a real apprise service on loopback: at once or in the digest, quietly, and never twice."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import apprise
import pytest
from pydantic import ValidationError

from maintenance.ledger import Ledger
from maintenance.notices.herald import Herald
from maintenance.notices.rules import NoticeRules
from plant.inventory import Inventory
from tests.clock import Clock
from tests.maintenance.conftest import NOW, finding, lines_of, resolve
from tests.maintenance.hooks.conftest import Receiver
from tests.parts import free_port

ADDRESS = "env:EAST_GROUP"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """What a chat's service is to apprise: json:// to loopback."""
    made = Receiver(free_port())
    made.start()
    monkeypatch.setenv("EAST_GROUP", f"json://127.0.0.1:{made.port}/group")
    yield made
    made.stop()


def rules(ledger: Ledger, **changed: Any) -> NoticeRules:
    """The shipped rules with one recipient."""
    recipient = {"name": "东区维护", "address": ADDRESS, **changed.pop("recipient", {})}
    told = ledger.rules.notices.model_dump(mode="json") | {"recipients": [recipient]} | changed
    return NoticeRules.model_validate(told)


@pytest.fixture
def herald(ledger: Ledger, inventory: Inventory, service: Receiver, clock: Clock) -> Callable[..., Herald]:
    """One who has begun to listen before the test's tickets come."""

    def begin(**changed: Any) -> Herald:
        made = Herald(ledger.engine, rules(ledger, **changed), clock)
        made.tell()
        return made

    return begin


URGENT = ("pon:OLT1/0/1", lines_of("OLT1", 1), "feeder")


def urgent(ledger: Ledger, inventory: Inventory, clock: Clock) -> None:
    ledger.take([finding(*URGENT, rx_dbm=-32, days=0)], inventory, clock())
    assert ledger.tickets()[-1].grade in ("P1", "P2")


def bodies(service: Receiver) -> list[str]:
    return [m["message"] for m in service.came]


def test_urgent_tickets_are_told_at_once_and_once(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    teller = herald()
    urgent(ledger, inventory, clock)
    assert teller.tell() == 1
    assert teller.tell() == 0
    clock.forward(hours=30)
    assert teller.tell() == 0
    assert len(service.came) == 1
    assert "新工单 #1" in bodies(service)[0]
    assert "East maintenance" in bodies(service)[0]
    assert service.came[0]["title"] == "Lightline：1 条工单动态"


def test_the_rest_waits_for_the_digest(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    teller = herald(recipient={"language": "en"})
    ledger.take([finding(), finding("line:OLT1-1-7")], inventory, clock())
    assert teller.tell() == 0
    clock.forward(hours=7)  # 17:00 in Shanghai
    assert teller.tell() == 0
    clock.forward(minutes=31)
    assert teller.tell() == 1
    assert len(bodies(service)[0].splitlines()) == 2
    assert "New #1" in bodies(service)[0]
    assert teller.tell() == 0


def test_in_quiet_hours_only_what_wakes_is_told(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    clock.forward(hours=13)  # 23:00
    for wakes, told in (((), 0), (("P1", "P2"), 1)):
        teller = herald(wakes=list(wakes))
        place = ("pon:OLT1/0/1", "pon:OLT1/0/2")[told]
        ledger.take([finding(place, lines_of("OLT1", told + 1), "feeder", rx_dbm=-32, days=0)], inventory, clock())
        assert teller.tell() == told
    clock.forward(hours=7, minutes=59)  # 06:59
    assert teller.tell() == 0
    clock.forward(minutes=1)
    assert teller.tell() == 1
    assert len(service.came) == 2


def test_escalations_are_told_to_those_who_hear_the_step(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    teller = herald(recipient={"name": "总经理", "hears": ["ticket.escalated"], "steps": ["general_manager"]})
    ledger.take([finding()], inventory, clock())
    told: list[datetime] = []
    for _ in range(60):
        clock.forward(hours=12)
        ledger.escalate(clock())
        told += [clock()] * teller.tell()
    assert len(told) == 1
    assert "超期提醒 #1" in bodies(service)[0]


def test_a_recipient_of_one_area_hears_of_no_other(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    teller = herald(recipient={"areas": ["west"]})
    urgent(ledger, inventory, clock)
    assert teller.tell() == 0
    clock.forward(days=1)
    assert teller.tell() == 0


def test_what_does_not_get_through_is_tried_again_and_told_in_the_status(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    teller = herald()
    service.answer = lambda _: 500
    urgent(ledger, inventory, clock)
    assert teller.tell() == 0
    assert teller.tell() == 0
    assert len(service.came) == 1  # it waits before it tries again
    assert "did not take the message" in teller.troubles()[0]
    assert "127.0.0.1" not in teller.troubles()[0]  # the address is a secret
    service.answer = lambda _: 200
    clock.forward(seconds=60)
    assert teller.tell() == 1
    assert teller.troubles() == []


def test_another_process_goes_on_where_the_first_was(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    herald()
    urgent(ledger, inventory, clock)
    assert Herald(ledger.engine, rules(ledger), clock).tell() == 1
    assert Herald(ledger.engine, rules(ledger), clock).tell() == 0


def test_what_happened_before_anybody_listened_is_history(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    urgent(ledger, inventory, clock)
    teller = herald()
    clock.forward(days=2)
    assert teller.tell() == 0


def test_a_storm_is_one_message_and_a_ticket_one_row(
    ledger: Ledger, inventory: Inventory, herald: Callable[..., Herald], service: Receiver, clock: Clock
) -> None:
    teller = herald(longest=5, recipient={"hears": ["ticket.opened", "ticket.resolved"]})
    ledger.take([finding(f"line:OLT1-1-{n}") for n in range(8)], inventory, clock())
    resolve(ledger, 1, NOW + timedelta(minutes=5))
    clock.forward(days=1)
    assert teller.tell() == 1
    rows = bodies(service)[0].splitlines()
    assert len(rows) == 6
    assert rows[-1] == "另有 3 条"
    assert sum("#1 " in row for row in rows) <= 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"recipient": {"address": "wecombot://secret"}}, "never write it here"),
        ({"quiet": ["25:00-07:00"]}, "quiet hours"),
        ({"recipient": {"hears": ["ticket.sung"]}}, "ticket.opened"),
        ({"words": {"zh": {}, "en": {}}}, "lacks"),
    ],
)
def test_wrong_rules_are_refused_with_the_place(sqlite_ledger: Ledger, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        rules(sqlite_ledger, **changed)


@pytest.mark.parametrize(
    "address",
    [f"{kind}://{'0123456789abcdef' * 2}" for kind in ("wecombot", "dingtalk", "feishu")] + ["mailto://u:p@h.cn"],
)
def test_the_services_that_are_promised_are_known(address: str) -> None:
    assert apprise.Apprise().add(address)
