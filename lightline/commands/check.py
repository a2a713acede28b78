"""`lightline check`: validate the inventory and the rules, with file:line and a remedy for each error."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lightline.commands import options
from lightline.settings import load_settings


def check(
    inventory: Annotated[Path | None, typer.Argument(metavar="[DEVICES.YAML]", help="The inventory to check.")] = None,
    as_json: options.Json = False,
) -> None:
    """Validate devices.yaml, its lines files and the folder of rules. Exit code 2 on errors."""
    from collector.profile import load_profiles
    from collector.traps.own_rules import with_own_rules
    from maintenance.rules_checking import examine_rules
    from plant.checking import examine

    settings = load_settings()
    path = inventory or settings.inventory
    profiles = load_profiles()
    made, problems = examine(path, profiles.keys())
    if settings.rules is not None:
        problems = [*problems, *examine_rules(settings.rules)]
    rules = () if made is None else (name for listener in made.traps for name in listener.rules)
    wrong = with_own_rules(profiles, rules)[1]
    errors = sum(p.severity == "error" for p in problems)
    warnings = len(problems) - errors
    errors += len(wrong)
    if as_json:
        from lightline.output import print_json

        said: list[dict[str, object]] = [
            {"file": p.file, "line": p.line, "severity": p.severity, "message": p.message, "remedy": p.remedy}
            for p in problems
        ]
        said += [{"severity": "error", "message": text} for text in wrong]
        print_json({"file": str(path), "errors": errors, "warnings": warnings, "problems": said})
    else:
        for problem in [*problems, *wrong]:
            print(problem, file=sys.stdout)
    if errors:
        print(f"{path}: {errors} errors, {warnings} warnings", file=sys.stderr)
        raise typer.Exit(2)
    print(f"{path}: no errors, {warnings} warnings", file=sys.stderr)
