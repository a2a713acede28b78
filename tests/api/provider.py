"""An operator's directory for the tests: Authlib's OpenID Connect server on loopback, with PKCE, nonces and keys."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "lightline", "the client's secret"


@dataclass
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    auth_time: int = field(default_factory=lambda: int(time.time()))

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class Client(ClientMixin):  # type: ignore[misc]
    back: str = ""

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return self.back

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.back

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Provider:
    """`claims`: whom it signs in, for every code asked for. `rotate` changes the signing key."""

    issuer: str
    client: Client
    claims: dict[str, Any]
    keys: list[RSAKey]
    asked: dict[str, int] = field(default_factory=dict)
    shown: list[RSAKey] | None = None  # the keys that are published, where they are not those that sign

    def rotate(self) -> None:
        self.keys.insert(0, RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True))


@contextmanager
def provider(back: str) -> Iterator[Provider]:
    """A provider that knows one client, which is sent back to `back`."""
    app = flask.Flask("provider")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    client = Client()
    client.back = back
    issuer = f"http://127.0.0.1:{server.server_port}"
    told = Provider(issuer, client, {"sub": "1001", "preferred_username": "han", "groups": ["crew"]}, [])
    told.rotate()
    _install(app, told)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join(10)


def _install(app: flask.Flask, told: Provider) -> None:
    codes: dict[str, Code] = {}

    class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = ["client_secret_basic"]

        def save_authorization_code(self, code: str, request: Any) -> None:
            data = request.payload.data
            codes[code] = Code(
                code, request.payload.redirect_uri, request.payload.scope, data.get("nonce"),
                data.get("code_challenge"), data.get("code_challenge_method"),
            )  # fmt: skip

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            codes.pop(authorization_code.code)

        def authenticate_user(self, authorization_code: Code) -> dict[str, Any]:
            return told.claims

    class Connect(OpenIDCode):  # type: ignore[misc]
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return any(code.nonce == nonce for code in codes.values())

        def resolve_client_private_key(self, client: Any) -> RSAKey:
            return told.keys[0]

        def get_client_algorithm(self, client: Any) -> str:
            return "RS256"

        def get_client_claims(self, client: Any) -> dict[str, Any]:
            return {"iss": told.issuer, "aud": [CLIENT]}

        def get_encode_header(self, client: Any) -> dict[str, Any]:
            return {"alg": "RS256", "kid": told.keys[0].kid}

        def generate_user_info(self, user: dict[str, Any], scope: str) -> UserInfo:
            return UserInfo(**user)

    authorization = AuthorizationServer(
        app, query_client=lambda ident: told.client if ident == CLIENT else None, save_token=lambda *_: None
    )
    authorization.register_grant(CodeGrant, [Connect(require_nonce=True), CodeChallenge(required=True)])

    @app.get("/.well-known/openid-configuration")
    def discovery() -> dict[str, Any]:
        told.asked["discovery"] = told.asked.get("discovery", 0) + 1
        return {
            "issuer": told.issuer, "authorization_endpoint": f"{told.issuer}/authorize",
            "token_endpoint": f"{told.issuer}/token", "jwks_uri": f"{told.issuer}/keys",
        }  # fmt: skip

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        told.asked["keys"] = told.asked.get("keys", 0) + 1
        return {"keys": [key.as_dict(private=False) for key in (told.keys if told.shown is None else told.shown)]}

    @app.get("/authorize")
    def authorize() -> Any:
        grant = authorization.get_consent_grant(end_user=told.claims)
        return authorization.create_authorization_response(grant_user=told.claims, grant=grant)

    @app.post("/token")
    def token() -> Any:
        return authorization.create_token_response()
