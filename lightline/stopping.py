"""When a long-running command should end: Ctrl-C, SIGTERM, or the supervisor's going away."""

import asyncio
import os
import signal
import sys

SUPERVISED = "LIGHTLINE_SUPERVISED"


def stop_event() -> asyncio.Event:
    """An event set on SIGINT or SIGTERM and, for a supervised process, when standard input closes.

    The supervisor holds the other end of standard input: should it be killed, its parts see the end of the file and
    stop too, so no process is left behind. Call from a running loop.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if os.environ.get(SUPERVISED) == "1":

        def watch() -> None:
            if not os.read(sys.stdin.fileno(), 1024):
                loop.remove_reader(sys.stdin.fileno())
                stop.set()

        loop.add_reader(sys.stdin.fileno(), watch)
    return stop


async def wait(stop: asyncio.Event, seconds: float) -> bool:
    """Sleep for `seconds` or until `stop`; True when it is time to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
