"""The ledger's figures counted once more, with pandas, from an exported log: by another way, so that slips show."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pandas as pd


def export_log(entries: Any, path: Path) -> int:
    """The whole log as CSV, one line an entry, `after` as JSON; how many there were."""
    rows = [
        {"ticket": e.ticket, "version": e.version, "at": e.at.isoformat(), "actor": e.actor, "role": e.role,
         "action": e.action, "to_state": e.to_state, "after": orjson.dumps(dict(e.after)).decode()}
        for e in entries
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False, encoding="utf-8")
    return len(rows)


def _log(path: Path) -> pd.DataFrame:
    """Times in UTC, with deadline, kind and lines as they stood after each entry."""
    table = pd.read_csv(path, encoding="utf-8").sort_values(["ticket", "version"])
    table["at"] = pd.to_datetime(table["at"], utc=True, format="ISO8601")
    after = table["after"].map(orjson.loads)
    for name in ("deadline", "kind", "lines"):
        table[name] = after.map(lambda told, name=name: told.get(name))
        table[name] = table.groupby("ticket")[name].ffill()
    table["deadline"] = pd.to_datetime(table["deadline"], utc=True, format="ISO8601")
    return table.drop(columns="after")


def on_time(path: Path, now: datetime, zone: str) -> pd.DataFrame:
    """Month, work, due, on_time: as `Ledger.on_time` means them."""
    log = _log(path)
    last = log.groupby("ticket").last()
    resolves = log[log["action"] == "resolve"].groupby("ticket")
    undone = log[log["action"].isin(["fail", "reopen"])].groupby("ticket")["at"].last()
    told = pd.DataFrame({"promise": resolves["deadline"].first(), "resolved": resolves["at"].last()})
    table = last[["kind", "to_state", "deadline"]].join(told).join(undone.rename("undone"))
    table["promise"] = table["promise"].fillna(table["deadline"])
    table.loc[table["undone"] > table["resolved"], "resolved"] = pd.NaT
    table = table[~table["to_state"].isin(["cancelled", "merged"])]
    table = table[table["resolved"].notna() | (table["promise"] < now)]
    table["month"] = table["promise"].dt.tz_convert(zone).dt.strftime("%Y-%m")
    table["work"] = table["kind"].where(table["kind"] == "installation", "maintenance")
    table["in_time"] = table["resolved"] <= table["promise"]
    grouped = table.groupby(["month", "work"])["in_time"].agg(due="size", on_time="sum").reset_index()
    return grouped.astype({"due": int, "on_time": int})


def visits(path: Path, *, repeat_days: int, jobs: Collection[str], zone: str) -> pd.DataFrame:
    """Month, visits, repeated, repeats, verified, failed: as `Ledger.visits` means them.

    By a join of every two visits to one line, where the ledger goes through them in order of time.
    """
    log = _log(path)
    log = log[~log["kind"].isin(list(jobs))]
    seen = log[log["action"] == "resolve"].copy()
    seen["visit"] = seen["ticket"].astype(str) + "/" + seen["version"].astype(str)
    verdicts = log[log["action"].isin(["close", "fail"])]
    judged = pd.merge_asof(
        verdicts.sort_values("version"), seen.sort_values("version")[["ticket", "version", "visit"]], on="version",
        by="ticket",
    )  # fmt: skip
    for name, action in (("verified", "close"), ("failed", "fail")):
        seen[name] = seen["visit"].isin(judged.loc[judged["action"] == action, "visit"])
    by_line = seen[["visit", "ticket", "at", "lines"]].explode("lines")
    pairs = by_line.merge(by_line, on="lines", suffixes=("", "_first"))
    later = (pairs["at_first"] < pairs["at"]) | (
        (pairs["at_first"] == pairs["at"]) & (pairs["ticket_first"] < pairs["ticket"])
    )
    pairs = pairs[later & (pairs["at"] - pairs["at_first"] <= pd.Timedelta(days=repeat_days))]
    blamed = pairs.sort_values(["at_first", "ticket_first"]).drop_duplicates("visit")["visit_first"].value_counts()
    seen["repeats"] = seen["visit"].map(blamed).fillna(0).astype(int)
    seen["repeated"] = seen["repeats"] > 0
    seen["month"] = seen["at"].dt.tz_convert(zone).dt.strftime("%Y-%m")
    figures = ("repeated", "repeats", "verified", "failed")
    out = seen.groupby("month").agg(visits=("visit", "size"), **{name: (name, "sum") for name in figures})
    return out.astype(int).reset_index()
