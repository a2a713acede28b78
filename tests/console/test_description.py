"""What the console is built from is what the API describes, and names no place to load packages from."""

import json
import re

import pytest

from dashboards.describe import DESCRIPTION, description
from tests.console.conftest import CONSOLE


def test_the_committed_description_is_that_of_the_application() -> None:
    assert DESCRIPTION.read_text(encoding="utf-8") == description(), "run: python -m dashboards.describe, and commit"


def enumerated(schema: str, member: str) -> set[str]:
    """The words a member of an answer may have, as the description lists them."""
    described = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["components"]["schemas"]
    told = described[schema]["properties"][member]
    forms = [told, *told.get("anyOf", []), told.get("items", {})]
    return {word for form in forms for word in form.get("enum", [])}


@pytest.mark.parametrize(
    ("schema", "member", "names"),
    [
        ("LineRow", "state", "lineStates"),
        ("LineRow", "good", "goods"),
        ("Reading", "reason", "missing"),
        ("TicketRow", "state", "ticketStates"),
        ("TicketRow", "kind", "ticketKinds"),
        ("TicketRow", "party", "parties"),
        ("FindingBody", "cause", "causes"),
        ("DeviceRow", "state", "deviceStates"),
        ("DeviceRow", "kind", "deviceKinds"),
        ("Part", "state", "partStates"),
        ("SessionPage", "role", "roles"),
        ("Crumb", "level", "levels"),
    ],
)
def test_every_word_of_the_api_has_a_name_in_both_languages(schema: str, member: str, names: str) -> None:
    terms = (CONSOLE / "src" / "lib" / "terms.ts").read_text(encoding="utf-8")
    found = re.search(rf"export const {names}: .*?\n}};", terms, re.S)
    assert found is not None
    words = enumerated(schema, member)
    assert words
    assert words <= set(re.findall(r"^  (\w+): ", found.group(), re.M))


def test_the_lock_names_no_host_and_checks_every_package() -> None:
    lock = json.loads((CONSOLE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []
