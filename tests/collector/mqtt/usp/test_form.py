"""One USP message at a time, without a broker: what is refused, who it is from, and that nothing crashes it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.mqtt import PublishingLines
from collector.mqtt.connection import Message
from collector.mqtt.reading import Reading
from collector.mqtt.refusals import Refusal, RefusedError
from collector.mqtt.usp import UspForm
from plant.inventory import Broker, UspController
from tests.collector.mqtt.usp import agent as by_hand
from tests.collector.plants import lines

LINES = PublishingLines(lines(*[(f"L{n}", "OLT-1", "0/1", f"HWTC{n:08X}", n) for n in range(10)]))
US = UspController("self::lightline")
TOPIC = "usp/controller/lightline"
BROKER = Broker("agents", "127.0.0.1", 1883, TOPIC, protocol="5", payload="usp", usp=US)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def received(form: UspForm, data: bytes, **more: Any) -> tuple[list[Reading], list[Refusal]]:
    refused: list[RefusedError] = []
    said = {
        "mid": 1, "qos": 1, "topic": TOPIC, "payload": data, "repeated": False, "retained": False, "arrived": NOW,
        "reply_to": "usp/agent/1", "content_type": "usp.msg",
    }  # fmt: skip
    message = Message(**{**said, **more})
    return form.decode(message, NOW, refused.append), [r.reason for r in refused]


def changed(endpoint: str = "os::00256D-HWTC00000001") -> bytes:
    said = by_hand.put(1, "Device.Optical.Interface.1.OpticalSignalLevel") + by_hand.put(2, "-23000")
    return by_hand.record(endpoint, US.endpoint_id, 7, by_hand.no_session(by_hand.notify("v", 4, said, "s")))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"retained": True}, Refusal.RETAINED_WITHOUT_TIME),
        ({"content_type": "usp.error", "payload": b"err_code:7100"}, Refusal.USP_ERROR),
        ({"content_type": "text/plain"}, Refusal.NOT_USP),
        ({"reply_to": "usp/#"}, Refusal.NO_REPLY_TOPIC),
        ({"reply_to": "$SYS/x"}, Refusal.NO_REPLY_TOPIC),
        ({"reply_to": ""}, Refusal.NO_REPLY_TOPIC),
        ({"reply_to": TOPIC}, Refusal.NO_REPLY_TOPIC),
        ({"reply_to": None}, Refusal.NO_REPLY_TOPIC),
    ],
)
def test_what_is_wrong_with_a_message_is_counted_and_nothing_is_published(
    more: dict[str, Any], reason: Refusal
) -> None:
    form = UspForm(BROKER, US)
    _, refused = received(form, changed(), **more)
    assert refused == [reason]
    assert form.replies() == []


def test_the_topic_the_broker_gives_us_is_where_we_are_answered_and_never_where_we_answer() -> None:
    form = UspForm(BROKER, US)
    form.listen_at("usp/answers/lightline")
    received(form, changed())
    (answer,) = form.replies()
    assert answer.reply_to == "usp/answers/lightline"
    for ours in (TOPIC, "usp/answers/lightline"):
        assert received(form, changed(), reply_to=ours)[1] == [Refusal.NO_REPLY_TOPIC]


def test_an_agent_that_said_where_it_listens_once_need_not_again() -> None:
    form = UspForm(BROKER, US)
    received(
        form, by_hand.record("os::1-HWTC00000001", US.endpoint_id, 10, by_hand.put(1, 1) + by_hand.put(2, "usp/a/1"))
    )
    readings, refused = received(form, changed("os::1-HWTC00000001"), reply_to=None)
    assert (len(readings), refused) == (1, [])
    (answer,) = form.replies()
    assert (answer.topic, answer.reply_to, answer.content_type) == ("usp/agent/1", TOPIC, "usp.msg")
    assert form.replies() == []


@pytest.mark.parametrize(
    ("endpoint", "line"),
    [
        ("os::00256D-HWTC00000004", "L4"),
        ("ops::00256D-ONT%2D1-HWTC00000004", "L4"),
        ("self::hwtc00000004", "L4"),
        ("oui:00256D:48575443-00000004", "L4"),
        ("uuid::f81d4fae-7dec-11d0-a765-00a0c91e6bf6", None),
    ],
)
def test_a_line_is_found_by_the_endpoint_id(endpoint: str, line: str | None) -> None:
    readings, _ = received(UspForm(BROKER, US), changed(endpoint))
    unknown: list[int] = []
    batch = LINES.batch("mqtt:agents", readings, lambda n, _: unknown.append(n))
    assert (None if batch is None else batch.table["line_id"].to_pylist()[0]) == line
    assert unknown == ([] if line else [0])


@given(st.binary(max_size=150), st.sampled_from([7, 8, 10, 12]), st.booleans())
def test_no_record_crashes_the_controller(content: bytes, kind: int, wrapped: bool) -> None:
    form = UspForm(BROKER, US, settle_s=0)
    inside = by_hand.no_session(content) if wrapped else content
    received(form, by_hand.record("os::1", US.endpoint_id, kind, inside))
    form.due()


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3), st.text(max_size=30), st.text(max_size=10)
)
def test_no_event_crashes_the_controller(parameters: dict[str, str], more: str, name: str) -> None:
    form = UspForm(BROKER, US, settle_s=0)
    for event, key in ((name, "x"), ("Push!", "Data"), ("Boot!", "ParameterMap")):
        said = by_hand.notify("n", 3, by_hand.event(event, {**parameters, key: more}), "s")
        received(form, by_hand.record("os::1", US.endpoint_id, 7, by_hand.no_session(said)))
    assert len(form.replies()) == 3
