"""Brokers in the inventory: what they may say, and each mistake named with its line and remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plant.brokers import filter_is_right
from plant.checking import check_inventory, examine
from plant.inventory import UspController

Write = Callable[..., Path]
PLAIN = "  - {id: home, host: 127.0.0.1}\n"
LINE = 27  # where the broker stands in the inventory


def test_a_broker_with_everything(write: Write, tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("-----BEGIN-----\n")
        (tmp_path / name).chmod(0o600)
    text = (
        "  - {id: agents, host: 127.0.0.1, tls: true, protocol: 5, share: north, payload: usp, topic: usp/controller, "
        f"ca: 'file:{tmp_path}/ca.pem', certificate: 'file:{tmp_path}/cert.pem', key: 'file:{tmp_path}/key.pem', "
        "usp: {endpoint_id: 'self::lightline', every_s: 1800, gets_per_s: 5}}\n"
    )
    inventory, problems = examine(write(PLAIN, text))
    assert problems == []
    assert inventory is not None
    (broker,) = inventory.brokers
    assert (broker.port, broker.protocol, broker.share, broker.payload) == (8883, "5", "north", "usp")
    assert broker.ca == f"file:{tmp_path}/ca.pem"
    assert broker.usp == UspController("self::lightline", 1800.0, 5.0)


@pytest.mark.parametrize(("given", "protocol"), [("5", "5"), ("5.0", "5"), ('"5"', "5"), ("3.1.1", "3.1.1")])
def test_the_protocol_may_stand_without_quotes(write: Write, given: str, protocol: str) -> None:
    inventory, problems = examine(write(PLAIN, f"  - {{id: home, host: 127.0.0.1, protocol: {given}}}\n"))
    assert problems == []
    assert inventory is not None
    assert inventory.brokers[0].protocol == protocol


@pytest.mark.parametrize(
    ("keys", "message", "remedy"),
    [
        ("protocol: 4", '"protocol" is "4"', "3.1.1, 5"),
        ("payload: tr069", '"payload" is "tr069"', "auto, lightline, tr181, usp"),
        ("share: a/b", '"share" is "a/b"', "holds no"),
        ("topic: a/#/b", '"topic" is "a/#/b"', "only at the end"),
        ("topic: $share/g/a", '"topic" is "$share/g/a"', "share: NAME"),
        ("tls: true, ca: /etc/ca.pem", '"ca" is no reference', "file:PATH"),
        ("tls: true, key: 'file:k.pem'", 'has "key" without "certificate"', "certificate: file:PATH"),
        ("ca: 'file:c.pem'", "certificates and no TLS", "tls: true"),
        ("payload: usp, usp: {endpoint_id: 'self::x'}", 'lacks the key "topic"', "controller's own topic"),
        ("payload: usp, topic: a/+, usp: {endpoint_id: 'self::x'}", '"topic" is "a/+"', "one topic"),
        ("payload: usp, topic: a", 'lacks the key "usp"', "endpoint_id"),
        ("topic: a, usp: {endpoint_id: 'self::x'}", "another payload", "payload: usp"),
        ("payload: usp, topic: a, usp: {endpoint_id: lightline}", '"endpoint_id" is "lightline"', "self::lightline"),
        ("payload: usp, topic: a, usp: {endpoint_id: 'self::x', every_s: 5}", '"every_s" is 5', "300 to 604800"),
        ("credentials: {username: bob}", "written in clear", "env:NAME"),
    ],
)
def test_each_mistake_is_named_with_its_line_and_its_remedy(write: Write, keys: str, message: str, remedy: str) -> None:
    problems = check_inventory(write(PLAIN, f"  - {{id: home, host: 127.0.0.1, {keys}}}\n"))
    found = [p for p in problems if message in p.message and p.severity == "error"]
    assert found, [str(p) for p in problems]
    assert found[0].line == LINE
    assert remedy in found[0].remedy


def test_a_certificate_that_is_not_there_yet_is_a_warning(write: Write) -> None:
    problems = check_inventory(write(PLAIN, "  - {id: home, host: 127.0.0.1, tls: true, ca: 'file:/nowhere/ca.pem'}\n"))
    assert [p.severity for p in problems] == ["warning"]
    assert "/nowhere/ca.pem" in problems[0].message


@pytest.mark.parametrize(
    ("topic", "right"),
    [("a/+/b", True), ("a/#", True), ("#", True), ("+", True), ("a+/b", False), ("a/b#", False), ("#/a", False)],
)
def test_a_topic_filter(topic: str, right: bool) -> None:
    assert filter_is_right(topic) is right
