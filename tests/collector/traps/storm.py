"""A storm on loopback: `python -m tests.collector.traps.storm PORT COUNT SECONDS KINDS`.

The first trap says that ONU 1 is down, the last that it is up; between them KINDS different ones in turn, each with a
request id and an uptime of its own, as devices send them.
"""

import socket
import sys
import time

from tests.collector.traps.datagrams import change, state


def main(port: int, count: int, seconds: float, kinds: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", port))
        messages = [state(1, 3, request=1)]
        messages += [change("8.2", "8.1.0", 2 + n % kinds, 1, request=2 + n, uptime=1000 + n) for n in range(count - 2)]
        messages.append(state(1, 2, request=count))
        started = time.monotonic()
        for n, message in enumerate(messages):
            ahead = started + n * seconds / count - time.monotonic()
            if ahead > 0.002:
                time.sleep(ahead)
            s.send(message)
        print(f"{time.monotonic() - started:.2f}")


main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
