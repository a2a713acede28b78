"""Grafana's dashboards and alert rules: every question is asked of a real InfluxDB that our store wrote."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from analyzer.settings import Settings as AnalyzerSettings
from dashboards.grafana.queries import Flux, InfluxQL, Scope, Sql
from dashboards.grafana.spec import Page, Panel, Read, alerts, pages
from dashboards.grafana.writing import Store, write
from plant.fields import fields
from plant.inventory import Inventory
from plant.pon_classes import pon_classes
from storage.influx.client import InfluxClient
from storage.opening import open_store
from tests.dashboards.plant import CMTS, OLTS, ZONE, fill, influxql_filled, sql_filled, write_inventory
from tests.influx import influx_server
from tests.lightline.commands import lightline

SHARES = {"outage_share": AnalyzerSettings.load().outage_share}
URLS = {"influxql": "influx1://h:8086/db", "flux": "influx2://h:8086/org/b", "sql": "influx3://h:8181/db"}


@dataclass(frozen=True)
class World:
    """A database that our store wrote, and what Grafana is told of it."""

    url: str
    host: str
    inventory: Inventory
    now: datetime

    def ask(self, text: str) -> list[dict[str, Any]]:
        async def asked() -> list[dict[str, Any]]:
            client = InfluxClient(f"http://{self.host}", "plant", None, None)
            try:
                return await client.query(text)
            finally:
                await client.close()

        return asyncio.run(asked())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with influx_server(tmp_path_factory.mktemp("influx")) as host:
        inventory = write_inventory(tmp_path_factory.mktemp("plant"))
        now = datetime.now(UTC).replace(microsecond=0)
        asyncio.run(fill(f"influx1://{host}/plant", inventory, now))
        yield World(f"influx1://{host}/plant", host, inventory, now)


def written(folder: Path, url: str, inventory: Inventory, language: str = "en", **how: Any) -> Path:
    write(
        folder, Store.of(url, **how), inventory, language, prometheus="http://127.0.0.1:9090", shares=SHARES,  # type: ignore[arg-type]
        scraped="127.0.0.1:8080",
    )  # fmt: skip
    return folder


def boards(folder: Path) -> dict[str, dict[str, Any]]:
    return {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted((folder / "dashboards").glob("*.json"))}


def store_targets(board: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (panel, target)
        for panel in board["panels"] for target in panel.get("targets", ())
        if target["datasource"]["type"] == "influxdb"
    ]  # fmt: skip


def chosen(world: World, board: dict[str, Any]) -> dict[str, list[str]]:
    """The values of a dashboard's variables, each narrowed by those before it; the first where one is chosen."""
    values: dict[str, list[str]] = {}
    for variable in board["templating"].get("list", []):
        text = influxql_filled(variable["query"]["query"], values, world.now, world.now, "1h")
        found = [row[1] for series in world.ask(text) for row in series["values"]]
        assert found, f"{board['uid']}: no values of {variable['name']}: {text}"
        values[variable["name"]] = found if variable["multi"] else found[:1]
    return values


@pytest.mark.parametrize("page", pages().dashboards, ids=lambda p: p.uid)
def test_every_influxql_panel_shows_what_our_store_wrote(world: World, tmp_path: Path, page: Page) -> None:
    board = boards(written(tmp_path, world.url, world.inventory))[page.uid]
    values = chosen(world, board)
    start, end = world.now - timedelta(days=3), world.now
    for panel, target in store_targets(board):
        text = influxql_filled(target["query"], values, start, end, panel.get("interval") or "10m")
        answer = world.ask(text)
        assert answer, f"{panel['title']}: nothing for {text}"
        for series in answer:
            shown = [v for row in series["values"] for v in row[1:]]
            assert any(v is not None for v in shown), f"{panel['title']}: only nulls for {text}"
        if panel["type"] == "table":
            assert all(v is not None for s in answer for row in s["values"] for v in row), f"{panel['title']} has gaps"


def test_variables_narrow_each_other(world: World, tmp_path: Path) -> None:
    made = boards(written(tmp_path, world.url, world.inventory))
    values = chosen(world, made["lightline-pon"])
    assert values["device"] == ["GZ-OLT-01"]
    assert values["pon"] == ["0/1/0"]
    assert len(values["line"]) == 3
    assert all(line.startswith("GZ-OLT-01 line=0-") for line in values["line"])
    assert set(chosen(world, made["lightline-overview"])["device"]) == set(OLTS)
    assert chosen(world, made["lightline-coax"])["device"] == [CMTS]
    query = next(v for v in made["lightline-olt"]["templating"]["list"] if v["name"] == "device")["query"]["query"]
    text = influxql_filled(query, {"area": ["panyu"]}, world.now, world.now, "1h")
    assert [row[1] for row in world.ask(text)[0]["values"]] == ["PY-OLT.02"]


def test_totals_are_the_sum_of_the_ports(world: World, tmp_path: Path) -> None:
    board = boards(written(tmp_path, world.url, world.inventory))["lightline-overview"]
    panel = next(p for p in board["panels"] if p.get("title") == "ONTs up")
    values = chosen(world, board)
    text = influxql_filled(panel["targets"][0]["query"], values, world.now - timedelta(days=1), world.now, "10m")
    assert world.ask(text)[0]["values"][0][1] == 4 * 3
    one = influxql_filled(panel["targets"][0]["query"], {**values, "device": ["PY-OLT.02"]},
                          world.now - timedelta(days=1), world.now, "10m")  # fmt: skip
    assert world.ask(one)[0]["values"][0][1] == 2 * 3


def test_areas_are_shown_each_with_its_own_olts(world: World, tmp_path: Path) -> None:
    board = boards(written(tmp_path, world.url, world.inventory))["lightline-overview"]
    panel = next(p for p in board["panels"] if p.get("title") == "ONTs up by area")
    names = [o["properties"][0]["value"] for o in panel["fieldConfig"]["overrides"]]
    assert names == [a.name for a in world.inventory.areas.values()]
    for target in panel["targets"]:
        text = influxql_filled(target["query"], {}, world.now - timedelta(hours=2), world.now, "3h")
        assert {row[1] for row in world.ask(text)[0]["values"]} == {2 * 3}
    assert [len(re.findall("OLT", t["query"])) for t in panel["targets"]] == [1, 1]


def test_every_alert_rule_reads_what_our_store_wrote(world: World, tmp_path: Path) -> None:
    told = yaml.safe_load(
        (written(tmp_path, world.url, world.inventory) / "provisioning/alerting/lightline.yaml").read_text()
    )
    rules = told["groups"][0]["rules"]
    asked = 0
    for rule in rules:
        for datum in rule["data"]:
            if datum["datasourceUid"] != "lightline-store":
                continue
            span = timedelta(seconds=datum["relativeTimeRange"]["from"])
            text = influxql_filled(datum["model"]["query"].replace("$$", "$"), {}, world.now - span, world.now, "1m")
            answer = world.ask(text)
            assert answer, f"{rule['title']}: nothing for {text}"
            assert all(row[1] is not None for s in answer for row in s["values"])
            asked += 1
    by_uid = {r["uid"]: r for r in rules}
    assert asked == 5  # outage: two; transmit power: one for each of the plant's classes; silence
    for name, (low, high) in {n: pon_classes()[n].olt_tx for n in ("gpon_b+", "gpon_c+")}.items():
        rule = by_uid[f"lightline-pon-tx-{name.replace('+', 'p').replace('_', '-')}"]
        assert rule["data"][-1]["model"]["conditions"][0]["evaluator"] == {
            "type": "outside_range",
            "params": [low, high],
        }
    outage = by_uid["lightline-outage"]["data"][-1]["model"]["conditions"][0]["evaluator"]
    assert outage["params"] == [pytest.approx(1 - SHARES["outage_share"])]


def test_a_rule_of_a_class_reads_the_ports_of_its_olts_only(world: World, tmp_path: Path) -> None:
    told = yaml.safe_load(
        (written(tmp_path, world.url, world.inventory) / "provisioning/alerting/lightline.yaml").read_text()
    )
    rule = next(r for r in told["groups"][0]["rules"] if r["uid"] == "lightline-pon-tx-gpon-bp")
    text = influxql_filled(
        rule["data"][0]["model"]["query"].replace("$$", "$"), {}, world.now - timedelta(hours=3), world.now, "1m"
    )
    assert {s["tags"]["line_id"] for s in world.ask(text)} == {"pon:PY-OLT.02/2/0", "pon:PY-OLT.02/2/1"}


async def test_retention_policies_are_named_where_the_database_has_them(tmp_path: Path) -> None:
    with influx_server(tmp_path) as host:
        inventory = write_inventory(tmp_path)
        url, now = f"influx1://{host}/kept", datetime.now(UTC).replace(microsecond=0)
        await (await open_store(url, zone=ZONE, policies=True)).close()
        await fill(url, inventory, now)
        board = boards(written(tmp_path / "out", url, inventory, policies=True))["lightline-olt"]
        client = InfluxClient(f"http://{host}", "kept", None, None)
        values = {"area": ["tianhe"], "device": ["GZ-OLT-01"], "pon": ["0/1/0", "0/1/1"]}
        for panel, target in store_targets(board):
            text = influxql_filled(
                target["query"], values, now - timedelta(days=2), now, panel.get("interval") or "10m"
            )
            assert len(await client.query(text)) == 2, text
        await client.close()


def test_sql_says_what_influxql_says(world: World) -> None:
    """Version 3 is not seen here: its SQL runs in DuckDB over the same readings, with its functions' names there."""
    base = duckdb.connect()
    base.execute("SET TimeZone = 'UTC'")
    base.execute("CREATE MACRO date_bin(width, moment, origin) AS time_bucket(width, moment)")
    base.execute("CREATE MACRO regexp_like(word, pattern) AS regexp_matches(word, pattern)")
    start, end = world.now - timedelta(days=4), world.now

    async def tables() -> dict[str, Any]:
        store = await open_store(world.url, zone=ZONE, read_only=True)
        ids = (await store.lines_seen()).to_pylist()
        found = {n: await store.rows(level, ids, start, end + timedelta(hours=1)) for level, n in  # type: ignore[arg-type]
                 (("raw", "reading"), ("hour", "reading_hourly"), ("day", "reading_daily"))}  # fmt: skip
        await store.close()
        return found

    for name, table in asyncio.run(tables()).items():
        base.register(name, table)
    compared = 0
    for page in pages().dashboards:
        scope = Scope(tuple(page.variables))
        device = CMTS if page.coax else "PY-OLT.02"
        pons = ["node-1"] if page.coax else ["2/0", "2/1"]
        lines = ["K1", "K2"] if page.coax else ["PY-OLT.02 line=0-0", "PY-OLT.02 line=1-2"]
        values = {"area": ["panyu"], "device": [device], "pon": pons, "line": lines}
        for panel in page.panels:
            for read in panel.reads:
                window = panel.interval or "10m"
                since = world.now - timedelta(days=2)
                ql = world.ask(influxql_filled(InfluxQL(policies=False).read(read, scope), values, since, end, window))
                sql = base.execute(sql_filled(Sql().read(read, scope), values, since, end, window)).fetchall()
                want = sorted(
                    str(row[1]) if isinstance(row[1], str) else round(row[1], 3) for s in ql for row in s["values"]
                )
                have = sorted(str(row[-1]) if isinstance(row[-1], str) else round(row[-1], 3) for row in sql)
                assert have == pytest.approx(want, abs=0.002) if not isinstance(want[0], str) else have == want, read
                compared += 1
            if panel.columns:
                assert panel.of is not None
                rows = base.execute(
                    sql_filled(Sql().table(panel.columns, panel.of, scope), values, start, end, "1h")
                ).fetchall()
                assert len(rows) == len(pons if panel.of == "ports" else lines)
    assert compared > 30


@pytest.mark.parametrize("language", ["flux", "sql"])
def test_other_languages_name_columns_that_are_kept(tmp_path: Path, language: str) -> None:
    """Whether a server takes them was not seen; that each names columns and variables that are there is."""
    inventory = write_inventory(tmp_path)
    for policies in (False, True):
        folder = written(tmp_path / str(policies), URLS[language], inventory, policies=policies)
        named = set(re.findall(r"uid: (\S+)", (folder / "provisioning/datasources/lightline.yaml").read_text()))
        for board in boards(folder).values():
            known = {v["name"] for v in board["templating"].get("list", [])}
            for panel, target in store_targets(board):
                text = target["query"]
                assert set(re.findall(r"\$\{(\w+):", text)) <= known, panel["title"]
                assert target["datasource"]["uid"] in named
                assert text.count("(") == text.count(")")
                if language == "flux":
                    columns = re.findall(r'r\._field == "(\w+)"', text)
                    assert columns
                    assert all(any(c == n or c.startswith(f"{n}_") for n in fields()) for c in columns)
                    assert all(line.startswith(("from(bucket: ", "  |> ")) or not line for line in text.splitlines())


def test_flux_asks_by_window_and_total() -> None:
    read = Read(field="onts_up", level="raw", of="ports", fold="last", total="sum")
    assert Flux("b", policies=True).read(read, Scope(("device",))).splitlines() == [
        'from(bucket: "b/raw")',
        "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)",
        '  |> filter(fn: (r) => r._measurement == "reading")',
        r"  |> filter(fn: (r) => r.line_id =~ /^pon:${device:regex}\//)",
        '  |> filter(fn: (r) => r._field == "onts_up")',
        "  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false)",
        '  |> keep(columns: ["_time", "_value", "line_id"])',
        '  |> group(columns: ["_time"])',
        "  |> sum()",
        "  |> group()",
        '  |> sort(columns: ["_time"])',
    ]


def test_the_same_plant_gives_the_same_files(tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path)
    folder = written(tmp_path / "out", URLS["influxql"], inventory, "zh")
    first = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    written(folder, URLS["influxql"], inventory, "zh")
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == first


def test_simulated_data_is_marked_on_every_dashboard_and_rule(tmp_path: Path) -> None:
    for simulated in (True, False):
        inventory = write_inventory(tmp_path, simulated=simulated)
        folder = written(tmp_path / str(simulated), URLS["influxql"], inventory)
        for board in boards(folder).values():
            marked = [p for p in board["panels"] if p["type"] == "text" and "Simulated data" in p["options"]["content"]]
            assert bool(marked) is simulated
            assert board["title"].endswith("(simulated)") is simulated
        rules = yaml.safe_load((folder / "provisioning/alerting/lightline.yaml").read_text())["groups"][0]["rules"]
        assert all(("simulated" in r["labels"]) is simulated for r in rules)


def test_panels_have_ids_and_places_of_their_own(tmp_path: Path) -> None:
    for board in boards(written(tmp_path, URLS["influxql"], write_inventory(tmp_path))).values():
        assert len({p["id"] for p in board["panels"]}) == len(board["panels"])
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + i, at["y"] + k) for i in range(at["w"]) for k in range(at["h"])}
            assert not cells & taken, f"{board['uid']}: {panel.get('title')} lies over another panel"
            assert at["x"] + at["w"] <= 24
            taken |= cells
        refs = [[t["refId"] for t in p.get("targets", ())] for p in board["panels"]]
        assert all(len(set(r)) == len(r) for r in refs)


def test_limits_are_those_of_the_class_of_most_lines(tmp_path: Path) -> None:
    board = boards(written(tmp_path, URLS["influxql"], write_inventory(tmp_path)))["lightline-pon"]
    panel = next(p for p in board["panels"] if p.get("title") == "ONT receive power")
    usual = pon_classes()["gpon_b+"]  # both have six lines: the first by name
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [s["value"] for s in steps] == [None, usual.weak_dbm, usual.warn_dbm, usual.ont_rx[1]]
    assert "gpon_b+" in panel["description"]


def test_prometheus_questions_name_metrics_that_are_told() -> None:
    """Names as api/metrics.py and collector/metrics.py have them; `up` and functions are Prometheus' own."""
    root = Path(__file__).resolve().parents[2]
    source = (root / "api/metrics.py").read_text() + (root / "collector/metrics.py").read_text()
    told = set(re.findall(r'"(lightline_\w+)"', source))
    told |= {f"lightline_collector_{n}" for n in re.findall(r'_gauge\(\s*"(\w+)"', source)}
    told |= {f"lightline_traps_{n}" for n in re.findall(r'\("(\w+)", "', source)}
    asked = [a.expr for p in pages().dashboards for panel in p.panels for a in panel.asks]
    asked += [r.expr for r in alerts().rules if r.expr]
    names = {n for expr in asked for n in re.findall(r"lightline_\w+", expr)}
    assert names
    assert {re.sub("_(total|bucket)$", "", n) for n in names} <= told


def test_secrets_are_named_never_written(tmp_path: Path) -> None:
    folder = written(tmp_path, "influx1s://h:8086/db", write_inventory(tmp_path), user=True)
    source = yaml.safe_load((folder / "provisioning/datasources/lightline.yaml").read_text())["datasources"][0]
    assert source["url"] == "https://h:8086"
    assert (source["user"], source["secureJsonData"]) == (
        "$LIGHTLINE_STORE_USER",
        {"password": "$LIGHTLINE_STORE_PASSWORD"},
    )


def test_the_embedded_store_is_refused_with_the_forms_that_work() -> None:
    with pytest.raises(ValueError, match="influx1://HOST:PORT/DATABASE"):
        Store.of("delta:data/telemetry")


def test_titles_are_said_in_both_languages() -> None:
    def chinese(panel: Panel) -> bool:
        return panel.title is None or bool(re.search(r"[一-鿿]", panel.title.zh))

    assert all(chinese(panel) for page in pages().dashboards for panel in page.panels)


def test_the_command_writes_all_and_places(world: World, tmp_path: Path) -> None:
    write_inventory(tmp_path)
    done = lightline(tmp_path, "grafana", "out", "--store", world.url, "--places", "--json", "--language", "en")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["places"] == world.inventory.lines.num_rows
    assert len(told["files"]) == len(pages().dashboards) + 4
    assert all((tmp_path / f).stat().st_size for f in told["files"])
    refused = lightline(tmp_path, "grafana", "out", "--store", "delta:x")
    assert refused.returncode == 2
    assert "Grafana reads InfluxDB" in refused.stderr
