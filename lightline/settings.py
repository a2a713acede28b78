"""Settings: from the environment (LIGHTLINE_…), then lightline.toml, then the command line; the later wins."""

from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from api.roles import Role
from lightline.directory import OidcSettings
from lightline.problem import UserError
from plant.corrections import FILE as CORRECTIONS
from storage.retention import Retention

FILE = Path("lightline.toml")
S = TypeVar("S", bound="Settings")


class SettingsError(UserError, ValueError):
    """A setting is wrong; the message names it and what would be right."""


class Settings(BaseSettings):
    """Everything that may differ from one installation to the next. Paths are relative to the working folder."""

    model_config = SettingsConfigDict(env_prefix="LIGHTLINE_", toml_file=FILE, extra="forbid", frozen=True)

    inventory: Path = Path("devices.yaml")
    data: Path = Field(default=Path("data"), description="folder of everything that is kept")
    store: str | None = Field(default=None, description="telemetry store; the embedded one in the data folder if unset")
    store_user: str | None = Field(default=None, description="reference such as env:INFLUX_USER or file:PATH")
    store_password: str | None = Field(default=None, description="reference such as env:INFLUX_PASSWORD or file:PATH")
    ledger: str | None = Field(default=None, description="ledger database; SQLite in the data folder if unset")
    host: str = Field(default="127.0.0.1", description="address the API listens on; loopback unless set")
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    allowed_hosts: tuple[str, ...] = Field(default=(), description="host names the API answers to, beside loopback")
    concurrency: Annotated[int, Field(ge=1, le=2000)] = Field(default=200, description="devices asked at once")
    spool_mb: Annotated[int, Field(ge=16)] = Field(default=4096, description="most the spool may hold on disk")
    rollup_minutes: Annotated[float, Field(gt=0)] = 15
    analyze_hours: Annotated[float, Field(gt=0)] = Field(default=6, description="hours between analyses")
    full_days: Annotated[int, Field(ge=0, le=7)] = Field(
        default=0, description="days between analyses of all lines; 0: each is one"
    )
    verify_minutes: Annotated[float, Field(gt=0)] = Field(default=30, description="minutes between verifications")
    history_days: Annotated[int, Field(ge=14, le=730)] = Field(default=90, description="days the analyzer looks back")
    raw_days: Annotated[int, Field(ge=0)] = Field(default=180, description="days readings are kept; 0: for ever")
    hourly_days: Annotated[int, Field(ge=0)] = Field(default=400, description="days hourly rows are kept; 0: for ever")
    daily_days: Annotated[int, Field(ge=0)] = Field(default=1830, description="days daily rows are kept; 0: for ever")
    influx_policies: bool = Field(default=False, description="begin an InfluxDB database with retention policies")
    session_hours: Annotated[float, Field(gt=0, le=24)] = Field(default=12, description="longest a browser stays in")
    session_idle_minutes: Annotated[float, Field(ge=1, le=1440)] = Field(default=120, description="and unused")
    second_factor_roles: tuple[Role, ...] = Field(
        default=("admin",), description="roles that must have a second factor"
    )
    rate_per_s: Annotated[float, Field(ge=0)] = Field(default=50, description="requests a second of one token or user")
    rate_burst: Annotated[float, Field(ge=1)] = Field(default=500, description="requests at once of one token or user")
    oidc: OidcSettings | None = Field(default=None, description="the operator's directory (OpenID Connect)")
    rules: Path | None = Field(default=None, description="folder of rules that go before the shipped ones")
    log_json: bool = False

    @field_validator("store_user", "store_password")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("env:", "file:")):
            raise ValueError("a secret is named by env:NAME or file:PATH, never written here")
        return value

    @model_validator(mode="after")
    def _keeps_what_it_needs(self) -> Self:
        if 0 < self.daily_days < self.history_days:
            raise ValueError(f"daily_days is {self.daily_days}, but the analyzer looks back {self.history_days} days")
        self.retention  # noqa: B018 - says what is too short
        return self

    @property
    def retention(self) -> Retention:
        return Retention(self.raw_days or None, self.hourly_days or None, self.daily_days or None)

    @property
    def store_url(self) -> str:
        return self.store or f"delta:{self.data / 'telemetry'}"

    @property
    def ledger_url(self) -> str:
        return self.ledger or f"sqlite:///{self.data / 'ledger.sqlite'}"

    @property
    def tokens_path(self) -> Path:
        return self.data / "tokens.sqlite"

    @property
    def photos_path(self) -> Path:
        """Photos of visits, named by their content."""
        return self.data / "photos"

    @property
    def spool_path(self) -> Path:
        return self.data / "spool"

    @property
    def collector_status_path(self) -> Path:
        return self.data / "collector-status.json"

    @property
    def plant_log_path(self) -> Path:
        """What devices showed since the lines files were written (plant.changes)."""
        return self.data / "plant-log.jsonl"

    @property
    def suggestions_path(self) -> Path:
        """Splitters that the lines tell (plant.suggested)."""
        return self.data / "splitters.json"

    @property
    def corrections_path(self) -> Path:
        """What people decided of them (plant.corrections)."""
        return self.data / CORRECTIONS

    @property
    def collector_asks_path(self) -> Path:
        """The socket where the running collector is asked for one line."""
        return self.data / "collector.sock"

    @property
    def learning_path(self) -> Path:
        """What was learnt from visits (lightline.learning)."""
        return self.data / "learning"

    @property
    def analysis_status_path(self) -> Path:
        return self.data / "analysis-status.json"

    @property
    def told_path(self) -> Path:
        """What the last analysis told: the next one takes back only what is clearly gone."""
        return self.data / "findings.json"

    @property
    def kept_path(self) -> Path:
        """What the last analysis of all lines noted (lightline.keeping); of use on this machine only."""
        return self.data / "full-analysis"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """First in the tuple wins: command line, file, environment."""
        return init_settings, TomlConfigSettingsSource(settings_cls), env_settings


class ClosedSettings(Settings):
    """Settings from their arguments alone: for the demo, which must not touch what a file or the environment names."""

    model_config = SettingsConfigDict(toml_file=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def load_settings(**given: Any) -> Settings:
    """Settings with what the command line gave (None means not given). Raises SettingsError."""
    return _checked(Settings, given)


def closed_settings(**given: Any) -> ClosedSettings:
    """Settings of what is given and the defaults, whatever a file or the environment says. Raises SettingsError."""
    return _checked(ClosedSettings, given)


def _checked(kind: type[S], given: dict[str, Any]) -> S:
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = [f"  {'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise SettingsError(
            "settings are wrong (command line, lightline.toml or LIGHTLINE_… in the environment):\n" + "\n".join(lines)
        ) from None
