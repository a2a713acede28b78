"""USP records and messages as values: what an agent says, and the few things a controller of ours answers and asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from collector.mqtt.usp.schema import (
    ERROR,
    GET,
    GET_RESP,
    MESSAGE,
    NOTIFY,
    NOTIFY_RESP,
    PLAINTEXT,
    RECORD,
)
from collector.mqtt.usp.wire import WireError, decode, encode

VERSION = "1.3"
LONGEST_ID = 256  # characters of an endpoint id, a message id or a topic; far beyond any real one


class UnsupportedError(ValueError):
    """A record that is right and that we cannot take: encrypted, segmented, or of another protocol."""


@dataclass(frozen=True)
class Record:
    """`message`: the bytes of a USP message, None in a record that only says "connected" or "disconnected"."""

    from_id: str
    to_id: str
    version: str
    kind: Literal["message", "connect", "disconnect"]
    message: bytes | None = None
    subscribed_topic: str | None = None  # of a connect record: where the agent listens
    reason: str = ""  # of a disconnect record


@dataclass(frozen=True)
class Notify:
    """`name`: the event's ("Boot!"), or "ValueChange", "OnBoardRequest", or "" where it is another notification.

    `parameters`: arguments of an event, or the path and value that changed. `serial`: of an onboarding request.
    """

    msg_id: str
    subscription_id: str
    send_resp: bool
    name: str
    path: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    serial: str = ""


@dataclass(frozen=True)
class GetResp:
    """`parameters`: (path, value). `failed`: paths the agent has an error for, such as those it does not support."""

    msg_id: str
    parameters: tuple[tuple[str, str], ...]
    failed: int


@dataclass(frozen=True)
class ErrorMsg:
    msg_id: str
    code: int
    text: str


@dataclass(frozen=True)
class OtherMsg:
    msg_id: str
    msg_type: int


def read_record(data: bytes) -> Record:
    """The record. Raises WireError where the bytes are none, UnsupportedError where we cannot take it."""
    said = decode(RECORD, "Record", data)
    from_id, to_id = _name(said, "from_id"), _name(said, "to_id")
    version = _name(said, "version")
    if not version.startswith("1."):
        raise UnsupportedError(f'USP version "{version}"')
    if "mqtt_connect" in said:
        topic = said["mqtt_connect"].get("subscribed_topic") or None
        return Record(from_id, to_id, version, "connect", subscribed_topic=topic)
    if "disconnect" in said:
        return Record(from_id, to_id, version, "disconnect", reason=said["disconnect"].get("reason", ""))
    if said.get("payload_security", PLAINTEXT) != PLAINTEXT:
        raise UnsupportedError("the payload is encrypted; only plain text over TLS is taken")
    if "session_context" in said:
        raise UnsupportedError("a record with a session context; turn end-to-end sessions off on the agent")
    if "no_session_context" not in said:
        raise UnsupportedError("a record of no type that MQTT has")
    return Record(from_id, to_id, version, "message", said["no_session_context"].get("payload", b""))


def _name(said: dict[str, Any], key: str) -> str:
    text = str(said.get(key, ""))
    if not 0 < len(text) <= LONGEST_ID or not text.isprintable():
        raise WireError(f'"{key}" is empty or no name')
    return text


def read_message(data: bytes) -> Notify | GetResp | ErrorMsg | OtherMsg:
    """The message in a record. Raises WireError; header and body have to be there and to agree."""
    said = decode(MESSAGE, "Msg", data)
    header = said.get("header", {})
    msg_id, msg_type = _name(header, "msg_id"), header.get("msg_type", ERROR)
    body = said.get("body", {})
    if msg_type == NOTIFY:
        return _notify(msg_id, _part(body, "request", "notify"))
    if msg_type == GET_RESP:
        return _get_resp(msg_id, _part(body, "response", "get_resp"))
    if msg_type == ERROR:
        error = _part(body, "error")
        return ErrorMsg(msg_id, error.get("err_code", 0), error.get("err_msg", ""))
    return OtherMsg(msg_id, msg_type)


def _part(body: dict[str, Any], *names: str) -> dict[str, Any]:
    at: Any = body
    for name in names:
        if name not in at:
            raise WireError(f'the body lacks "{name}"')
        at = at[name]
    found: dict[str, Any] = at
    return found


def _notify(msg_id: str, said: dict[str, Any]) -> Notify:
    base = (msg_id, said.get("subscription_id", ""), said.get("send_resp", False))
    if (event := said.get("event")) is not None:
        parameters = tuple(event.get("params", {}).items())
        return Notify(*base, event.get("event_name", ""), event.get("obj_path", ""), parameters)
    if (change := said.get("value_change")) is not None:
        path = change.get("param_path", "")
        return Notify(*base, "ValueChange", path, ((path, change.get("param_value", "")),))
    if (asked := said.get("on_board_req")) is not None:
        return Notify(*base, "OnBoardRequest", serial=asked.get("serial_number", ""))
    return Notify(*base, "")


def _get_resp(msg_id: str, said: dict[str, Any]) -> GetResp:
    results = said.get("req_path_results", [])
    found = tuple(
        (resolved.get("resolved_path", "") + name, value)
        for result in results
        for resolved in result.get("resolved_path_results", [])
        for name, value in resolved.get("result_params", {}).items()
    )
    return GetResp(msg_id, found, sum(1 for result in results if result.get("err_code", 0)))


def notify_resp(msg_id: str, subscription_id: str) -> bytes:
    """The answer to a notification that wants one; it carries the notification's message id."""
    return _message(msg_id, NOTIFY_RESP, {"response": {"notify_resp": {"subscription_id": subscription_id}}})


def get(msg_id: str, paths: Sequence[str]) -> bytes:
    return _message(msg_id, GET, {"request": {"get": {"param_paths": paths}}})


def _message(msg_id: str, msg_type: int, body: dict[str, Any]) -> bytes:
    return encode(MESSAGE, "Msg", {"header": {"msg_id": msg_id, "msg_type": msg_type}, "body": body})


def record(to_id: str, from_id: str, version: str, message: bytes) -> bytes:
    """A record without session context, in plain text."""
    return encode(
        RECORD,
        "Record",
        {"version": version, "to_id": to_id, "from_id": from_id, "no_session_context": {"payload": message}},
    )
