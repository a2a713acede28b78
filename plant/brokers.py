"""The brokers of an inventory (`mqtt:`): how each is reached, what is published there, and what is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any, cast, get_args

from plant.entry import Entry
from plant.inventory import Broker, MqttProtocol, PayloadForm, UspController
from plant.secrets import SecretError, open_to_others, resolve

FILES = ("ca", "certificate", "key")
KEYS = ("id", "host", "port", "topic", "tls", "credentials", "protocol", "share", "payload", "usp", *FILES)
CheckSecrets = Callable[[Entry, Mapping[str, str], tuple[str, ...]], None]


def read_broker(entry: Entry, ident: str, check_secrets: CheckSecrets) -> Broker:
    """One entry of `mqtt:`; every problem is reported at its line. `check_secrets` reports secrets written in clear."""
    tls = entry.flag("tls")
    payload = cast(PayloadForm, entry.choice("payload", get_args(PayloadForm), Broker.payload))
    files = _files(entry, tls)
    return Broker(
        id=ident,
        host=entry.text("host", "") or "",
        port=entry.number("port", 1, 65535, 8883 if tls else 1883, whole=True),
        topic=_topic(entry, payload),
        tls=tls,
        credentials=_credentials(entry, check_secrets),
        protocol=cast(MqttProtocol, _protocol(entry)),
        share=_share(entry),
        payload=payload,
        ca=files.get("ca"),
        certificate=files.get("certificate"),
        key=files.get("key"),
        usp=_usp(entry, payload),
    )


def _credentials(entry: Entry, check_secrets: CheckSecrets) -> dict[str, str]:
    given = entry.node("credentials")
    if given is None:
        return {}
    inner = Entry(given, f"credentials of {entry.what}", entry.file, entry.report, ("username", "password"))
    found = {key: text for key in ("username", "password") if (text := inner.text(key)) is not None}
    check_secrets(inner, found, ("username", "password"))
    return found


def _protocol(entry: Entry) -> str:
    """The MQTT version; `5` and `5.0` are read as numbers when they stand without quotes."""
    found = entry.node("protocol")
    if found is not None and found.value in (5, 5.0) and not isinstance(found.value, bool):
        return "5"
    return entry.choice("protocol", get_args(MqttProtocol), Broker.protocol) or Broker.protocol


def _share(entry: Entry) -> str | None:
    share = entry.text("share")
    if share is not None and any(c in share for c in "/+#"):
        entry.problem(
            entry.at("share"), f'{entry.what}: "share" is "{share}"', 'a group\'s name holds no "/", "+" or "#"'
        )
        return None
    return share


def _topic(entry: Entry, payload: str) -> str:
    topic = entry.text("topic", Broker.topic) or Broker.topic
    if payload == "usp" and "topic" not in entry:
        entry.problem(
            entry.line, f'{entry.what} lacks the key "topic"', "with payload: usp it is the controller's own topic"
        )
    elif payload == "usp" and any(c in topic for c in "+#"):
        remedy = 'agents answer to it, so it is one topic without "+" and "#", such as usp/controller/lightline'
        entry.problem(entry.at("topic"), f'{entry.what}: "topic" is "{topic}"', remedy)
    elif topic.startswith("$share/"):
        entry.problem(entry.at("topic"), f'{entry.what}: "topic" is "{topic}"', "name the group by share: NAME")
    elif not filter_is_right(topic):
        remedy = '"+" stands for one whole level, "#" for all that follow and only at the end'
        entry.problem(entry.at("topic"), f'{entry.what}: "topic" is "{topic}"', remedy)
    return topic


def filter_is_right(topic: str) -> bool:
    """Whether a topic filter is one (MQTT 5, 4.7.1): a broker closes the connection over one that is not."""
    levels = topic.split("/")
    whole = all(level == "+" or "+" not in level for level in levels)
    return whole and all("#" not in level for level in levels[:-1]) and (levels[-1] == "#" or "#" not in levels[-1])


def _files(entry: Entry, tls: bool) -> dict[str, str]:
    """`ca`, `certificate` and `key`: references to PEM files, read when the connection is made."""
    found: dict[str, str] = {}
    for name in FILES:
        text = entry.text(name)
        if text is None:
            continue
        if not text.startswith("file:") or len(text) == len("file:"):
            entry.problem(entry.at(name), f'{entry.what}: "{name}" is no reference', "write file:PATH of a PEM file")
            continue
        found[name] = text
        try:
            resolve(text)
        except SecretError as error:
            remedy = "needed when the collector starts"
            entry.problem(entry.at(name), f'{entry.what}: "{name}": {error}', remedy, warning=True)
        if name == "key" and open_to_others(text):
            entry.problem(entry.at(name), f"{text} can be read by everyone", "chmod 600 it", warning=True)
    if found and not tls:
        entry.problem(entry.at(next(iter(found))), f"{entry.what} has certificates and no TLS", "add tls: true")
    for one, other in (("certificate", "key"), ("key", "certificate")):
        if one in entry and other not in entry:
            entry.problem(entry.at(one), f'{entry.what} has "{one}" without "{other}"', f'add "{other}: file:PATH"')
    return found


def _usp(entry: Entry, payload: str) -> UspController | None:
    node = entry.node("usp")
    if node is None:
        if payload == "usp":
            entry.problem(entry.line, f'{entry.what} lacks the key "usp"', "add usp: {endpoint_id: self::lightline}")
        return None
    if payload != "usp":
        entry.problem(
            entry.at("usp"), f'{entry.what} has "usp" and another payload', "write payload: usp, or remove it"
        )
    inner = Entry(node, f"usp of {entry.what}", entry.file, entry.report, ("endpoint_id", "every_s", "gets_per_s"))
    inner.require("endpoint_id")
    endpoint = inner.text("endpoint_id", "") or ""
    scheme, _, rest = endpoint.partition(":")
    if "endpoint_id" in inner and not (
        scheme and rest.count(":") >= 1 and endpoint.isascii() and endpoint.isprintable()
    ):
        remedy = "an endpoint id is SCHEME:AUTHORITY:INSTANCE, such as self::lightline or oui:00256D:lightline"
        inner.problem(inner.at("endpoint_id"), f'{inner.what}: "endpoint_id" is "{endpoint}"', remedy)
    every: Any = inner.number("every_s", 300, 7 * 86400, UspController.every_s)
    rate: Any = inner.number("gets_per_s", 0.1, 1000, UspController.gets_per_s)
    return UspController(endpoint, float(every), float(rate))
