"""Byte for byte what TR-369's schemas say, written out by field number; and no bytes that crash the decoder."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.mqtt.usp.messages import (
    ErrorMsg,
    GetResp,
    Notify,
    OtherMsg,
    Record,
    UnsupportedError,
    get,
    notify_resp,
    read_message,
    read_record,
    record,
)
from collector.mqtt.usp.schema import MESSAGE, RECORD
from collector.mqtt.usp.wire import WireError, decode, encode
from tests.collector.mqtt.usp import agent as by_hand


def bytes_of(*lines: str) -> bytes:
    """Hexadecimal with comments after `#`; text in quotes stands for its bytes."""
    out = b""
    for line in lines:
        for word in line.split("#")[0].split():
            out += word[1:-1].encode() if word.startswith("'") else bytes.fromhex(word)
    return out


GET = bytes_of(
    "0a 06         # Msg.header = 1, 6 bytes",
    "  0a 02 'm1'  #   Header.msg_id = 1",
    "  10 01       #   Header.msg_type = 2: GET = 1",
    "12 0c         # Msg.body = 2",
    "  0a 0a       #   Body.request = 1",
    "    0a 08     #     Request.get = 1",
    "      0a 02 'A.'  #   Get.param_paths = 1",
    "      0a 02 'B.'",
)
NOTIFY_RESP = bytes_of(
    "0a 06 0a 02 'n7' 10 10  # header: msg_id, NOTIFY_RESP = 16",
    "12 08                   # body",
    "  12 06                 #   Body.response = 2",
    "    42 04               #     Response.notify_resp = 8",
    "      0a 02 's1'        #       NotifyResp.subscription_id = 1",
)
RECORD_OF_GET = (
    bytes_of(
        "0a 03 '1.3'  # Record.version = 1",
        "12 04 'os:a' # to_id = 2",
        "1a 04 'os:c' # from_id = 3",  # payload_security = 4 is PLAINTEXT = 0: left out
        "3a 18        # no_session_context = 7",
        "  12 16      #   NoSessionContextRecord.payload = 2, 22 bytes",
    )
    + GET
)


def test_what_we_send_is_what_the_schema_says() -> None:
    assert get("m1", ["A.", "B."]) == GET
    assert notify_resp("n7", "s1") == NOTIFY_RESP
    assert notify_resp("n7", "") == bytes_of("0a 06 0a 02 'n7' 10 10 12 04 12 02 42 00")  # a oneof is there when empty
    assert record("os:a", "os:c", "1.3", GET) == RECORD_OF_GET


def test_a_record_is_read() -> None:
    assert read_record(RECORD_OF_GET) == Record("os:c", "os:a", "1.3", "message", GET)


BASE = "0a 03 '1.2' 12 04 'os:c' 1a 04 'os:a' "


def test_records_that_only_say_connected_or_disconnected_are_read() -> None:
    connect = bytes_of(
        BASE, "52 05  # mqtt_connect = 10", "08 01 # version = 1: V5", "12 01 't' # subscribed_topic = 2"
    )
    assert read_record(connect) == Record("os:a", "os:c", "1.2", "connect", subscribed_topic="t")
    gone = bytes_of(BASE, "62 0a  # disconnect = 12", "0a 03 'bye' # reason = 1", "15 5c 1b 00 00 # reason_code = 2")
    assert read_record(gone) == Record("os:a", "os:c", "1.2", "disconnect", reason="bye")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("20 01 3a 00  # payload_security = 4: TLS12", "encrypted"),
        ("42 02 08 01  # session_context = 8", "session context"),
        ("4a 00        # websocket_connect = 9", "no type"),
        ("6a 00        # uds_connect = 13", "no type"),
        ("", "no type"),
    ],
)
def test_records_we_cannot_take_say_why(kind: str, why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        read_record(bytes_of(BASE, kind))


def test_a_notification_of_an_event_is_read() -> None:
    data = bytes_of(
        "0a 06 0a 02 'n1' 10 03   # header: NOTIFY = 3",
        "12 2c                    # body",
        "  0a 2a                  #   request = 1",
        "    42 28                #     Request.notify = 8",
        "      0a 02 's1'         #       subscription_id = 1",
        "      10 01              #       send_resp = 2",
        "      1a 20              #       event = 3",
        "        0a 07 'Device.'  #         obj_path = 1",
        "        12 05 'Boot!'    #         event_name = 2",
        "        1a 0e 0a 05 'Cause' 12 05 'Local'  # params = 3: key = 1, value = 2",
    )
    assert read_message(data) == Notify("n1", "s1", True, "Boot!", "Device.", (("Cause", "Local"),))


def test_a_changed_value_and_an_onboarding_request_are_read() -> None:
    changed = bytes_of(
        "0a 06 0a 02 'n2' 10 03 12 11 0a 0f 42 0d",
        "22 0b             # value_change = 4, 11 bytes; send_resp is left out: false",
        "  0a 04 'D.x.'    #   param_path = 1",
        "  12 03 '-21'     #   param_value = 2",
    )
    assert read_message(changed) == Notify("n2", "", False, "ValueChange", "D.x.", (("D.x.", "-21"),))
    board = bytes_of(
        "0a 06 0a 02 'n3' 10 03 12 13 0a 11 42 0f",
        "10 01             # send_resp",
        "42 0b             # on_board_req = 8",
        "  0a 03 'oui'     #   oui = 1",
        "  1a 02 'SN'      #   serial_number = 3",
        "  22 00           #   agent_supported_protocol_versions = 4",
    )
    assert read_message(board) == Notify("n3", "", True, "OnBoardRequest", serial="SN")


def test_other_notifications_are_still_to_be_answered() -> None:
    for tag in ("2a", "32", "3a"):  # obj_creation = 5, obj_deletion = 6, oper_complete = 7
        data = bytes_of("0a 06 0a 02 'n4' 10 03 12 0a 0a 08 42 06 10 01", tag, "02 0a 00")
        assert read_message(data) == Notify("n4", "", True, "")


def test_values_that_were_asked_for_are_read() -> None:
    good = by_hand.put(1, "Device.X.*.Y") + by_hand.put(
        4, by_hand.put(1, "Device.X.1.") + by_hand.pairs(2, {"Y": "-5"})
    )
    bad = by_hand.put(1, "Device.Z") + by_hand.fixed32(2, 7026) + by_hand.put(3, "no such path")
    data = by_hand.message("m1", 2, by_hand.put(2, by_hand.put(1, by_hand.put(1, good) + by_hand.put(1, bad))))
    assert read_message(data) == GetResp("m1", (("Device.X.1.Y", "-5"),), 1)
    assert bytes_of("15 72 1b 00 00 # err_code = 2, fixed32 7026") in data


def test_an_error_is_read() -> None:
    data = bytes_of(
        "0a 04 0a 02 'm1'          # header: ERROR = 0 is left out",
        "12 0d 1a 0b               # body.error = 3",
        "  0d 5d 1b 00 00          #   err_code = 1, fixed32 7005",
        "  12 04 'busy'            #   err_msg = 2",
    )
    assert read_message(data) == ErrorMsg("m1", 7005, "busy")


def test_a_message_that_no_agent_sends_is_named_by_its_type() -> None:
    assert read_message(bytes_of("0a 06 0a 02 'm1' 10 01 12 04 0a 02 0a 00")) == OtherMsg("m1", 1)


def test_fields_nobody_knows_yet_are_passed_over_at_every_level() -> None:
    new = by_hand.put(99, "new") + by_hand.fixed32(98, 7) + by_hand.put(97, 1) + by_hand.varint(96 << 3 | 1) + bytes(8)
    said = by_hand.event("Boot!", {"a": "b"}) + new
    notification = by_hand.put(1, "s") + new + by_hand.put(2, 1) + by_hand.put(3, said)
    data = new + by_hand.put(1, by_hand.put(1, "n1") + by_hand.put(2, 3) + new)
    data += by_hand.put(2, new + by_hand.put(1, by_hand.put(8, notification)))
    assert read_message(data) == Notify("n1", "s", True, "Boot!", "Device.", (("a", "b"),))
    assert read_record(new + RECORD_OF_GET + new).message == GET


def test_repeated_parts_are_merged_and_the_last_of_a_choice_counts() -> None:
    """As in every implementation of Protocol Buffers: a message sent in two parts is one, a oneof has one member."""
    parts = by_hand.put(1, by_hand.put(1, "n1")) + by_hand.put(1, by_hand.put(2, 16))
    assert decode(MESSAGE, "Msg", parts)["header"] == {"msg_id": "n1", "msg_type": 16}
    both = by_hand.put(3, by_hand.put(1, "event")) + by_hand.put(4, by_hand.put(1, "changed"))
    assert set(decode(MESSAGE, "Notify", both)) == {"value_change"}


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",  # a length that is missing
        b"\x0a\x05abc",  # shorter than it says
        b"\x0b\x0c",  # a group
        b"\x00\x01",  # field 0
        b"\x08\x01",  # a number where a text is meant
        b"\x0a" + b"\xff" * 10,  # an integer without end
        b"\x0a\x02\xff\xfe",  # not UTF-8
        b"\x0d\x01\x02",  # half a fixed32
    ],
)
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(RECORD, "Record", data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        by_hand.put(1, by_hand.put(1, "m")),
        by_hand.message("m", 3, b""),
        by_hand.message("m", 3, by_hand.put(2, b"")),
    ],
)
def test_a_message_without_its_parts_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        read_message(data)


@pytest.mark.parametrize("lacking", [1, 2, 3])
def test_a_record_without_version_or_endpoints_is_refused(lacking: int) -> None:
    fields = {1: "1.3", 2: "os:a", 3: "os:c"}
    data = b"".join(by_hand.put(n, text) for n, text in fields.items() if n != lacking) + by_hand.put(7, b"")
    with pytest.raises(WireError):
        read_record(data)


def test_many_parts_take_time_in_proportion() -> None:
    """Sixty thousand parts of one message: joined once, not copied for each."""
    assert decode(MESSAGE, "Msg", b"\x0a\x02\x18\x01" * 60_000) == {"header": {}}


_GOOD = [GET, NOTIFY_RESP, RECORD_OF_GET, by_hand.notify("n", 3, by_hand.event("Boot!", {"a": "b"}))]


def harmless(data: bytes) -> None:
    for read in (read_record, read_message):
        with contextlib.suppress(WireError, UnsupportedError):
            read(data)


@given(st.binary(max_size=120))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    harmless(data)


@given(st.sampled_from(_GOOD), st.integers(0, 60), st.binary(max_size=4), st.integers(0, 6))
def test_no_damage_to_a_message_crashes_the_reader(data: bytes, at: int, put: bytes, cut: int) -> None:
    harmless(data[:at] + put + data[at + cut :])


_TEXT = st.text(max_size=30)
_NAME = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=40)


@given(_NAME, st.lists(_TEXT, max_size=5))
def test_what_we_send_reads_back(msg_id: str, paths: list[str]) -> None:
    said = decode(MESSAGE, "Msg", get(msg_id, paths))
    assert said["header"] == {"msg_id": msg_id, "msg_type": 1}
    assert said["body"]["request"]["get"].get("param_paths", []) == paths


@given(_NAME, _NAME, st.binary(max_size=50))
def test_a_record_reads_back(to_id: str, from_id: str, payload: bytes) -> None:
    data = record(to_id, from_id, "1.3", payload)
    assert read_record(data) == Record(from_id, to_id, "1.3", "message", payload)
    assert encode(RECORD, "Record", decode(RECORD, "Record", data)) == data
