"""`lightline backtest`: replay the store's history day by day and say how right the analyzer would have been."""

import asyncio
import json
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightline.commands import options
from lightline.commands.analyze import keep_compiled_code
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from plant.batch import StoreUnavailableError

if TYPE_CHECKING:
    from analyzer.backtest import Beside, Figures, Replay
    from analyzer.capacity import Capacity
    from analyzer.history import History
    from analyzer.scoring import Truth
    from analyzer.steadiness import Told
    from plant.finding import Finding


def backtest(
    truth: Annotated[
        Path, typer.Option(metavar="FILE", help="The faults there were: JSON list of place, lines, cause, onset.")
    ],
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day of visits; a quarter in.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last day; that of the newest reading.")
    ] = None,
    capacity: Annotated[int, typer.Option(min=1, help="Visits a week.")] = 40,
    grid_capacity: options.GridCapacity = None,
    days: Annotated[int | None, typer.Option(min=14, max=730, help="Days the analyzer looks back.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a report with plots.")] = None,
    as_json: options.Json = False,
) -> None:
    """Replay history week by week beside rules of thumb: precision at capacity, recall, lead time, place, cause, cost.

    The truth may be the simulator's truth.json or a list of repairs from your own ledger.
    """
    from analyzer.backtest import beside
    from analyzer.capacity import Capacity

    settings = load_settings(inventory=inventory_option, data=data, store=store, history_days=days)
    keep_compiled_code(settings.data)
    truths = _truths(truth)
    if html is not None:
        _plotting()
    replays, told, simulated = asyncio.run(
        _backtest(settings, truths, _day(first), _day(last), Capacity(capacity, grid_capacity))
    )
    others = [beside(replays[0], other) for other in replays[1:]]
    if html is not None:
        from lightline.report import write_report

        write_report(html, replays, told, others, capacity, simulated=simulated, absent=_absent())
    if as_json:
        from lightline.output import print_json

        compared = [{}, *({"beside": vars(b)} for b in others)]
        print_json([f.to_json() | b for f, b in zip(told, compared, strict=True)])
    else:
        _print(told, others, capacity)


async def _backtest(
    settings: Settings, truths: "list[Truth]", first: date | None, last: date | None, capacity: "Capacity"
) -> "tuple[list[Replay], list[Figures], bool]":
    from analyzer import per_line
    from analyzer.analyze import analyze
    from analyzer.backtest import best_first, figures, replay, steadily, weekly
    from analyzer.capacity import Capacity, grids_of, travel_of, worth_going
    from analyzer.coax import coax_sides
    from analyzer.naive import LIMITS, THRESHOLDS, below, beyond_limits, z_score
    from analyzer.settings import Settings as AnalyzerSettings
    from lightline.analysis import load_history, newest_day
    from lightline.inventory import inventory_if_any
    from lightline.opening import open_telemetry
    from lightline.output import counting

    inventory = await asyncio.to_thread(inventory_if_any, settings.inventory, settings.plant_log_path)
    telemetry = await open_telemetry(settings, inventory, read_only=True, wait=False)
    try:
        end = last or await newest_day(telemetry, inventory)
        history = await load_history(telemetry, inventory, end, 730)
    except StoreUnavailableError as error:
        raise UserError(f"the telemetry store cannot be read: {error}") from None
    finally:
        await telemetry.close()
    begin = first or _a_quarter_in(history)
    if begin > end:
        raise UserError(f"--from ({begin}) must be before --to ({end})")
    analyzer_settings = AnalyzerSettings.load()
    span = settings.history_days

    def ours(whole: "History", day: date, before: "Told") -> Any:
        found = analyze(whole.until(day, span), day, analyzer_settings, inventory.works, before)
        return [f for f in found if f.cause != "mains_outage"]

    rules: dict[str, Any] = {"lightline": steadily(ours), "z_score": z_score}
    rules |= {name: partial(below, limit_dbm=limit) for name, limit in THRESHOLDS.items()}
    if coax_sides(history):
        rules[LIMITS] = partial(beyond_limits, settings=analyzer_settings)
    if per_line.installed():
        rules[per_line.NAME] = per_line.change_points
    grids = grids_of(history)

    def worth_it(news: "Sequence[Finding]", visits: int) -> "list[Finding]":
        return worth_going(news, grids, Capacity(visits, capacity.of_grid), analyzer_settings)

    def ways(trips: "Sequence[Finding]") -> list[float]:
        return travel_of(trips, grids, analyzer_settings)

    weeks = weekly(begin, end)
    replays = []
    with counting("weeks", total=len(weeks) * len(rules)) as progress:
        for name, rule in rules.items():
            choose = worth_it if name == "lightline" else best_first  # what others score is no trouble avoided
            run = partial(replay, name, rule, history, truths, weeks, capacity.visits or 1, lambda: progress(1), choose,
                          ways)  # fmt: skip
            replays.append(await asyncio.to_thread(run))
    return replays, [figures(r, analyzer_settings.crew_hours) for r in replays], inventory.simulated


def _a_quarter_in(history: "History") -> date:
    """The analyzer needs a past: the first day of visits is a quarter of the history in, two weeks at least."""
    import numpy as np

    read = [m for name in ("rx_dbm", "ds_power_dbmv") if (m := history.get(name, "median")) is not None]
    if not read or not len(history.dates):
        raise UserError("the store holds neither optical nor coax readings; import a history first")
    there = np.flatnonzero(np.logical_or.reduce([np.isfinite(m).any(axis=0) for m in read]))
    start, end = int(there[0]), int(there[-1])
    day: date = history.dates[min(end, start + max(14, (end - start) // 4))].astype(object)
    return day


def _truths(path: Path) -> "list[Truth]":
    from analyzer.scoring import Truth

    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [Truth.from_json(entry) for entry in entries]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f'{path} is no list of faults ({error}); each needs "place", "lines", "cause" and "onset" (a day)'
        ) from None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UserError(f'"{text}" is no day; write it as 2026-11-01') from None


def _plotting() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UserError("the report's plots need matplotlib: pip install 'lightline[report]'") from None


def _print(told: "Sequence[Figures]", others: "Sequence[Beside]", capacity: int) -> None:
    from rich.markup import escape

    from lightline.output import print_table

    print_table(
        f"{told[0].faults} faults, {capacity} visits a week",
        ("rule", "visits", "true", "precision", "found", "recall", "foreseen", "lead days", "place right",
         "cause right", "in two", "forecasts held", "came again", "crew hours a fault"),
        [
            (f.rule, f.visits, f.true, _percent(f.precision), f.found, _percent(f.recall), _percent(f.foreseen),
             f.lead_days, _percent(f.place_right), _percent(f.cause_right), _percent(f.cause_in_two),
             _percent(f.forecasts_held), f.flickers, f.crew_hours_per_fault)
            for f in told
        ] + [(escape(name), *[None] * 13) for name in _absent()],
    )  # fmt: skip
    print_table(
        "Lightline beside the others: with the same capacity, and with no more visits than the rule made",
        ("rule", "found", "lightline", "of", "its visits", "lightline with these", "at most", "found by both",
         "lightline earlier", "days earlier"),
        [(b.rule, b.found, b.ours, b.faults, b.visits, b.ours_at_its_visits, b.most_at_its_visits, b.both, b.earlier,
          b.days_earlier) for b in others],
    )  # fmt: skip
    print_table(
        "Lightline by cause", ("cause", "faults", "found", "cause right", "days from onset", "days before hurt"),
        [(cause, row["faults"], row["found"], _percent(row["cause_right"]), row["days_from_onset"], row["lead_days"])
         for cause, row in told[0].by_cause.items()],
    )  # fmt: skip


def _absent() -> list[str]:
    """What cannot be compared with here, and how it could."""
    from analyzer import per_line

    return [] if per_line.installed() else [f"{per_line.NAME}: {per_line.INSTALL}"]


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"
