"""One device over SNMP: credentials, a socket, and single requests with what can go wrong spelled out.

gufo-snmp's core encodes, sends and decodes; waiting, retries and walks are ours (collector/snmp/walk.py).
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    BaseAuthKey,
    BasePrivKey,
    DesKey,
    Md5Key,
    NoSuchInstance,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpDecodeError,
    SnmpError,
    SnmpVersion,
    User,
)
from gufo.snmp._fast import GetIter
from gufo.snmp.aio import SnmpSession

from plant.inventory import Device
from plant.secrets import resolve

Value = int | float | str | bytes | None
Pair = tuple[str, Value]
T = TypeVar("T")

_AUTH: dict[str, type[BaseAuthKey]] = {
    "md5": Md5Key, "sha1": Sha1Key, "sha224": Sha224Key,
    "sha256": Sha256Key, "sha384": Sha384Key, "sha512": Sha512Key,
}  # fmt: skip
_PRIV: dict[str, type[BasePrivKey]] = {"des": DesKey, "aes128": Aes128Key, "aes192": Aes192Key, "aes256": Aes256Key}
_VERSIONS = {"1": SnmpVersion.v1, "2c": SnmpVersion.v2c, "3": SnmpVersion.v3}
_ROOT = "1.3"
_RECEIVE_BUFFER = 1 << 18  # bytes: an answer and a late one beside it


class SilentError(TimeoutError):
    """Nothing came back in time."""


class RefusedError(SilentError):
    """Nobody listens at the port, or the host cannot be found or reached."""


class GarbledError(RuntimeError):
    """What came back is no SNMP answer."""


class CredentialsError(RuntimeError):
    """The device answers, but not to these credentials."""


@dataclass(frozen=True)
class Credentials:
    """Secrets in the clear, for as long as a session lives; never logged (hence no repr)."""

    community: str = field(default="public", repr=False)
    user: str | None = None
    auth: str = "sha1"
    auth_key: str | None = field(default=None, repr=False)
    priv: str = "aes128"
    priv_key: str | None = field(default=None, repr=False)


def resolve_credentials(device: Device) -> Credentials:
    """What the inventory refers to, read now. Raises plant.secrets.SecretError."""
    said = device.credentials
    secret = {key: resolve(said[key]) for key in ("community", "auth_key", "priv_key") if key in said}
    return Credentials(
        community=secret.get("community", "public"),
        user=said.get("user"),
        auth=said.get("auth", "sha1"),
        auth_key=secret.get("auth_key"),
        priv=said.get("priv", "aes128"),
        priv_key=secret.get("priv_key"),
    )


class Session(SnmpSession):
    """A connected socket to one device: answers from other addresses never reach it, late ones are told by their id.

    Must be closed: while it is open the event loop watches the socket.
    """

    def __init__(self, address: str, device: Device, credentials: Credentials, timeout_s: float) -> None:
        super().__init__(
            address,
            device.port,
            community=credentials.community,
            user=_user(credentials) if device.version == "3" else None,
            version=_VERSIONS[device.version],
            timeout=timeout_s,
            recv_buffer=_RECEIVE_BUFFER,
        )
        self.bulk_works = device.version != "1"
        self._watched = False
        self._take: Callable[[], None] | None = None  # what to do with a datagram; None: nobody waits for one
        self._expire: Callable[[], None] | None = None  # whom to tell that nothing came in time
        self._deadline = 0.0  # of the answer, on the loop's clock
        self._timer: asyncio.TimerHandle | None = None
        self._within = ("", GetIter(_ROOT))

    def close(self) -> None:
        """End watching the socket; it goes with the session."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._watched = False

    def _expected(self, within: str) -> GetIter:
        if self._within[0] != within:
            self._within = within, GetIter(within)
        return self._within[1]

    async def bulk(self, after: str, within: str, repetitions: int) -> list[Pair | None] | None:
        """Instances after an OID; None in the list where the subtree ends.

        A None instead of the list: no instance came, be it the end of the view or an answer that holds nothing.
        """
        asked, expected = GetIter(after, repetitions), self._expected(within)

        def receive() -> list[Pair | None] | None:
            return _or_none(lambda: self._sock.recv_get_bulk(expected))

        return await self._request(lambda: self._sock.send_get_bulk(asked), receive)

    async def next(self, after: str, within: str = _ROOT) -> Pair | None:
        """The instance after an OID; None at the end of the subtree or the view."""
        asked, expected = GetIter(after), GetIter(within)

        def receive() -> Pair | None:
            return _or_none(lambda: self._sock.recv_get_next(expected))

        return await self._request(lambda: self._sock.send_get_next(asked), receive)

    async def get_scalars(self, oids: Sequence[str]) -> dict[str, Value]:
        """Values of several instances; those the device does not have are left out."""
        names = list(oids)
        return (
            await self._request(lambda: self._sock.send_get_many(names), lambda: _or_none(self._sock.recv_get_many))
            or {}
        )

    async def _request(self, send: Callable[[], None], receive: Callable[[], T]) -> T:
        """Send, wait, decode. Raises SilentError, RefusedError, GarbledError, CredentialsError."""
        try:
            await self._send(send)
            return await self._answer(receive)
        except SnmpAuthError as error:
            raise CredentialsError("the credentials do not fit") from error
        except SnmpDecodeError as error:
            raise GarbledError(f"the answer cannot be decoded: {error}") from error
        except SnmpError as error:
            raise GarbledError(f"the answer is not one: {error}") from error
        except SilentError:
            raise
        except OSError as error:  # gufo tells of a closed port as a TimeoutError, which is one
            raise RefusedError(str(error) or type(error).__name__) from error

    async def _answer(self, receive: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[T] = loop.create_future()

        def take() -> None:
            if arrived.done():
                return
            try:
                arrived.set_result(receive())
            except BlockingIOError:  # a late answer to an earlier request
                return
            except Exception as error:  # noqa: BLE001 - whoever waits gets it
                arrived.set_exception(error)
            except BaseException as error:  # noqa: BLE001 - as above
                arrived.set_exception(_garbled(error))

        def expire() -> None:
            if not arrived.done():
                arrived.set_exception(SilentError())

        if not self._watched:
            loop.add_reader(self._fd, self._readable)
            self._watched = True
        self._deadline = loop.time() + self._timeout
        if self._timer is None:
            self._timer = loop.call_at(self._deadline, self._look_at_clock)
        self._take, self._expire = take, expire
        try:
            return await arrived
        finally:
            self._take = self._expire = None

    def _look_at_clock(self) -> None:
        """One timer a session rather than one a request: it goes on to the deadline of whatever is awaited by then."""
        loop = asyncio.get_running_loop()
        self._timer = None
        if self._expire is None:
            return
        if loop.time() < self._deadline:
            self._timer = loop.call_at(self._deadline, self._look_at_clock)
        else:
            self._expire()

    def _readable(self) -> None:
        if self._take is not None:
            self._take()
            return
        try:  # nobody waits: whatever it is, it is dropped
            with contextlib.suppress(Exception):
                self._sock.recv_get_bulk(GetIter(_ROOT))
        except BaseException as error:  # noqa: BLE001 - as above
            _garbled(error)


def _garbled(error: BaseException) -> GarbledError:
    """What gufo's core raises where a datagram breaks its decoder, a Rust panic, is no Exception. Raises all others."""
    if type(error).__name__ != "PanicException":
        raise error
    return GarbledError(f"the answer breaks the decoder: {error}")


def _or_none(receive: Callable[[], T]) -> T | None:
    try:
        return receive()
    except (StopAsyncIteration, NoSuchInstance):
        return None


def _user(credentials: Credentials) -> User:
    if not credentials.user:
        raise CredentialsError("SNMP version 3 needs a user")
    auth = _AUTH[credentials.auth](credentials.auth_key.encode()) if credentials.auth_key else None
    priv = _PRIV[credentials.priv](credentials.priv_key.encode()) if credentials.priv_key else None
    if priv is not None and auth is None:
        raise CredentialsError("a privacy key needs an authentication key beside it")
    return User(credentials.user, auth_key=auth, priv_key=priv)


async def open_session(device: Device, credentials: Credentials, timeout_s: float) -> Session:
    """A session ready for requests; version 3 asks the device for its engine and clock first.

    Raises SilentError, RefusedError (also for names that do not resolve), CredentialsError.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(device.host, device.port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise RefusedError(f'"{device.host}" does not resolve to an address: {error.strerror or error}') from error
    session = Session(str(found[0][4][0]), device, credentials, timeout_s)
    if device.version == "3":
        try:
            await session.refresh()
        except SnmpAuthError as error:
            raise CredentialsError("the user or the authentication key does not fit") from error
        except TimeoutError as error:
            raise (RefusedError if str(error) else SilentError)(str(error)) from None
        except SnmpError as error:
            raise GarbledError(f"the answer is not one: {error}") from error
        except BaseException as error:  # also a cancellation, which is raised again
            raise _garbled(error) from error
    return session
