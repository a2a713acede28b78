"""`lightline status`: what the collector, the stores, the analyzer and the ledger are doing."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings


def status(
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    as_json: options.Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show every device, renewed every 2 s, until Ctrl-C.")] = False,
) -> None:
    """Print how the service stands. Exit code 1 when something needs attention."""
    settings = load_settings(inventory=inventory_option, data=data, store=store)
    if not settings.data.is_dir():
        raise UserError(f"nothing ever ran in {settings.data}; start with `lightline run`, or name --data")
    if watch:
        from lightline.watching import watch as keep_watching

        if as_json:
            raise UserError("--watch is for people; for programs, ask again and again with --json, or scrape /metrics")
        keep_watching(settings.collector_status_path)
        return
    told = asyncio.run(_gather(settings))
    if as_json:
        from lightline.output import print_json

        print_json(told)
    else:
        _print(told)
    if told["attention"]:
        raise typer.Exit(1)


async def _gather(settings: Settings) -> dict[str, Any]:
    from collector.lateness import late_tiers
    from collector.status import read_status
    from lightline.inventory import inventory_if_any
    from lightline.opening import open_ledger, open_telemetry
    from lightline.telling import Teller
    from lightline.watching import SILENT_AFTER_S

    now = datetime.now(UTC)
    attention: list[str] = []
    try:
        collector = read_status(settings.collector_status_path)
    except ValueError as error:
        raise UserError(str(error)) from None
    told: dict[str, Any] = {"at": now, "attention": attention, "collector": collector}
    if collector is None:
        attention.append("no collector ever ran here")
    elif (now - collector.written_at).total_seconds() > SILENT_AFTER_S:
        attention.append(f"the collector is not running; it last wrote at {collector.written_at:%Y-%m-%d %H:%M:%S} UTC")
    if collector is not None:
        attention += [f"device {d.id}: {d.trouble or d.state}" for d in collector.devices if d.trouble]
        attention += [str(late) for late in late_tiers(collector.devices)]
        attention += [f"broker {b.id}: {b.detail or b.state}" for b in collector.brokers if b.state == "down"]
        attention += [f"trap listener {t.id}: {t.detail}" for t in collector.traps if t.detail]
        attention += [f"spool: {collector.spool.detail}"] if collector.spool.full else []
        attention += [f"store: {collector.drain.detail}"] if collector.drain.state == "store_unavailable" else []
    inventory = inventory_if_any(settings.inventory, settings.plant_log_path)
    telemetry = await open_telemetry(settings, inventory, read_only=True)
    try:
        told["store"] = await telemetry.status()
    finally:
        await telemetry.close()
    if not told["store"].healthy:
        attention.append(f"store: {told['store'].detail}")
    with open_ledger(settings) as ledger:
        counts = await asyncio.to_thread(ledger.counts, now)
        attention += await asyncio.to_thread(Teller(ledger, lambda: now).troubles)
    told["ledger"] = counts.to_json()
    if counts.overdue:
        attention.append(f"{counts.overdue} tickets are past their deadline")
    try:
        told["analysis"] = orjson.loads(settings.analysis_status_path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        told["analysis"] = None
    return told


def _print(told: dict[str, Any]) -> None:
    from lightline.output import print_table

    collector = told["collector"]
    if collector is not None:
        print_table(
            "Devices", ("device", "state", "profile", "lines", "missing", "unknown", "last answer (UTC)", "trouble"),
            [
                (d.id, d.state, d.profile, d.lines, d.missing, d.unknown_count,
                 _last(t.last_success for t in d.tiers.values()), d.trouble)
                for d in collector.devices
            ],
        )  # fmt: skip
        print_table(
            "Brokers", ("broker", "state", "readings", "refused", "detail"),
            [(b.id, b.state, b.readings, sum(b.refused.values()), b.detail) for b in collector.brokers],
        )  # fmt: skip
        if collector.traps:
            print_table(
                "Trap listeners", ("listener", "state", "received", "readings", "unknown", "refused", "detail"),
                [(t.id, t.state, t.received, t.readings, t.unknown, sum(t.refused.values()), t.detail)
                 for t in collector.traps],
            )  # fmt: skip
        spool, drain = collector.spool, collector.drain
        print_table(
            "Spool and store", ("figure", "value"),
            [("records waiting", spool.records), ("bytes", spool.bytes_used), ("delivery", drain.state),
             ("rows delivered", drain.rows), ("batches set aside", spool.set_aside)],
        )  # fmt: skip
    store = told["store"]
    figures = [(k, int(v) if float(v).is_integer() else v) for k, v in store.figures.items()]
    print_table(
        "Telemetry store", ("figure", "value"),
        [("kind", store.kind), ("newest reading (UTC)", _last([store.newest_reading])), *figures],
    )  # fmt: skip
    ledger = told["ledger"]
    print_table(
        "Ledger", ("figure", "value"),
        [("tickets", ledger["total"]), ("unfinished", ledger["unfinished"]), ("overdue", ledger["overdue"]),
         *((f"unfinished {g}", n) for g, n in ledger["by_grade"].items())],
    )  # fmt: skip
    if told["analysis"] and "analysis" in told["analysis"]:
        a = told["analysis"]["analysis"]
        print_table("Last analysis", ("figure", "value"), [(k, str(v)) for k, v in a.items() if k != "tickets"])
    for line in told["attention"]:
        typer.echo(f"needs attention: {line}")


def _last(moments: Any) -> str:
    there = [m for m in moments if m is not None]
    return f"{max(there):%Y-%m-%d %H:%M:%S}" if there else ""
