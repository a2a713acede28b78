"""HOST[:PORT] on the command line."""

import pytest

from lightline.address import parse_address
from lightline.problem import UserError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", 161)),
        ("olt-7.example:1161", ("olt-7.example", 1161)),
        ("[2001:db8::1]:1161", ("2001:db8::1", 1161)),
        ("2001:db8::1", ("2001:db8::1", 161)),
    ],
)
def test_an_address_may_carry_a_port(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text, 161) == expected


@pytest.mark.parametrize("text", ["", ":161", "host:", "host:0", "host:99999", "host:snmp", "[2001:db8::1", "[::1]161"])
def test_a_wrong_address_says_what_would_be_right(text: str) -> None:
    with pytest.raises(UserError, match=r"write|expected"):
        parse_address(text, 161)
