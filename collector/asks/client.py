"""How another process asks the running collector for one line, or for a device's states."""

import asyncio
import socket
from pathlib import Path

from collector.asks.answer import LineAnswer, read_answer, request_line
from collector.asks.looking import DeviceLook, look_request, read_look
from collector.asks.meeting import address_of

_LARGEST = 1 << 20  # octets of an answer


class CollectorAwayError(RuntimeError):
    """No collector answers at the data folder's socket."""


async def ask_collector(path: Path, line_id: str, timeout_s: float = 60.0) -> LineAnswer:
    """Ask for one line. Raises CollectorAwayError, TimeoutError, ValueError (an answer that is none)."""
    return read_answer(await _answer(path, request_line(line_id), timeout_s))


async def look_at_device(path: Path, device_id: str, timeout_s: float = 10.0) -> DeviceLook:
    """Have a device's states read now. Raises as `ask_collector`."""
    return read_look(await _answer(path, look_request(device_id), timeout_s))


async def _answer(path: Path, request: bytes, timeout_s: float) -> bytes:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        with address_of(path) as address:
            await loop.sock_connect(connection, address)
    except (FileNotFoundError, ConnectionError) as error:
        connection.close()
        raise CollectorAwayError(
            f"no collector runs on {path.parent}; start it with `lightline collect` or `lightline run`"
        ) from error
    except OSError as error:
        connection.close()
        raise CollectorAwayError(f"the collector on {path.parent} cannot be reached: {error}") from error
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_LARGEST)
    try:
        async with asyncio.timeout(timeout_s):
            writer.write(request)
            await writer.drain()
            line = await reader.readline()
    except ConnectionError:
        line = b""
    finally:
        writer.close()
    if not line:
        raise CollectorAwayError(f"the collector on {path.parent} ended before it answered")
    return line
