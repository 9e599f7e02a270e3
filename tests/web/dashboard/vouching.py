"""A small provider of identities on this machine, made of Authlib's own server: it checks us as a real one would."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core import grants as oidc
from flask import Flask, jsonify, request
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "gatekeeper", "a secret: of two % kinds"


class Client(ClientMixin):  # type: ignore[misc]
    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == "http://localhost/sign-in/back"

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Code:
    """A code as the provider keeps it."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def get_redirect_uri(self) -> Any:
        return self.redirect_uri

    def get_scope(self) -> str:
        return "openid email"

    def get_nonce(self) -> Any:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class Provider:
    """What it says may be set, so that it can be wrong in one thing at a time.

    :ivar who: what it says of whoever signs in.
    :ivar claims: what it says otherwise than it should.
    :ivar now: its clock.
    """

    def __init__(self, now: int) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.shown_key = self.key
        self.who: dict[str, Any] = {"email": "ann@staff.test", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.now = now
        self.codes: dict[str, Code] = {}
        self.issuer = ""

    def app(self) -> Flask:
        app = Flask("provider")
        server = AuthorizationServer(app, query_client=lambda id: Client(), save_token=lambda token, request: None)
        server.register_grant(_grant(self), [CodeChallenge(required=True), _openid(self)])

        @app.get("/authorize")
        def authorize() -> Any:
            grant = server.get_consent_grant(end_user="ann")
            return server.create_authorization_response(grant_user="ann", grant=grant)

        @app.post("/token")
        def token() -> Any:
            return server.create_token_response()

        @app.get("/keys")
        def keys() -> Any:
            return jsonify(keys=[self.shown_key.as_dict(private=False)])

        @app.get("/.well-known/openid-configuration")
        def about() -> Any:
            base = request.host_url.rstrip("/")
            told = {"issuer": self.issuer, "authorization_endpoint": f"{base}/authorize"}
            return jsonify(**told, token_endpoint=f"{base}/token", jwks_uri=f"{base}/keys")

        return app


def _grant(provider: Provider) -> Any:
    class Grant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def save_authorization_code(self, code: str, request: Any) -> None:
            asked = request.payload.data
            provider.codes[code] = Code(
                redirect_uri=asked["redirect_uri"],
                nonce=asked.get("nonce"),
                code_challenge=asked["code_challenge"],
                code_challenge_method=asked["code_challenge_method"],
            )

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            provider.codes = {code: kept for code, kept in provider.codes.items() if kept is not authorization_code}

        def authenticate_user(self, authorization_code: Code) -> str:
            return "ann"

    return Grant


def _openid(provider: Provider) -> Any:
    class OpenId(oidc.OpenIDCode):  # type: ignore[misc]
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def resolve_client_private_key(self, client: Client) -> Any:
            return provider.key

        def get_client_algorithm(self, client: Client) -> str:
            return provider.algorithm

        def get_encode_header(self, client: Client) -> dict[str, Any]:
            return {"alg": provider.algorithm, "kid": "one"}

        def get_compatible_claims(self, request: Any) -> dict[str, Any]:
            return {"iss": provider.issuer, "aud": [CLIENT], "iat": provider.now, "exp": provider.now + 300}

        def generate_user_info(self, user: str, scope: str) -> Any:
            return UserInfo(sub="1", **{**provider.who, **provider.claims})

    return OpenId()


@contextmanager
def running(provider: Provider) -> Iterator[Provider]:
    server = make_server("127.0.0.1", 0, provider.app(), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
