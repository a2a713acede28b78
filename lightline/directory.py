"""The settings of the operator's directory: `[oidc]` in lightline.toml, or LIGHTLINE_OIDC as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.roles import Role
from lightline.problem import UserError
from plant.secrets import SecretError, resolve

if TYPE_CHECKING:
    from api.people.directory import DirectorySettings


class OidcSettings(BaseModel):
    """A provider, and what its groups mean here: `roles`, and where wanted `areas` and `grids`, by group."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    client_id: str
    client_secret: str | None = Field(default=None, description="reference such as env:OIDC_SECRET or file:PATH")
    roles: dict[str, Role] = Field(min_length=1)
    areas: dict[str, tuple[str, ...]] = {}
    grids: dict[str, tuple[str, ...]] = {}
    label: str = "OpenID Connect"
    scopes: tuple[str, ...] = ("openid", "profile", "groups")
    groups_claim: str = "groups"
    name_claim: str = "preferred_username"
    ca: Path | None = None

    @field_validator("client_secret")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("env:", "file:")):
            raise ValueError("a secret is named by env:NAME or file:PATH, never written here")
        return value

    def opened(self) -> "DirectorySettings":
        """As the API takes them, with the secret itself. UserError where it cannot be read, or TLS is missing."""
        from api.people.directory import DirectorySettings

        told = self.model_dump(exclude={"client_secret", "ca"})
        try:
            secret = resolve(self.client_secret) if self.client_secret else None
            return DirectorySettings(**told, client_secret=secret, ca=str(self.ca) if self.ca else None)
        except (SecretError, ValueError) as error:
            raise UserError(f"oidc: {error}") from None
