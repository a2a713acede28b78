"""`lightline check`: validate the inventory, with file:line and a remedy for each error."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lightline.settings import load_settings


def check(
    inventory: Annotated[Path | None, typer.Argument(metavar="[DEVICES.YAML]", help="The inventory to check.")] = None,
) -> None:
    """Validate devices.yaml and its lines files; exit code 2 on errors."""
    from collector.profile import load_profiles
    from collector.traps.own_rules import with_own_rules
    from plant.checking import examine

    path = inventory or load_settings().inventory
    profiles = load_profiles()
    made, problems = examine(path, profiles.keys())
    rules = () if made is None else (name for listener in made.traps for name in listener.rules)
    wrong = with_own_rules(profiles, rules)[1]
    for problem in [*problems, *wrong]:
        print(problem, file=sys.stdout)
    errors = sum(p.severity == "error" for p in problems)
    warnings = len(problems) - errors
    errors += len(wrong)
    if errors:
        print(f"{path}: {errors} errors, {warnings} warnings", file=sys.stderr)
        raise typer.Exit(2)
    print(f"{path}: no errors, {warnings} warnings", file=sys.stderr)
