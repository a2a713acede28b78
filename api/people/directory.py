"""Sign-in with the operator's directory: OpenID Connect, authorization code with PKCE.

Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (the issuer in the answer), RFC 9700
(best practice). We are the client; nothing of the directory is kept but who somebody is.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import jwt

from api.people.moments import digest
from api.roles import Role

# What a provider may sign with: public keys only, so that nobody passes its public key off as a shared one.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
LASTS = timedelta(minutes=10)  # from the button to the way back
KEPT = 1000  # sign-ins under way
LEEWAY_S = 60  # clocks differ
WAIT_S = 10.0
DISCOVERY_AGE = timedelta(hours=1)
KEYS_AGE = timedelta(minutes=1)  # a key that is not known is looked for once a minute at most
LARGEST = 1 << 20  # bytes of an answer


@dataclass(frozen=True)
class DirectorySettings:
    """`roles`, `areas` and `grids` by group; of several groups the first of `roles` counts, and all areas and grids.

    `ca`: a file of certificates to trust instead of the machine's.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    roles: Mapping[str, Role]
    areas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    grids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    label: str = "OpenID Connect"
    scopes: tuple[str, ...] = ("openid", "profile", "groups")
    groups_claim: str = "groups"
    name_claim: str = "preferred_username"
    ca: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError(f'the directory\'s issuer "{self.issuer}" must be reached by https')


@dataclass(frozen=True)
class Identity:
    """Who the directory says it is, and what that means here."""

    subject: str
    name: str
    role: Role
    areas: tuple[str, ...]
    grids: tuple[str, ...]


class RefusedError(Exception):
    """The directory's answer cannot be believed, or gives no role here."""


class AwayError(Exception):
    """The directory does not answer, or not as it should."""


@dataclass(frozen=True)
class _Flow:
    nonce: str
    verifier: str
    back: str
    browser: str
    until: datetime


class Directory:
    """One provider. `begin` sends a browser there, `finish` takes it back; between the two a browser is remembered."""

    def __init__(self, settings: DirectorySettings) -> None:
        self.settings = settings
        self._flows: OrderedDict[str, _Flow] = OrderedDict()
        self._told: dict[str, Any] = {}
        self._told_at: datetime | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at: datetime | None = None
        self._asking = asyncio.Lock()

    async def begin(self, back: str, now: datetime) -> tuple[str, str]:
        """Where to send the browser, and a secret for a cookie that ties the way back to it. AwayError."""
        told = await self._discovered(now)
        state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
        self._flows[digest(state)] = _Flow(nonce, verifier, back, digest(browser), now + LASTS)
        while len(self._flows) > KEPT:
            self._flows.popitem(last=False)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code", "client_id": self.settings.client_id, "redirect_uri": back,
            "scope": " ".join(self.settings.scopes), "state": state, "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        at = str(told["authorization_endpoint"])
        return f"{at}{'&' if '?' in at else '?'}{urlencode(query)}", browser

    async def finish(self, state: str, code: str, issuer: str | None, browser: str, now: datetime) -> Identity:
        """Who came back. RefusedError, AwayError. A state is good once."""
        flow = self._flows.pop(digest(state), None)
        if flow is None or flow.until <= now or not hmac.compare_digest(flow.browser, digest(browser)):
            raise RefusedError("this sign-in was not begun by this browser, or too long ago")
        if issuer is not None and issuer != self.settings.issuer:
            raise RefusedError("the answer is that of another directory")
        told = await self._discovered(now)
        given = await self._token(str(told["token_endpoint"]), code, flow)
        claims = await self._claims(given, flow.nonce, now)
        if self.settings.groups_claim not in claims and "userinfo_endpoint" in told and "access_token" in given:
            more = await self._get(str(told["userinfo_endpoint"]), bearer=str(given["access_token"]))
            if more.get("sub") != claims["sub"]:
                raise RefusedError("the directory told of somebody else than it signed for")
            claims = {**more, **claims}
        return self._identity(claims)

    async def _token(self, endpoint: str, code: str, flow: _Flow) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": flow.back,
            "client_id": self.settings.client_id, "code_verifier": flow.verifier,
        }  # fmt: skip
        secret = self.settings.client_secret
        auth = httpx.BasicAuth(self.settings.client_id, secret) if secret is not None else None
        async with self._client() as client:
            try:
                response = await client.post(endpoint, data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)
            except httpx.HTTPError as error:
                raise AwayError(f"{endpoint}: {error or type(error).__name__}") from None
        if response.status_code >= 500:
            raise AwayError(f"{endpoint} answered {response.status_code}")
        told = _json(response)
        if response.status_code != 200 or not isinstance(told.get("id_token"), str):
            raise RefusedError(f"the directory does not take the code: {str(told.get('error', 'no token'))[:100]}")
        return told

    async def _claims(self, given: Mapping[str, Any], nonce: str, now: datetime) -> dict[str, Any]:
        """What the directory signed, checked as OpenID Connect Core 3.1.3.7 asks."""
        text = given["id_token"]
        try:
            header = jwt.get_unverified_header(text)
            if header.get("alg") not in ALGORITHMS:
                raise RefusedError("the directory's token is not signed with a public key")
            key = await self._key(str(header.get("kid", "")), now)
            claims: dict[str, Any] = jwt.decode(
                text, key, algorithms=[str(header["alg"])], audience=self.settings.client_id,
                issuer=self.settings.issuer, leeway=LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise RefusedError(f"the directory's token is not good: {error}") from None
        if not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
            raise RefusedError("the directory's token belongs to another sign-in")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self.settings.client_id) != self.settings.client_id:
            raise RefusedError("the directory's token was made for another program")
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        told = claims.get(self.settings.groups_claim, [])
        groups = [str(g) for g in told] if isinstance(told, list) else str(told).split()
        role = next((role for group, role in self.settings.roles.items() if group in groups), None)
        if role is None:
            raise RefusedError("none of your groups in the directory has a role here")
        areas, grids = (
            tuple(dict.fromkeys(name for g in groups for name in of.get(g, ())))
            for of in (self.settings.areas, self.settings.grids)
        )
        subject = str(claims["sub"])
        name = str(claims.get(self.settings.name_claim) or claims.get("email") or claims.get("name") or subject)
        return Identity(subject, name, role, areas, grids)

    async def _discovered(self, now: datetime) -> dict[str, Any]:
        async with self._asking:
            if self._told_at is None or now - self._told_at >= DISCOVERY_AGE:
                told = await self._get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
                if told.get("issuer") != self.settings.issuer:
                    raise AwayError(f'{self.settings.issuer} calls itself "{str(told.get("issuer"))[:200]}"')
                if missing := {"authorization_endpoint", "token_endpoint", "jwks_uri"} - set(told):
                    raise AwayError(f"{self.settings.issuer} does not tell its {sorted(missing)[0]}")
                self._told, self._told_at = told, now
            return self._told

    async def _key(self, ident: str, now: datetime) -> jwt.PyJWK:
        """The provider's key of that id, asked for anew when it is not known: providers change keys."""
        async with self._asking:
            if ident not in self._keys and (self._keys_at is None or now - self._keys_at >= KEYS_AGE):
                told = await self._get(str(self._told["jwks_uri"]))
                usable = [k for k in told.get("keys", []) if k.get("use", "sig") == "sig" and k.get("kty") != "oct"]
                self._keys = {str(k.get("kid", "")): jwt.PyJWK(k) for k in usable}
                self._keys_at = now
            if ident not in self._keys:
                raise RefusedError("the directory's token is signed with a key that it does not publish")
            return self._keys[ident]

    async def _get(self, address: str, bearer: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        async with self._client() as client:
            try:
                response = await client.get(address, headers=headers)
            except httpx.HTTPError as error:
                raise AwayError(f"{address}: {error or type(error).__name__}") from None
        if response.status_code != 200:
            raise AwayError(f"{address} answered {response.status_code}")
        return _json(response)

    def _client(self) -> httpx.AsyncClient:
        trust: ssl.SSLContext | bool = ssl.create_default_context(cafile=self.settings.ca) if self.settings.ca else True
        # no redirect is followed and no proxy of the environment asked: the issuer's own words say where to ask
        return httpx.AsyncClient(verify=trust, timeout=WAIT_S, follow_redirects=False, trust_env=False)


def _json(response: httpx.Response) -> dict[str, Any]:
    if len(response.content) > LARGEST:
        raise AwayError(f"{response.url} answered with more than {LARGEST} bytes")
    try:
        told = response.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise AwayError(f"{response.url} answered with no JSON object")
    return told
