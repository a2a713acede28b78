"""Signing in, one's own account, users, tokens and the audit."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from api.people.audit import Outcome
from api.people.users import State
from api.roles import Right, Role
from api.schemas.base import LONGEST_PAGE, PAGE, Answer, Moment, Name, Query, example

Password = Annotated[SecretStr, Field(min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Ids = Annotated[list[Name], Field(max_length=500)]
Days = Annotated[int, Field(ge=1, le=366, description="Days until it ends.")]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class SignIn(BaseModel):
    """With a token, or with a name and a password, and the code of the second factor where there is one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "李雷", "password": "four unrelated words here", "code": "492039"}},
    )

    token: SecretStr | None = Field(default=None, min_length=1, max_length=200)
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    password: Password | None = None
    code: Code | None = Field(default=None, description="Of the phone, or a recovery code.")


class SessionPage(Answer):
    """Who is signed in, and what he may."""

    model_config = example(
        name="li", role="dispatcher", areas=["tianhe"], grids=None,
        rights=["ask", "customers", "export", "read", "self", "tickets"],
        expires_at="2026-11-02T14:00:00Z", simulated=False, account=True, unfinished=None,
    )  # fmt: skip

    name: str
    role: Role
    areas: list[str] | None = Field(description="Null: all areas.")
    grids: list[str] | None = Field(description="Null: all grids of the areas.")
    rights: list[str]
    expires_at: AwareDatetime | None = Field(description="When the session (or the token) ends; null: never.")
    simulated: bool
    account: bool = Field(description="Whether it is a user who signed in by name, and has /account.")
    unfinished: Literal["password", "second_factor"] | None = Field(
        description="What the account needs before anything else: a password of one's own, or a second factor."
    )


class WaysPage(Answer):
    model_config = example(password=True, directory="Operator's directory")

    password: bool = Field(description="Whether there are users with passwords.")
    directory: str | None = Field(description="What the directory is called; null where there is none.")


class UserRow(Answer):
    model_config = example(
        id="0a1b2c3d4e5f", name="李雷", role="technician", areas=["tianhe"], grids=["shipai"], state="active",
        has_password=True, must_change=False, second_factor=True, directory=False,
        created_at="2026-10-01T02:00:00Z", changed_at="2026-10-01T02:00:00Z", signed_in_at=None,
    )  # fmt: skip

    id: str
    name: str
    role: Role
    areas: list[str] = Field(description="Empty: all areas.")
    grids: list[str] = Field(description="Empty: all grids of the areas.")
    state: State
    has_password: bool
    must_change: bool = Field(description="The password was set by somebody else, and is to be changed first.")
    second_factor: bool
    directory: bool = Field(description="Signs in with the operator's directory.")
    created_at: AwareDatetime
    changed_at: AwareDatetime
    signed_in_at: AwareDatetime | None


_USER = UserRow.model_config["json_schema_extra"]["example"]  # type: ignore[index]


class UsersPage(Answer):
    model_config = example(users=[_USER])

    users: list[UserRow] = Field(description="By name.")


class NewUser(BaseModel):
    model_config = example(name="韩梅梅", role="dispatcher", areas=["east"], password="lamp river seventeen quiet")

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    role: Role
    areas: Ids = []
    grids: Ids = Field(default=[], description="Grids of the inventory; their areas are added.")
    password: Password | None = Field(default=None, description="The user has to change it when signing in first.")


class UserChange(BaseModel):
    """Only what is given changes."""

    model_config = example(role="technician", areas=["east"], grids=["g1"])

    role: Role | None = None
    areas: Ids | None = None
    grids: Ids | None = None
    state: State | None = Field(default=None, description="`disabled` signs out everywhere and ends the tokens.")


class GivenPassword(BaseModel):
    model_config = example(password="lamp river seventeen quiet")

    password: Password


class PasswordChange(BaseModel):
    model_config = example(present="four unrelated words here", password="lamp river seventeen quiet")

    present: Password
    password: Password


class Confirmation(BaseModel):
    """The password again, before something that a browser left open must not do."""

    model_config = example(password="four unrelated words here")

    password: Password


class GivenCode(BaseModel):
    model_config = example(code="492039")

    code: Code


class SecretPage(Answer):
    """What the phone's application is told; shown now and never again."""

    model_config = example(
        secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        address="otpauth://totp/Lightline:li?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Lightline",
    )

    secret: str
    address: str


class RecoveryPage(Answer):
    model_config = example(recovery_codes=["abcd-efgh-ijkl-mnop-qrst-uvwx"])

    recovery_codes: list[str] = Field(description="Each good once, in place of a code. Shown once.")


class SessionRow(Answer):
    model_config = example(
        id="0a1b2c3d4e5f", present=True, way="second_factor", created_at="2026-11-02T02:00:00Z",
        seen_at="2026-11-02T02:00:00Z", expires_at="2026-11-02T14:00:00Z", address="127.0.0.1", agent="Firefox",
    )  # fmt: skip

    id: str
    present: bool = Field(description="The one that asks.")
    way: Literal["token", "password", "second_factor", "directory"]
    created_at: AwareDatetime
    seen_at: AwareDatetime
    expires_at: AwareDatetime
    address: str
    agent: str


class SessionsPage(Answer):
    model_config = example(sessions=[])

    sessions: list[SessionRow] = Field(description="Newest first.")


class AccountPage(Answer):
    model_config = example(user=_USER, recovery_codes_left=9, sessions=[])

    user: UserRow
    recovery_codes_left: int
    sessions: list[SessionRow]


class TokenRow(Answer):
    model_config = example(
        id="0a1b2c3d4e5f", name="reporting", user=None, role="viewer", areas=[], grids=[], rights=["read"],
        created_at="2026-10-01T02:00:00Z", expires_at="2027-10-01T02:00:00Z", revoked_at=None, last_used_at=None,
    )  # fmt: skip

    id: str
    name: str
    user: str | None = Field(description="Id of the user whose it is; null: of a program.")
    role: Role
    areas: list[str]
    grids: list[str]
    rights: list[str] | None = Field(description="Null: all of the role.")
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    last_used_at: AwareDatetime | None = Field(description="To the minute.")


_TOKEN = TokenRow.model_config["json_schema_extra"]["example"]  # type: ignore[index]


class TokensPage(Answer):
    model_config = example(tokens=[_TOKEN])

    tokens: list[TokenRow] = Field(description="Oldest first, ended ones too.")


class NewToken(BaseModel):
    """A token of a program."""

    model_config = example(name="reporting", role="viewer", days=90, rights=["read"])

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    role: Role
    days: Days
    areas: Ids = []
    grids: Ids = []
    rights: Annotated[list[Right], Field(max_length=20)] | None = Field(
        default=None, description="Null: all of the role."
    )


class NewOwnToken(BaseModel):
    """A token that can do what its user can, as far as `rights` go."""

    model_config = example(name="my notebook", days=30, rights=["read"], password="four unrelated words here")

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    days: Days
    rights: Annotated[list[Right], Field(max_length=20)] | None = None
    password: Password | None = Field(default=None, description="The password again; not of users of a directory.")


class MadeToken(Answer):
    model_config = example(token="ll_0123456789ab_…", row=_TOKEN)

    token: str | None = Field(description="Shown once: only its hash is kept. Null where the call is repeated.")
    row: TokenRow


class AuditQuery(Query):
    actor: Name | None = None
    event: Name | None = None
    outcome: Outcome | None = None
    since: Moment | None = None
    limit: int = Field(default=PAGE, ge=1, le=LONGEST_PAGE)
    before: Number | None = Field(default=None, description="`next` of the page before.")


class AuditEntry(Answer):
    model_config = example(
        id=77, at="2026-11-02T02:00:00Z", actor="li", role="dispatcher", way="second_factor", event="sign_in",
        outcome="done", target="", address="127.0.0.1", detail={},
    )  # fmt: skip

    id: int
    at: AwareDatetime
    actor: str
    role: str
    way: str = Field(description="How the actor was known: token, password, second_factor, directory, command, none.")
    event: str
    outcome: Outcome
    target: str
    address: str
    detail: dict[str, Any]


class AuditPage(Answer):
    model_config = example(next=None, entries=[])

    next: int | None
    entries: list[AuditEntry] = Field(description="Newest first.")


class Need(BaseModel):
    model_config = example(reason="the customer called: the line is dark")

    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        description="Why it is needed. Kept in the audit."
    )


class CustomerPage(Answer):
    """Whose line it is, and where exactly."""

    model_config = example(line_id="GZ-000017", customer_ref="客户100017", lat=23.13051, lon=113.36127)

    line_id: str
    customer_ref: str | None
    lat: float | None
    lon: float | None
