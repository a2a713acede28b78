"""What the console is built from is what the API describes, and names no place to load packages from."""

import json

from dashboards.describe import DESCRIPTION, description
from tests.console.conftest import CONSOLE


def test_the_committed_description_is_that_of_the_application() -> None:
    assert DESCRIPTION.read_text(encoding="utf-8") == description(), "run: python -m dashboards.describe, and commit"


def test_the_lock_names_no_host_and_checks_every_package() -> None:
    lock = json.loads((CONSOLE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []
