"""Dashboards as Grafana reads them, built with grafana-foundation-sdk from panels.yaml."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, text, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana.limits import Classes, steps
from dashboards.grafana.queries import Dialect, Scope
from dashboards.grafana.spec import Language, Level, Page, Panel, Read, Words, pages
from plant.fields import fields

STORE_UID, PROMETHEUS_UID = "lightline-store", "lightline-prometheus"
SIMULATED = Words(
    en="**Simulated data: none of this is measured on a real plant.**", zh="**模拟数据：均非真实网络的测量值。**"
)
_SUBJECT = Words(en="subject", zh="对象")


@dataclass(frozen=True)
class Make:
    """What the dashboards are made for. `store_of` names the data source of a level."""

    dialect: Dialect
    language: Language
    classes: Classes
    zone: str
    simulated: bool
    store_of: Callable[[Level], str]
    areas: tuple[tuple[str, tuple[str, ...]], ...]  # name and OLTs


class StoreQuery(Dataquery):
    """A question in a language of InfluxDB, of which the SDK has no model of its own."""

    def __init__(self, model_of: dict[str, Any], ref: str, source: str) -> None:
        self.model, self.ref, self.source = model_of, ref, source

    def to_json(self) -> dict[str, object]:
        return {"refId": self.ref, "datasource": {"type": "influxdb", "uid": self.source}, **self.model}


class _Given(Builder[StoreQuery]):
    def __init__(self, query: StoreQuery) -> None:
        self._query = query

    def build(self) -> StoreQuery:
        return self._query


def build(page: Page, make: Make) -> str:
    """One dashboard as JSON, the same for the same arguments."""
    marked = f" ({Words(en='simulated', zh='模拟').say(make.language)})" if make.simulated else ""
    board = (
        dashboard.Dashboard(page.title.say(make.language) + marked)
        .uid(page.uid)
        .description(page.about.say(make.language))
        .tags(["lightline", *(["simulated"] if make.simulated else [])])
        .timezone(make.zone)
        .time(page.since, "now")
        .refresh("1m")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Lightline")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags(["lightline"])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
    )
    scope = Scope(tuple(page.variables))
    board.variables([])
    for name, many in page.variables.items():
        board.with_variable(_variable(name, many == "many", page.coax, scope, make))
    if make.simulated:
        board.with_panel(text.Panel().id(len(page.panels) + 1).content(SIMULATED.say(make.language)).span(24).height(2))
    for number, panel in enumerate(page.panels, start=1):
        board.with_panel(_panel(panel, scope, make).id(number))
    return json.dumps(board.build(), cls=JSONEncoder, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _variable(name: str, many: bool, coax: bool, scope: Scope, make: Make) -> dashboard.QueryVariable:
    said = pages().variables[name]
    tag = "line_id" if name == "line" else name
    asked = make.dialect.values(tag, scope, coax=coax)
    query: str | dict[str, object] = asked
    if make.dialect.language != "flux":
        query = {**make.dialect.target(asked, "table"), "refId": f"variable-{name}", "query": asked}
    made = (
        dashboard.QueryVariable(name)
        .label(said.zh if make.language == "zh" else said.en)
        .query(query)
        .datasource(_store(make.store_of("raw")))
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.NATURAL_ASC)
        .multi(many)
        .include_all(many)
    )
    return made.current(model.VariableOption(selected=True, text="All", value="$__all")) if many else made


def _panel(panel: Panel, scope: Scope, make: Make) -> Any:
    kinds: dict[str, Callable[[], Any]] = {
        "stat": _stat, "lines": _lines, "bars": _bars, "states": _states, "table": _table,
    }  # fmt: skip
    made = kinds[panel.shows]()
    first = fields()[panel.reads[0].base] if panel.reads else None
    title = panel.title or Words(en=first.en.capitalize() if first.en.islower() else first.en, zh=first.zh)  # type: ignore[union-attr]
    made.title(title.say(make.language)).span(panel.width).height(panel.height)
    unit = panel.unit or (pages().units[first.unit] if first else "short")
    made.unit(unit)
    if panel.shows == "states":
        made.mappings([_mapping(make.language)])
    if panel.decimals is not None:
        made.decimals(panel.decimals)
    if panel.interval:
        made.interval(panel.interval)
    if panel.repeat:
        made.repeat(panel.repeat).repeat_direction("h").max_per_row(3)
    _describe(made, panel, make)
    _limit(made, panel, make)
    if panel.asks:
        source = model.DataSourceRef(type_val="prometheus", uid=PROMETHEUS_UID)
        made.datasource(source)
        for at, ask in enumerate(panel.asks):
            query = prometheus.Dataquery().datasource(source).expr(ask.expr).ref_id(chr(65 + at))
            query.legend_format(ask.legend or "__auto")
            made.with_target(query.instant() if panel.shows == "stat" else query.range())
    elif panel.columns:
        _fill_table(made, panel, scope, make)
    else:
        _fill(made, panel, scope, make)
    return made


def _fill(made: Any, panel: Panel, scope: Scope, make: Make) -> None:
    made.datasource(_store(make.store_of(panel.reads[0].level)))
    if panel.by_area:
        _fill_by_area(made, panel.reads[0], make)
        return
    for at, read in enumerate(panel.reads):
        ref = chr(65 + at)
        made.with_target(_Given(StoreQuery(asked_of(read, scope, make), ref, make.store_of(read.level))))
        if len(panel.reads) > 1 or read.total or read.name:
            named = [model.DynamicConfigValue(id_val="displayName", value=_name(read).say(make.language))]
            made.override_by_query(ref, named)
    if len(panel.reads) == 1 and not panel.reads[0].total:
        made.display_name("${__field.labels.line_id}")


def _fill_by_area(made: Any, read: Read, make: Make) -> None:
    source = make.store_of(read.level)
    for at, (name, olts) in enumerate(make.areas):
        ref = f"AREA{at}"
        made.with_target(_Given(StoreQuery(asked_of(read, Scope(devices=olts), make), ref, source)))
        made.override_by_query(ref, [model.DynamicConfigValue(id_val="displayName", value=name)])


def asked_of(read: Read, scope: Scope, make: Make) -> dict[str, Any]:
    """The query of a read, as its data source keeps it; one value of a whole time range has no time in SQL."""
    timeless = make.dialect.language == "sql" and (read.now or read.over)
    return make.dialect.target(make.dialect.read(read, scope), "table" if timeless else "time_series")


def _fill_table(made: Any, panel: Panel, scope: Scope, make: Make) -> None:
    assert panel.of is not None  # noqa: S101 - a table of panels.yaml names its subjects
    source = make.store_of("raw")
    made.datasource(_store(source))
    query = make.dialect.target(make.dialect.table(panel.columns, panel.of, scope), "table")
    made.with_target(_Given(StoreQuery(query, "A", source)))
    if make.dialect.language == "flux":
        made.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    made.override_by_regexp("^(Time|time)$", [model.DynamicConfigValue("custom.hidden", True)])
    made.override_by_name("line_id", [model.DynamicConfigValue("displayName", _SUBJECT.say(make.language))])
    for name in panel.columns:
        field = fields()[name]
        said = [
            model.DynamicConfigValue("displayName", Words(en=field.en, zh=field.zh).say(make.language)),
            model.DynamicConfigValue("unit", pages().units[field.unit]),
        ]
        coloured = {"rx_dbm": "ont_rx", "olt_rx_dbm": "olt_rx", "tx_dbm": "ont_tx", "pon_tx_dbm": "pon_tx"}.get(name)
        if coloured:
            limits = _steps(steps(coloured, make.classes.usual))  # type: ignore[arg-type]
            said.append(model.DynamicConfigValue("thresholds", limits.build()))
            said.append(model.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
        if field.kind == "state":
            said.append(model.DynamicConfigValue("mappings", [_mapping(make.language)]))
            said.append(model.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
        made.override_by_name(name, said)


def _describe(made: Any, panel: Panel, make: Make) -> None:
    said = [panel.about.say(make.language)] if panel.about else []
    if panel.limits in ("ont_rx", "olt_rx", "ont_tx", "pon_tx") or "rx_dbm" in panel.columns:
        name = make.classes.usual.name
        said.append(
            Words(en=f"Limits: {name}, the class of most lines.", zh=f"门限：{name}（多数线路的等级）。").say(
                make.language
            )
        )
    if said:
        made.description(" ".join(said))


def _limit(made: Any, panel: Panel, make: Make) -> None:
    if panel.limits is None:
        if panel.shows in ("stat",):
            made.thresholds(_steps([(None, "text")]))
        return
    made.thresholds(_steps(steps(panel.limits, make.classes.usual)))
    if panel.shows == "lines":
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED))


def _steps(of: list[tuple[float | None, str]]) -> dashboard.ThresholdsConfig:
    made = [model.Threshold(value=value, color=colour) for value, colour in of]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(made)


def _mapping(language: Language) -> model.ValueMap:
    words = pages().words
    return model.ValueMap(
        options={
            name: model.ValueMappingResult(text=w.zh if language == "zh" else w.en, color=w.colour, index=at)
            for at, (name, w) in enumerate(words.items())
        }
    )


def _name(read: Read) -> Words:
    field = fields()[read.base]
    return read.name or Words(en=field.en, zh=field.zh)


def _store(uid: str) -> model.DataSourceRef:
    return model.DataSourceRef(type_val="influxdb", uid=uid)


def _stat() -> Any:
    return stat.Panel().color_mode(shapes.BigValueColorMode.VALUE).graph_mode(shapes.BigValueGraphMode.NONE)


def _lines() -> Any:
    return _with_legend(timeseries.Panel().line_width(1).fill_opacity(0).show_points(shapes.VisibilityMode.AUTO))


def _bars() -> Any:
    return _with_legend(timeseries.Panel().draw_style(shapes.GraphDrawStyle.BARS).fill_opacity(60))


def _with_legend(panel: timeseries.Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST)
    legend.placement(shapes.LegendPlacement.BOTTOM).show_legend(True)
    tooltip = common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.ASCENDING)
    return panel.legend(legend).tooltip(tooltip)


def _states() -> Any:
    return statetimeline.Panel().merge_values(True).row_height(0.8)


def _table() -> Any:
    return table.Panel().filterable(True)
