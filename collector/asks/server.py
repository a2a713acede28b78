"""The collector's side of the socket: one request a connection, one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from collector.asks.answer import LineAnswer, answer_line, line_asked_for
from collector.asks.meeting import listening

log = structlog.get_logger(__name__)

_REQUEST_S = 5.0  # for a request to come
_LARGEST = 4096  # octets of it


class AskServer:
    """Serves `answer` at the socket `path` until stopped."""

    def __init__(self, path: Path, answer: Callable[[str], Awaitable[LineAnswer]]) -> None:
        self._path, self._answer = path, answer

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
            try:
                line_id = line_asked_for(request)
            except ValueError as error:
                answer = LineAnswer("failed", "", str(error))
            else:
                answer = await self._answer(line_id)
            writer.write(answer_line(answer))
            await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):  # who asked went away, or sent a line without end
            pass
        finally:
            writer.close()
