"""What a panel wants to read, said in the three languages of InfluxDB: InfluxQL (1.x), Flux (2.x), SQL (3).

Subjects are chosen by the dashboard's variables, which the measurement `place` fills (dashboards/grafana/places.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from dashboards.grafana.spec import Level, Read, Subjects

Language = Literal["influxql", "flux", "sql"]
MEASUREMENTS: dict[Level, str] = {"raw": "reading", "hour": "reading_hourly", "day": "reading_daily"}
POLICIES: dict[Level, str] = {"raw": "raw", "hour": "hourly", "day": "daily"}
PLACE = "place"
_NARROWER = {"area": (), "device": ("area",), "pon": ("device",), "line_id": ("device", "pon")}
_FORM = Literal["time_series", "table"]


@dataclass(frozen=True)
class Scope:
    """What a dashboard can say of its subjects: its variables; `devices` names those of an alert, none for all."""

    variables: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


class Dialect(Protocol):
    """One language. Every text holds Grafana's macros and variables, which it fills when it asks."""

    language: Language

    def read(self, read: Read, scope: Scope) -> str: ...

    def table(self, columns: Sequence[str], of: Subjects, scope: Scope) -> str:
        """The newest value of each of these fields, a row a subject."""
        ...

    def values(self, tag: str, scope: Scope, *, coax: bool) -> str:
        """The values of a variable: a tag of `place`, narrowed by the variables before it."""
        ...

    def target(self, text: str, form: _FORM) -> dict[str, Any]:
        """The query as the data source keeps it."""
        ...


def narrowing(tag: str, scope: Scope) -> list[str]:
    """The variables of the dashboard that narrow the values of this tag."""
    return [v for v in _NARROWER[tag] if v in scope.variables]


def _ports(scope: Scope, form: str, slash: str) -> str:
    """The regular expression of the ports; `form` is how the language writes a variable in one."""
    if scope.devices:
        return f"^pon:({'|'.join(re.escape(d).replace('/', slash) for d in scope.devices)}){slash}"
    if "device" not in scope.variables:
        return "^pon:"
    pon = f"{form.format('pon')}$" if "pon" in scope.variables else ""
    return f"^pon:{form.format('device')}{slash}{pon}"


class InfluxQL:
    language: Language = "influxql"

    def __init__(self, *, policies: bool) -> None:
        self._policies = policies

    def read(self, read: Read, scope: Scope) -> str:
        source = self._source(read.level)
        where = f"WHERE {self._subjects(read.of, scope)}$timeFilter"
        if read.fold is None:
            return f'SELECT "{read.field}" FROM {source} {where} GROUP BY "line_id"'
        window = "" if read.now or read.over else "time($__interval), "
        each = f'SELECT {read.fold}("{read.field}") AS "value" FROM {source} {where} GROUP BY {window}"line_id"'
        each += " fill(none)" if window else ""
        if read.total is None:
            return each
        then = " GROUP BY time($__interval) fill(none)" if window else ""
        return f'SELECT {read.total}("value") AS "value" FROM ({each}) WHERE $timeFilter{then}'

    def table(self, columns: Sequence[str], of: Subjects, scope: Scope) -> str:
        picked = ", ".join(f'last("{c}") AS "{c}"' for c in columns)
        where = f"WHERE {self._subjects(of, scope)}$timeFilter"
        return f'SELECT {picked} FROM {self._source("raw")} {where} GROUP BY "line_id"'

    def values(self, tag: str, scope: Scope, *, coax: bool) -> str:
        conditions = [f'"{v}" =~ /^${v}$/' for v in narrowing(tag, scope)]
        conditions.append(f"\"technology\" {'=' if coax else '!='} 'coax'")
        return f'SHOW TAG VALUES FROM "{PLACE}" WITH KEY = "{tag}" WHERE {" AND ".join(conditions)}'

    def target(self, text: str, form: _FORM) -> dict[str, Any]:
        return {"query": text, "rawQuery": True, "resultFormat": form}

    def _source(self, level: Level) -> str:
        policy = f'"{POLICIES[level]}".' if self._policies else ""
        return f'{policy}"{MEASUREMENTS[level]}"'

    @staticmethod
    def _subjects(of: Subjects, scope: Scope) -> str:
        if of == "everything":
            return ""
        if of == "lines":
            return '"line_id" =~ /^$line$/ AND '
        return f'"line_id" =~ /{_ports(scope, "${}", chr(92) + "/")}/ AND '


class Flux:
    language: Language = "flux"

    def __init__(self, bucket: str, *, policies: bool) -> None:
        self._bucket, self._policies = bucket, policies

    def read(self, read: Read, scope: Scope) -> str:
        steps = [*self._from(read.level, read.of, scope), f'  |> filter(fn: (r) => r._field == "{read.field}")']
        if read.fold is None:
            steps.append('  |> keep(columns: ["_time", "_value", "line_id"])')
            return "\n".join(steps)
        if read.now or read.over:
            steps.append(f"  |> {read.fold}()")
            steps.append('  |> keep(columns: ["_value", "line_id"])')
            if read.total:
                steps += ["  |> group()", f"  |> {read.total}()"]
        else:
            steps.append(f"  |> aggregateWindow(every: v.windowPeriod, fn: {read.fold}, createEmpty: false)")
            steps.append('  |> keep(columns: ["_time", "_value", "line_id"])')
            if read.total:
                steps += ['  |> group(columns: ["_time"])', f"  |> {read.total}()", "  |> group()"]
                steps.append('  |> sort(columns: ["_time"])')
        return "\n".join(steps)

    def table(self, columns: Sequence[str], of: Subjects, scope: Scope) -> str:
        """Fields of several types cannot stand in one Flux table: a stream for each, joined by Grafana's merge."""
        streams = [
            "\n".join(
                [
                    *self._from("raw", of, scope),
                    f'  |> filter(fn: (r) => r._field == "{c}")',
                    "  |> last()",
                    '  |> keep(columns: ["line_id", "_value"])',
                    "  |> group()",
                    f'  |> rename(columns: {{_value: "{c}"}})',
                    f'  |> yield(name: "{c}")',
                ]
            )
            for c in columns
        ]
        return "\n\n".join(streams)

    def values(self, tag: str, scope: Scope, *, coax: bool) -> str:
        steps = [f'from(bucket: "{self._bucket}")', "  |> range(start: -30d)"]
        steps.append(f'  |> filter(fn: (r) => r._measurement == "{PLACE}")')
        steps += [f"  |> filter(fn: (r) => r.{v} =~ /^${{{v}:regex}}$/)" for v in narrowing(tag, scope)]
        steps.append(f'  |> filter(fn: (r) => r.technology {"==" if coax else "!="} "coax")')
        steps += [f'  |> keep(columns: ["{tag}"])', "  |> group()", f'  |> distinct(column: "{tag}")', "  |> sort()"]
        return "\n".join(steps)

    def target(self, text: str, form: _FORM) -> dict[str, Any]:
        return {"query": text}

    def _from(self, level: Level, of: Subjects, scope: Scope) -> list[str]:
        bucket = f"{self._bucket}/{POLICIES[level]}" if self._policies else self._bucket
        steps = [f'from(bucket: "{bucket}")', "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)"]
        steps.append(f'  |> filter(fn: (r) => r._measurement == "{MEASUREMENTS[level]}")')
        if of == "lines":
            steps.append("  |> filter(fn: (r) => r.line_id =~ /^${line:regex}$/)")
        elif of != "everything":
            steps.append(f"  |> filter(fn: (r) => r.line_id =~ /{_ports(scope, '${{{}:regex}}', chr(92) + '/')}/)")
        return steps


class Sql:
    language: Language = "sql"

    def read(self, read: Read, scope: Scope) -> str:
        where = f'WHERE {self._subjects(read.of, scope)}$__timeFilter(time) AND "{read.field}" IS NOT NULL'
        source = MEASUREMENTS[read.level]
        if read.fold is None:
            return f'SELECT time, "line_id", "{read.field}" FROM {source} {where} ORDER BY time'
        value = f'{_folded(read.fold, read.field)} AS "value"'
        if read.now or read.over:
            each = f'SELECT "line_id", {value} FROM {source} {where} GROUP BY "line_id"'
            return (
                each if read.total is None else f'SELECT {_sum(read.total)}("value") AS "value" FROM ({each}) AS each'
            )
        each = f'SELECT $__dateBin(time) AS time, "line_id", {value} FROM {source} {where} GROUP BY 1, 2'
        if read.total is None:
            return f"{each} ORDER BY 1"
        return f'SELECT time, {_sum(read.total)}("value") AS "value" FROM ({each}) AS each GROUP BY time ORDER BY time'

    def table(self, columns: Sequence[str], of: Subjects, scope: Scope) -> str:
        picked = ", ".join(
            f'last_value("{c}" ORDER BY time) FILTER (WHERE "{c}" IS NOT NULL) AS "{c}"' for c in columns
        )
        where = f"WHERE {self._subjects(of, scope)}$__timeFilter(time)"
        return f'SELECT "line_id", {picked} FROM reading {where} GROUP BY "line_id" ORDER BY "line_id"'

    def values(self, tag: str, scope: Scope, *, coax: bool) -> str:
        newest = f"time = (SELECT max(time) FROM {PLACE})"  # points cannot be deleted: the newest writing counts
        conditions = [newest, f"\"technology\" {'=' if coax else '!='} 'coax'"]
        conditions += [f'"{v}" IN (${{{v}:singlequote}})' for v in narrowing(tag, scope)]
        return f'SELECT DISTINCT "{tag}" FROM {PLACE} WHERE {" AND ".join(conditions)} ORDER BY 1'

    def target(self, text: str, form: _FORM) -> dict[str, Any]:
        return {"rawSql": text, "query": text, "rawQuery": True, "format": form, "resultFormat": form}

    @staticmethod
    def _subjects(of: Subjects, scope: Scope) -> str:
        if of == "everything":
            return ""
        if of == "lines":
            return '"line_id" IN (${line:singlequote}) AND '
        ports = _ports(scope, "${{{}:regex}}", "/").replace("'", "''")
        return f"regexp_like(\"line_id\", '{ports}') AND "


def _folded(fold: str, field: str) -> str:
    return f'last_value("{field}" ORDER BY time)' if fold == "last" else f'{_sum(fold)}("{field}")'


def _sum(fold: str) -> str:
    return "avg" if fold == "mean" else fold
