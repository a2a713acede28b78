"""`python -m bench ROOM [--quick] [--json]`: measure a part of the service and print ratios."""

import argparse
import importlib

from bench.result import print_results

ROOMS = ("collector", "store", "analyzer", "api", "maintenance", "learning", "console")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--quick", action="store_true", help="smaller sizes; ends within 45 s")
    parser.add_argument("--json", action="store_true", help="a JSON list instead of a table")
    given = parser.parse_args()
    measure = importlib.import_module(f"bench.{given.room}").measure
    print_results(measure(quick=given.quick), as_json=given.json)


if __name__ == "__main__":
    main()
