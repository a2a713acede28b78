"""The collector's side of the socket: one request a connection, one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from collector.asks.answer import LineAnswer, answer_line, line_asked_for
from collector.asks.looking import DeviceLook, device_looked_for, look_line
from collector.asks.meeting import listening

log = structlog.get_logger(__name__)

_REQUEST_S = 5.0  # for a request to come
_LARGEST = 4096  # octets of it


class AskServer:
    """Serves `answer` (for lines) and `look` (for devices) at the socket `path` until stopped."""

    def __init__(
        self,
        path: Path,
        answer: Callable[[str], Awaitable[LineAnswer]],
        look: Callable[[str], DeviceLook] = lambda device: DeviceLook("unknown_device", device),
    ) -> None:
        self._path, self._answer, self._look = path, answer, look

    async def run(self, stop: asyncio.Event) -> None:
        """Returns at once, with a word in the log, where the system has no such sockets or the path fits none."""
        try:
            made = listening(self._path)
        except (OSError, AttributeError) as error:
            log.error("lines cannot be asked for by themselves", path=str(self._path), why=str(error))
            return
        server = await asyncio.start_unix_server(self._serve, sock=made, limit=_LARGEST)
        try:
            await stop.wait()
        finally:
            server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_S):
                request = await reader.readline()
            writer.write(await self._told(request))
            await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):  # who asked went away, or sent a line without end
            pass
        finally:
            writer.close()

    async def _told(self, request: bytes) -> bytes:
        try:
            if (device := device_looked_for(request)) is not None:
                return look_line(self._look(device))
            line_id = line_asked_for(request)
        except ValueError as error:
            return answer_line(LineAnswer("failed", "", str(error)))
        return answer_line(await self._answer(line_id))
