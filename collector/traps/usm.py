"""SNMPv3 for a receiver: who signed it, is it of now, what does it say, and the signed answers (RFC 3412, RFC 3414).

pysnmp has the message forms, the digests and the ciphers; the order of checks is here and not its engine's, because
keys belong to devices (the same user may have others elsewhere), an answer may have to wait for the disk, and traps
that were caught and sent again must be refused, which the engine does not do for senders with an engine of their own.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pysnmp.entity import config
from pysnmp.proto.api import v2c
from pysnmp.proto.error import StatusInformation
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.rfc1905 import InformRequestPDU, ReportPDU, SNMPv2TrapPDU
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel, UsmSecurityParameters

from collector.traps.decoding import Notification, read_pdu
from collector.traps.refusals import Refusal, RefusedError
from collector.traps.skim import MalformedError, strict

WINDOW_S = 150  # RFC 3414, 2.2.3
MOST_ENGINES = 20_000  # remembered; the oldest go
MOST_SIZE = 65_507  # bytes of a datagram
_AUTH, _PRIV, _REPORTABLE = 1, 2, 4
_USM = 3
_UNKNOWN_ENGINE = (1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0)  # usmStatsUnknownEngineIDs.0
_NOT_IN_WINDOW = (1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0)  # usmStatsNotInTimeWindows.0
_AUTHS = {
    "md5": config.USM_AUTH_HMAC96_MD5,
    "sha1": config.USM_AUTH_HMAC96_SHA,
    "sha224": config.USM_AUTH_HMAC128_SHA224,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha384": config.USM_AUTH_HMAC256_SHA384,
    "sha512": config.USM_AUTH_HMAC384_SHA512,
}
_PRIVS = {
    "des": config.USM_PRIV_CBC56_DES,
    "aes128": config.USM_PRIV_CFB128_AES,
    "aes192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "aes256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
}


@dataclass(frozen=True)
class Keys:
    """A user with its secrets; never logged (hence no repr). Without `auth_key` messages are taken unsigned."""

    user: str
    auth: str = "sha1"
    auth_key: str | None = field(default=None, repr=False)
    priv: str = "aes128"
    priv_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Opened:
    """A message that was let in; what is needed to answer it."""

    said: Notification
    keys: Keys
    message_id: int
    context: tuple[bytes, bytes]  # engine id and name
    pdu: Any


class Report(Exception):  # noqa: N818 - an answer, not an error: how a sender finds out our engine and its clock
    """Send `answer` back: the sender cannot know yet what its inform must carry."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("a report is due")
        self.answer = answer


class Usm:
    """Our engine, and what is remembered of others'. Not for several threads."""

    def __init__(self, engine_id: bytes, boots: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`boots`: how often this engine started; it must never be the same twice."""
        self.engine_id, self.boots = engine_id, boots
        self._clock, self._started = clock, clock()
        self._engines: OrderedDict[bytes, tuple[int, int, float]] = OrderedDict()  # boots, time, when heard
        self._masters: dict[tuple[str, str], Any] = {}
        self._localized: OrderedDict[tuple[Keys, bytes], tuple[Any, Any]] = OrderedDict()
        self._reports = 0

    def open(self, data: bytes, among: Sequence[Keys]) -> Opened:
        """The first of `among` that fits the user's name counts. Raises RefusedError, MalformedError, Report."""
        message, security = _decoded(data)
        header = message["msgGlobalData"]
        flags, engine = bytes(header["msgFlags"])[0], bytes(security["msgAuthoritativeEngineId"])
        if int(header["msgSecurityModel"]) != _USM:
            raise RefusedError(Refusal.NO_NOTIFICATION, "another security model than USM")
        message_id, reportable = int(header["msgID"]), bool(flags & _REPORTABLE)
        if reportable and engine != self.engine_id:
            raise Report(self._report(message_id, _UNKNOWN_ENGINE, None, bytes(security["msgUserName"])))
        user = bytes(security["msgUserName"])
        keys = next((k for k in among if k.user.encode() == user), None)
        if keys is None:
            raise RefusedError(Refusal.UNKNOWN_USER, f'user "{user.decode("utf-8", "replace")}" is not agreed on')
        if bool(keys.auth_key) > bool(flags & _AUTH) or bool(keys.priv_key) > bool(flags & _PRIV):
            raise RefusedError(Refusal.WRONG_LEVEL, f'user "{keys.user}" sends without the protection agreed on')
        if flags & _AUTH:
            self._authenticate(data, security, keys, engine)
            self._in_time(security, engine, reportable, message_id, keys)
        scoped = self._scoped(message, security, keys, engine, flags)
        pdu = scoped["data"].getComponent()
        if pdu.tagSet not in (SNMPv2TrapPDU.tagSet, InformRequestPDU.tagSet):
            raise RefusedError(Refusal.NO_NOTIFICATION, f"{type(pdu).__name__} is no notification")
        said = read_pdu(pdu)
        if said.confirmed != (engine == self.engine_id):
            raise RefusedError(Refusal.NO_NOTIFICATION, "a trap in our own engine's name, or an inform in another's")
        return Opened(said, keys, message_id, (bytes(scoped["contextEngineId"]), bytes(scoped["contextName"])), pdu)

    def acknowledgement(self, opened: Opened) -> bytes:
        """The answer to an inform, protected as it was."""
        answer = v2c.apiPDU.get_response(opened.pdu)
        v2c.apiPDU.set_varbinds(answer, v2c.apiPDU.get_varbinds(opened.pdu))
        return self._message(opened.message_id, answer, opened.context, opened.keys, opened.keys.user.encode())

    # -- incoming ----------------------------------------------------------------------------------------------------

    def _authenticate(self, data: bytes, security: Any, keys: Keys, engine: bytes) -> None:
        service = SnmpUSMSecurityModel.AUTH_SERVICES[_AUTHS[keys.auth]]
        if keys.auth_key is None:
            raise RefusedError(Refusal.WRONG_LEVEL, f'user "{keys.user}" signs, and no auth_key is agreed on')
        try:
            key, _ = self._keys(keys, engine)
            service.authenticate_incoming_message(key, security["msgAuthenticationParameters"], data)
        except RefusedError:
            raise
        except Exception:  # noqa: BLE001 - a digest of the wrong length or at no place is a wrong one
            what = f'the signature of user "{keys.user}" does not match; check auth and auth_key'
            raise RefusedError(Refusal.WRONG_KEY, what) from None

    def _in_time(self, security: Any, engine: bytes, reportable: bool, message_id: int, keys: Keys) -> None:
        boots, at = int(security["msgAuthoritativeEngineBoots"]), int(security["msgAuthoritativeEngineTime"])
        now = self._clock()
        if engine == self.engine_id:
            if boots != self.boots or abs(at - self._time()) > WINDOW_S:
                if reportable:
                    raise Report(self._report(message_id, _NOT_IN_WINDOW, keys, keys.user.encode()))
                raise RefusedError(Refusal.OUTSIDE_TIME_WINDOW, "a message of another time in our own engine's name")
            return
        known = self._engines.get(engine)
        if known is not None:
            expected = known[1] + (now - known[2])
            if boots < known[0] or (boots == known[0] and at < expected - WINDOW_S):
                what = (
                    f"start {boots}, second {at}, where start {known[0]}, second {expected:.0f} was due: a message sent"
                    " again, or a device that forgot how often it started (then restart the collector)"
                )
                raise RefusedError(Refusal.OUTSIDE_TIME_WINDOW, what)
        if known is None or (boots, at) > known[:2]:
            self._engines[engine] = (boots, at, now)
            self._engines.move_to_end(engine)
            while len(self._engines) > MOST_ENGINES:
                self._engines.popitem(last=False)

    def _scoped(self, message: Any, security: Any, keys: Keys, engine: bytes, flags: int) -> Any:
        said = message["msgData"]
        if not flags & _PRIV:
            if said.getName() != "plaintext":
                raise MalformedError("enciphered, and not said to be")
            return said.getComponent()
        if keys.priv_key is None or said.getName() != "encryptedPDU":
            raise RefusedError(Refusal.WRONG_LEVEL, f'user "{keys.user}" enciphers, and no priv_key is agreed on')
        clock = tuple(
            security[name]
            for name in ("msgAuthoritativeEngineBoots", "msgAuthoritativeEngineTime", "msgPrivacyParameters")
        )
        try:
            _, key = self._keys(keys, engine)
            service = SnmpUSMSecurityModel.PRIV_SERVICES[_PRIVS[keys.priv]]
            plain = service.decrypt_data(key, clock, said.getComponent())
            strict(plain)
            scoped, _ = decoder.decode(plain, asn1Spec=ScopedPDU())
        except Exception:  # noqa: BLE001 - deciphered with a wrong key it is noise
            what = f'what user "{keys.user}" sends cannot be deciphered; check priv and priv_key'
            raise RefusedError(Refusal.WRONG_KEY, what) from None
        return scoped

    # -- outgoing ----------------------------------------------------------------------------------------------------

    def _time(self) -> int:
        return int(self._clock() - self._started)

    def _report(self, message_id: int, counter: tuple[int, ...], keys: Keys | None, user: bytes) -> bytes:
        self._reports += 1
        pdu = ReportPDU()
        v2c.apiPDU.set_defaults(pdu)
        v2c.apiPDU.set_varbinds(pdu, [(v2c.ObjectIdentifier(counter), v2c.Counter32(self._reports))])
        signing = None if keys is None else Keys(keys.user, keys.auth, keys.auth_key)
        return self._message(message_id, pdu, (self.engine_id, b""), signing, user)

    def _message(
        self, message_id: int, pdu: Any, context: tuple[bytes, bytes], keys: Keys | None, user: bytes
    ) -> bytes:
        """A whole message; `keys` say how it is protected (None: not at all)."""
        auth_key, priv_key = (None, None) if keys is None else self._keys(keys, self.engine_id)
        scoped = ScopedPDU()
        scoped["contextEngineId"], scoped["contextName"] = context
        scoped["data"].setComponentByType(pdu.tagSet, pdu)
        flags, at = 0, self._time()
        message, security = SNMPv3Message(), UsmSecurityParameters()
        security["msgAuthoritativeEngineId"] = self.engine_id
        security["msgAuthoritativeEngineBoots"], security["msgAuthoritativeEngineTime"] = self.boots, at
        security["msgUserName"] = user
        security["msgAuthenticationParameters"] = security["msgPrivacyParameters"] = b""
        if keys is not None and auth_key is not None:
            flags |= _AUTH
            service = SnmpUSMSecurityModel.AUTH_SERVICES[_AUTHS[keys.auth]]
            security["msgAuthenticationParameters"] = b"\0" * service.digest_length
        if keys is not None and priv_key is not None:
            flags |= _PRIV
            cipher = SnmpUSMSecurityModel.PRIV_SERVICES[_PRIVS[keys.priv]]
            hidden, salt = cipher.encrypt_data(priv_key, (self.boots, at, None), encoder.encode(scoped))
            security["msgPrivacyParameters"] = salt
            message["msgData"]["encryptedPDU"] = hidden
        else:
            message["msgData"]["plaintext"] = scoped
        message["msgVersion"] = 3
        header = message["msgGlobalData"]
        header["msgID"], header["msgMaxSize"], header["msgSecurityModel"] = message_id, MOST_SIZE, _USM
        header["msgFlags"] = bytes((flags,))
        message["msgSecurityParameters"] = encoder.encode(security)
        whole: bytes = encoder.encode(message)
        return service.authenticate_outgoing_message(auth_key, whole) if flags & _AUTH else whole

    # -- keys --------------------------------------------------------------------------------------------------------

    def _keys(self, keys: Keys, engine: bytes) -> tuple[Any, Any]:
        """Keys for signing and enciphering at an engine; None where there is none."""
        found = self._localized.get((keys, engine))
        if found is None:
            found = self._made(keys, engine)
            self._localized[keys, engine] = found
            while len(self._localized) > MOST_ENGINES:
                self._localized.popitem(last=False)
        return found

    def _made(self, keys: Keys, engine: bytes) -> tuple[Any, Any]:
        if keys.auth_key is None:
            return None, None
        at = v2c.OctetString(engine)
        auth = SnmpUSMSecurityModel.AUTH_SERVICES[_AUTHS[keys.auth]]
        signing = auth.localize_key(self._master(keys.auth, keys.auth_key), at)
        if keys.priv_key is None:
            return signing, None
        priv = SnmpUSMSecurityModel.PRIV_SERVICES[_PRIVS[keys.priv]]
        return signing, priv.localize_key(_AUTHS[keys.auth], self._master(keys.auth, keys.priv_key), at)

    def _master(self, auth: str, phrase: str) -> Any:
        """A megabyte is hashed for it (RFC 3414, A.2): made once a passphrase."""
        made = self._masters.get((auth, phrase))
        if made is None:
            service = SnmpUSMSecurityModel.AUTH_SERVICES[_AUTHS[auth]]
            made = self._masters[auth, phrase] = service.hash_passphrase(v2c.OctetString(phrase.encode()))
        return made


def _decoded(data: bytes) -> tuple[Any, Any]:
    """Message and security parameters. Raises MalformedError."""
    strict(data)
    try:
        message, _ = decoder.decode(data, asn1Spec=SNMPv3Message())
        security, _ = decoder.decode(bytes(message["msgSecurityParameters"]), asn1Spec=UsmSecurityParameters())
        _ = message["msgData"].getComponent(), security["msgPrivacyParameters"]
    except StatusInformation as error:
        raise MalformedError(str(error)[:160]) from None
    except Exception as error:  # noqa: BLE001 - whatever pysnmp makes of garbage, it is garbage
        raise MalformedError(f"no readable v3 message: {' '.join(str(error).split())[:120]}") from None
    return message, security
