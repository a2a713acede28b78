"""panels.yaml and alerts.yaml as checked models."""

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from plant.fields import fields
from storage.schema import raw_schema, rollup_schema

Language = Literal["zh", "en"]
Level = Literal["raw", "hour", "day"]
Subjects = Literal["ports", "lines", "all_ports", "everything"]
Fold = Literal["last", "mean", "max", "min", "sum", "count"]
Limits = Literal["ont_rx", "olt_rx", "ont_tx", "pon_tx", "none_wanted", "one_wanted"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Model):
    en: str
    zh: str

    def say(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Read(_Model):
    """A question to the telemetry store; panels.yaml says what each key means."""

    field: str
    level: Level
    of: Subjects
    fold: Fold | None = None
    total: Literal["sum", "mean", "max", "min"] | None = None
    now: bool = False
    name: Words | None = None
    over: int | None = None  # seconds an alert looks back

    @model_validator(mode="after")
    def _is_kept(self) -> Self:
        known = raw_schema() if self.level == "raw" else rollup_schema()
        if self.field not in known.names:
            raise ValueError(f"{self.level} readings have no column {self.field}; see storage/schema.py")
        if (self.total or self.now or self.over) and self.fold is None:
            raise ValueError(f"{self.field}: a total, a value of now and an alert need a fold")
        return self

    @property
    def base(self) -> str:
        """The field that the column is of."""
        if self.level == "raw":
            return self.field
        return next(n for n in fields() if self.field.startswith(f"{n}_"))


class Ask(_Model):
    """A question to Prometheus."""

    expr: str
    legend: str = ""


class Panel(_Model):
    shows: Literal["stat", "lines", "bars", "states", "table"]
    width: int
    height: int
    title: Words | None = None
    about: Words | None = None
    unit: str | None = None
    decimals: int | None = None
    interval: str | None = None  # shortest window
    limits: Limits | None = None
    repeat: str | None = None
    by_area: bool = False
    reads: tuple[Read, ...] = ()
    asks: tuple[Ask, ...] = ()
    columns: tuple[str, ...] = ()  # of a table: newest values of these fields
    of: Subjects | None = None
    level: Literal["raw"] | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if sum(map(bool, (self.reads, self.asks, self.columns))) != 1:
            raise ValueError("a panel has reads, asks or columns, and one of them only")
        if self.title is None and len(self.reads) != 1:
            raise ValueError("only a panel with one read takes its title from its field")
        unknown = set(self.columns) - set(fields())
        if unknown:
            raise ValueError(f"no such fields: {', '.join(sorted(unknown))}")
        return self


class Page(_Model):
    uid: str
    title: Words
    about: Words
    since: str
    variables: dict[Literal["area", "device", "pon", "line"], Literal["one", "many"]]
    coax: bool = False
    panels: tuple[Panel, ...]


class Variable(_Model):
    en: str
    zh: str
    many: bool


class StateWord(_Model):
    colour: str
    en: str
    zh: str


class Pages(_Model):
    units: dict[str, str]
    words: dict[str, StateWord]
    variables: dict[str, Variable]
    dashboards: tuple[Page, ...]


class Rule(_Model):
    uid: str
    title: Words
    about: Words
    severity: Literal["warning", "critical"]
    for_: Annotated[str, Field(alias="for")]
    reads: dict[str, Read] = {}
    expr: str | None = None
    math: str | None = None
    above: float | None = None
    below: float | None = None
    below_rest_of: str | None = None
    outside: Literal["olt_tx", "ont_rx", "olt_rx", "ont_tx"] | None = None
    silence: Literal["Alerting", "OK"]

    @model_validator(mode="after")
    def _is_decided(self) -> Self:
        if sum(x is not None for x in (self.above, self.below, self.below_rest_of, self.outside)) != 1:
            raise ValueError(f"{self.uid}: one of above, below, below_rest_of, outside decides")
        if bool(self.reads) == (self.expr is not None):
            raise ValueError(f"{self.uid}: either reads or expr")
        return self


class Alerts(_Model):
    group: Words
    every: str
    rules: tuple[Rule, ...]


@cache
def pages() -> Pages:
    return Pages.model_validate(_loaded("panels.yaml"))


@cache
def alerts() -> Alerts:
    return Alerts.model_validate(_loaded("alerts.yaml"))


def _loaded(name: str) -> object:
    return yaml.safe_load((files("dashboards.grafana") / name).read_text(encoding="utf-8"))
