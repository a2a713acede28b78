"""The socket: datagrams taken as they come, drops of the kernel counted, and what is wrong with a port in words."""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

BUFFER = 8 << 20  # bytes the kernel may hold while we are busy: about ten thousand notifications
AT_ONCE = 256  # datagrams taken before others get their turn
_FORCE = 33  # SO_RCVBUFFORCE (Linux): beyond net.core.rmem_max, for those who may
_DROPS = 40  # SO_RXQ_OVFL (Linux): how many datagrams found the buffer full
_LARGEST = 65_536

Address = tuple[object, ...]
Taken = Callable[[bytes, tuple[object, ...]], None]


class Listening:
    """A bound UDP socket that hands each datagram to `taken`."""

    def __init__(self, host: str, port: int, taken: Taken) -> None:
        """Bind. Raises OSError; `trouble` says it in words."""
        self._taken = taken
        self.dropped = 0  # by the kernel, since the socket was opened
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, kind, proto)
        try:
            self._socket.setblocking(False)
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, _FORCE, BUFFER)
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, _DROPS, 1)
            self._socket.bind(address)
            asyncio.get_running_loop().add_reader(self._socket, self._readable)
        except OSError:
            self._socket.close()
            raise

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            try:
                data, more, _, address = self._socket.recvmsg(_LARGEST, 64)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # such as the network's word that a sender of ours is gone: nothing to be read
                return
            if more:
                self._count_drops(more)
            self._taken(data, address)

    def _count_drops(self, more: list[tuple[int, int, bytes]]) -> None:
        for level, kind, value in more:
            if level == socket.SOL_SOCKET and kind == _DROPS and len(value) >= 4:
                self.dropped = struct.unpack("=I", value[:4])[0]

    def send(self, data: bytes, address: Address) -> bool:
        """An answer; False where it cannot be sent now (the sender will ask again)."""
        try:
            self._socket.sendto(data, address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


def trouble(error: OSError, host: str, port: int) -> str:
    """Why the port cannot be used, and what to do about it."""
    where = f"UDP port {port} on {host}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{where} needs a right this process does not have: give it CAP_NET_BIND_SERVICE (systemd:"
            " AmbientCapabilities=CAP_NET_BIND_SERVICE), or listen on a port above 1023 and send traps there"
        )
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken by another program (snmptrapd?): stop that, or listen on another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine does not have the address; write 0.0.0.0 or :: for all of its own"
    return f"{where}: {error.strerror or error}"
