"""The folder that Grafana is given: dashboards, data sources, alert rules; and what Prometheus is told to ask."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from dashboards.grafana.alerting import provisioning
from dashboards.grafana.building import PROMETHEUS_UID, STORE_UID, Make, build
from dashboards.grafana.limits import classes_of
from dashboards.grafana.queries import POLICIES, Dialect, Flux, InfluxQL, Sql
from dashboards.grafana.spec import Language, Level, pages
from plant.inventory import Inventory

FORMS = {"influx1": "influxql", "influx2": "flux", "influx3": "sql"}


@dataclass(frozen=True)
class Store:
    """An InfluxDB store by its address (docs/stores.md). `names` are its database, or organisation and bucket."""

    kind: str
    address: str
    names: tuple[str, ...]
    user: bool
    policies: bool

    @classmethod
    def of(cls, url: str, *, user: bool = False, policies: bool = False) -> "Store":
        """ValueError where the address is of no InfluxDB: Grafana cannot read the embedded store."""
        parts = urlsplit(url)
        kind = parts.scheme.removesuffix("s")
        names = tuple(unquote(n) for n in parts.path.strip("/").split("/") if n)
        if kind not in FORMS or not parts.netloc or len(names) != (2 if kind == "influx2" else 1):
            raise ValueError(
                f'Grafana reads InfluxDB, and "{url}" is none; name the store as influx1://HOST:PORT/DATABASE, '
                "influx2://HOST:PORT/ORG/BUCKET or influx3://HOST:PORT/DATABASE"
            )
        address = f"{'https' if parts.scheme.endswith('s') else 'http'}://{parts.netloc}"
        return cls(kind, address, names, user, policies)

    @property
    def dialect(self) -> Dialect:
        if self.kind == "influx1":
            return InfluxQL(policies=self.policies)
        return Flux(self.names[1], policies=self.policies) if self.kind == "influx2" else Sql()

    def source_of(self, level: Level) -> str:
        """The data source of a level: 3 keeps each in a database of its own where there are policies."""
        return f"{STORE_UID}-{POLICIES[level]}" if self.kind == "influx3" and self.policies else STORE_UID

    def sources(self) -> list[dict[str, Any]]:
        """The data sources of the store. Secrets are the environment's: LIGHTLINE_STORE_USER and …_PASSWORD."""
        base = {"type": "influxdb", "access": "proxy", "url": self.address, "editable": False}
        if self.kind == "influx1":
            about: dict[str, Any] = {"version": "InfluxQL", "dbName": self.names[0], "httpMode": "POST"}
            secret = {"user": "$LIGHTLINE_STORE_USER", "secureJsonData": {"password": "$LIGHTLINE_STORE_PASSWORD"}}
            return [{**base, "name": "Lightline", "uid": STORE_UID, "jsonData": about, **(secret if self.user else {})}]
        token = {"secureJsonData": {"token": "$LIGHTLINE_STORE_PASSWORD"}}
        if self.kind == "influx2":
            about = {"version": "Flux", "organization": self.names[0], "defaultBucket": self.names[1]}
            return [{**base, "name": "Lightline", "uid": STORE_UID, "jsonData": about, **token}]
        databases: dict[str, str] = {STORE_UID: self.names[0]}
        if self.policies:
            databases |= {f"{STORE_UID}-{p}": f"{self.names[0]}/{p}" for p in POLICIES.values()}
        return [
            {**base, "name": f"Lightline {db}", "uid": uid, "jsonData": {"version": "SQL", "dbName": db}, **token}
            for uid, db in databases.items()
        ]


def make_of(store: Store, inventory: Inventory, language: Language) -> Make:
    """What is to be made of a store and a plant."""
    olts = {
        area.name: tuple(sorted(d.id for d in inventory.devices.values() if d.kind == "olt" and d.area == area.id))
        for area in inventory.areas.values()
    }
    return Make(
        store.dialect, language, classes_of(inventory), inventory.calendar.zone, inventory.simulated, store.source_of,
        tuple((name, devices) for name, devices in olts.items() if devices),
    )  # fmt: skip


def write(
    folder: Path,
    store: Store,
    inventory: Inventory,
    language: Language,
    *,
    prometheus: str,
    shares: dict[str, float],
    scraped: str,
) -> list[Path]:
    """Write all files; the same arguments write the same bytes. `prometheus` is its address, `scraped` ours."""
    make = make_of(store, inventory, language)
    boards = folder / "dashboards"
    texts: dict[Path, str] = {boards / f"{page.uid}.json": build(page, make) for page in pages().dashboards}
    provisions = folder / "provisioning"
    about_prometheus = {
        "name": "Lightline Prometheus", "uid": PROMETHEUS_UID, "type": "prometheus", "access": "proxy",
        "url": prometheus, "editable": False,
    }  # fmt: skip
    provider = {
        "name": "Lightline", "folder": "Lightline", "type": "file", "allowUiUpdates": False,
        "options": {"path": str(boards.resolve())},
    }  # fmt: skip
    scrape = {
        "job_name": "lightline", "metrics_path": "/metrics", "scrape_interval": "30s",
        "authorization": {"credentials_file": "/etc/prometheus/lightline-token"},
        "static_configs": [{"targets": [scraped]}],
    }  # fmt: skip
    told: dict[Path, Any] = {
        provisions / "datasources" / "lightline.yaml": {
            "apiVersion": 1, "datasources": [*store.sources(), about_prometheus],
        },
        provisions / "dashboards" / "lightline.yaml": {"apiVersion": 1, "providers": [provider]},
        provisions / "alerting" / "lightline.yaml": provisioning(make, shares),
        folder / "prometheus.yml": {"scrape_configs": [scrape]},
    }  # fmt: skip
    texts |= {
        path: yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=120) for path, value in told.items()
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(texts)
