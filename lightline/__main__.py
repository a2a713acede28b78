"""The `lightline` command, also as `python -m lightline`."""

import sys


def run() -> None:
    """Ctrl-C at any moment, also while the modules are being read, ends it without a traceback."""
    try:
        from lightline.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
