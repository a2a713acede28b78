"""Trap listeners in the inventory, and devices whose traps come from elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plant.checking import check_inventory, examine
from plant.inventory import TrapListener

Write = Callable[..., Path]
BEFORE = "lines: [lines.csv]\n"
LINE = 29  # where the first listener stands
DEVICE = "    host: 192.0.2.2\n"


def with_listeners(*listeners: str) -> str:
    return "traps:\n" + "".join(f"  - {one}\n" for one in listeners) + BEFORE


def test_listeners_and_where_traps_come_from(write: Write) -> None:
    inventory, problems = examine(
        write(BEFORE, with_listeners("{id: plain, host: 0.0.0.0}", "{id: high, host: '::', port: 1162}"))
    )
    assert problems == []
    assert inventory is not None
    assert inventory.traps == (TrapListener("plain", "0.0.0.0", 162), TrapListener("high", "::", 1162))
    place = f"{DEVICE}    trap_address: [198.51.100.7, olt2.example]\n    engine_id: '0x80:00:1F:88:04:61:62'\n"
    inventory, problems = examine(write(DEVICE, place))
    assert problems == []
    assert inventory is not None
    device = inventory.devices["GZ-OLT-02"]
    assert device.trap_address == ("198.51.100.7", "olt2.example")
    assert device.engine_id == "80001f88046162"


@pytest.mark.parametrize(
    ("listener", "line", "message", "remedy"),
    [
        ("{id: a, port: 162}", LINE, 'lacks the key "host"', 'add "host:"'),
        ("{id: a, host: 0.0.0.0, port: 0}", LINE, '"port" is 0', "1 to 65535"),
        ("{id: a, host: 0.0.0.0, comunity: x}", LINE, 'unknown key "comunity"', "known keys"),
        ("{id: a, host: 0.0.0.0, credentials: {community: public}}", LINE, "written in clear", "env:NAME"),
        ("{id: a, host: 0.0.0.0, credentials: {auth: sha256}}", LINE, 'lacks the key "auth_key"', "auth_key"),
        ("{id: a, host: 0.0.0.0, credentials: {user: u, priv: aes}}", LINE, '"priv" is "aes"', "aes128"),
        ("{id: a, host: 0.0.0.0, rules: [huawei.yaml]}", LINE, "huawei.yaml does not exist", "relative to this file"),
        ("{id: a, host: 0.0.0.0, credentials: {}}", LINE, "nobody could show", "leave credentials out"),
        ("{id: a, host: '::'}\n  - {id: a, host: 0.0.0.0}", LINE + 1, 'listener "a" is also in line 29', "its own id"),
        ("{id: a, host: '::'}\n  - {id: b, host: '::'}", LINE + 1, "that of the listener in line 29", "keep one"),
    ],
)
def test_each_mistake_is_named(write: Write, listener: str, line: int, message: str, remedy: str) -> None:
    problems = check_inventory(write(BEFORE, with_listeners(listener)))
    found = [p for p in problems if message in p.message]
    assert found, [str(p) for p in problems]
    assert found[0].line == line
    assert remedy in found[0].remedy


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("trap_address: 192.0.2.9:162", '"trap_address" holds "192.0.2.9:162"'),
        ("trap_address: {a: b}", '"trap_address" should be a text'),
        ("engine_id: '80-00'", '"engine_id" is "80-00"'),
        ("engine_id: 'olt two of area panyu'", '"engine_id" is'),
    ],
)
def test_a_devices_own_mistakes(write: Write, key: str, message: str) -> None:
    problems = check_inventory(write(DEVICE, f"{DEVICE}    {key}\n"))
    assert any(message in p.message and p.line == 21 for p in problems), [str(p) for p in problems]


def test_an_engine_id_belongs_to_one_device(write: Write) -> None:
    one = "    engine_id: '8000000001020304'\n"
    path = write("    host: 192.0.2.1\n", f"    host: 192.0.2.1\n{one}")
    path.write_text(path.read_text("utf-8").replace(DEVICE, DEVICE + one), "utf-8")
    assert any("engine id is also that of the device in line 15" in p.message for p in check_inventory(path))
