"""A webhook reaches the public, this machine and what is allowed; nothing else that only this service can see."""

import pytest

from maintenance.hooks.addresses import ForbiddenAddressError, target
from maintenance.rules import Rules

RULES = Rules.load().hooks


def to(url: str, *addresses: str, allow: tuple[str, ...] = ()) -> str:
    rules = RULES.model_copy(update={"allow": allow})
    return target(url, rules, lambda *_: addresses).address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://hooks.example/", "93.184.215.14"),
        ("https://hooks.example:8443/x", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"),
        ("http://127.0.0.1:9000/", "127.0.0.1"),
        ("http://localhost/", "::1"),
    ],
)
def test_public_receivers_and_this_machine_are_told(url: str, address: str) -> None:
    assert to(url, address) == address


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "fd00::1",
        "fe80::1", "::ffff:10.0.0.1", "255.255.255.255", "ff02::1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused_unless_it_is_allowed(address: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="allow"):
        to("https://inside.example/", address)
    assert to("http://inside.example/", address, allow=("inside.example",)) == address


def test_networks_can_be_allowed_and_only_they_are() -> None:
    assert to("http://oss.example/", "10.20.3.4", allow=("10.20.0.0/16",)) == "10.20.3.4"
    with pytest.raises(ForbiddenAddressError):
        to("http://oss.example/", "10.21.3.4", allow=("10.20.0.0/16", "fd00::/8", "other.example"))


def test_a_name_with_one_address_inside_is_refused() -> None:
    with pytest.raises(ForbiddenAddressError):
        to("https://mixed.example/", "93.184.215.14", "10.0.0.1")


def test_the_public_is_told_over_tls_only() -> None:
    with pytest.raises(ForbiddenAddressError, match="https"):
        to("http://hooks.example/", "93.184.215.14")


def test_odd_ways_to_write_an_address_are_judged_by_what_they_lead_to() -> None:
    with pytest.raises(ForbiddenAddressError):
        target("http://0/", RULES, lambda *_: ["0.0.0.0"])
    assert target("http://2130706433/", RULES).address == "127.0.0.1"  # as every resolver reads it
