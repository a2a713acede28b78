"""`lightline analyze`: findings from the store's history, tickets from findings, repairs verified by new readings,
deadlines watched."""

import asyncio
import os
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import orjson
import structlog
import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from lightline.stopping import stop_event, wait
from plant.batch import StoreUnavailableError
from plant.finding import Finding

log = structlog.get_logger(__name__)

FIRST_TRY_AGAIN_S = 60.0  # after a run that failed
LEARN_S = 86400.0  # labels come by the visit
TREE_S = 86400.0  # who hangs on which splitter does not change by the hour
WATCH_S = 300.0  # deadlines are hours at the least


def analyze(
    inventory: options.Inventory = None,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    once: Annotated[
        bool, typer.Option("--once", help="One analysis into the ledger, one verification; then end.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Only look, as of this day (2026-11-01); the ledger stays as it is."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=14, max=730, help="Days to look back (LIGHTLINE_HISTORY_DAYS).")
    ] = None,
    full_days: Annotated[
        int | None,
        typer.Option(min=0, max=7, help="Days between analyses of all lines; 0: each is one (LIGHTLINE_FULL_DAYS)."),
    ] = None,
    capacity: Annotated[
        int | None, typer.Option(min=1, metavar="VISITS", help="Only look: the week's trips worth it, at most so many.")
    ] = None,
    grid_capacity: options.GridCapacity = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print findings as JSON, ranked; without --once only look.")
    ] = False,
) -> None:
    """Analyse every few hours until Ctrl-C: findings become tickets, repairs are verified."""
    settings = load_settings(
        inventory=inventory or inventory_option, data=data, store=store, history_days=days, full_days=full_days
    )
    if once and as_of:
        raise UserError("--as-of only looks, --once writes tickets; give one of them")
    trips = capacity is not None or grid_capacity is not None
    if once and trips:
        raise UserError("--capacity and --grid-capacity only look, --once writes tickets; give one of them")
    keep_compiled_code(settings.data)
    if as_of is not None or trips or (as_json and not once):
        limits = (capacity, grid_capacity) if trips else None
        asyncio.run(_look(settings, _day(as_of) if as_of else None, as_json, limits))
    elif once:
        asyncio.run(_once(settings, as_json))
    else:
        asyncio.run(_run(settings))


async def _look(
    settings: Settings, as_of: date | datetime | None, as_json: bool, capacity: tuple[int | None, int | None] | None
) -> None:
    """`capacity`: visits a week and in each grid; None to tell every finding."""
    from lightline.analysis import analyze_day, learnt, newest_day, operators_day
    from lightline.inventory import inventory_if_any
    from lightline.opening import open_telemetry

    inventory = await asyncio.to_thread(inventory_if_any, settings.inventory, settings.plant_log_path)
    telemetry = await open_telemetry(settings, inventory, read_only=True, wait=False)
    try:
        if isinstance(as_of, datetime):
            as_of = operators_day(inventory, as_of)
        day = as_of or await newest_day(telemetry, inventory)
        analysis = await analyze_day(telemetry, inventory, day, settings.history_days)
        analysis = await learnt(analysis, settings.learning_path, inventory)
    except StoreUnavailableError as error:
        raise UserError(f"the telemetry store cannot be read: {error}") from None
    finally:
        await telemetry.close()
    if capacity is None:
        _print(analysis.findings, as_json, f"Findings as of {day}")
        return
    from analyzer.capacity import Capacity, worth_going
    from analyzer.settings import Settings as AnalyzerSettings

    lines = inventory.lines
    placed = zip(lines["line_id"].to_pylist(), lines["grid"].to_pylist(), strict=True)
    grids = {line: grid for line, grid in placed if grid}
    trips = worth_going(analysis.findings, grids, Capacity(*capacity), AnalyzerSettings.load())
    _print(trips, as_json, f"Trips worth it in the week from {day}")


async def _once(settings: Settings, as_json: bool) -> None:
    from lightline.inventory import read_inventory
    from lightline.opening import open_ledger, open_telemetry

    inventory = await asyncio.to_thread(read_inventory, settings.inventory, settings.plant_log_path)
    telemetry = await open_telemetry(settings, inventory, read_only=True, wait=False)
    ledger = await asyncio.to_thread(open_ledger, settings)
    work = _Work(settings, telemetry, ledger)
    try:
        findings = await work.analyse(inventory)
        await work.look_at_tree(inventory)
        await work.verify()
        await work.watch(inventory)
    except StoreUnavailableError as error:
        raise UserError(f"the telemetry store cannot be read: {error}") from None
    finally:
        ledger.close()
        await telemetry.close()
    _print(findings, as_json, "Findings")


async def _run(settings: Settings) -> None:
    from lightline.inventory import InventoryFile
    from lightline.opening import open_ledger, open_telemetry

    stop = stop_event()
    file = await asyncio.to_thread(InventoryFile, settings.inventory, settings.plant_log_path)
    telemetry = await open_telemetry(settings, file.current(), read_only=True)
    ledger = await asyncio.to_thread(open_ledger, settings)
    work = _Work(settings, telemetry, ledger)

    async def analyse() -> None:
        await work.analyse(await asyncio.to_thread(file.current))

    async def watch() -> None:
        await work.watch(await asyncio.to_thread(file.current))

    async def look_at_tree() -> None:
        await work.look_at_tree(await asyncio.to_thread(file.current))

    async def learn() -> None:
        await work.learn(await asyncio.to_thread(file.current))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_often("analysis", analyse, settings.analyze_hours * 3600, stop))
            group.create_task(_often("escalation", watch, WATCH_S, stop))
            group.create_task(_often("suggestions of splitters", look_at_tree, TREE_S, stop))
            group.create_task(_often("learning", learn, LEARN_S, stop))
            group.create_task(_often("verification", work.verify, settings.verify_minutes * 60, stop))
    finally:
        ledger.close()
        await telemetry.close()


@dataclass
class _Work:
    """One round of each, and what the status file says of it."""

    settings: Settings
    store: Any
    ledger: Any
    _noting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)  # the plant's history is in memory once

    async def _note(self, key: str, said: dict[str, Any]) -> None:
        async with self._noting:
            await asyncio.to_thread(_note, self.settings.analysis_status_path, key, said)

    async def analyse(self, inventory: Any) -> list[Finding]:
        from analyzer.settings import Settings as AnalyzerSettings
        from analyzer.steadiness import Told
        from lightline.analysis import analyze_day, learnt, newest_day, take_findings
        from lightline.keeping import Keeping
        from lightline.told import keep_told, read_told

        now = datetime.now(UTC)
        day = await newest_day(self.store, inventory, now)
        kept = self.settings.told_path
        told = await asyncio.to_thread(read_told, kept, day)
        days, keeping = self.settings.history_days, None
        if self.settings.full_days:
            keeping = Keeping(self.settings.kept_path, self.settings.full_days, AnalyzerSettings.load(), days)
        async with self._reading:
            analysis = await analyze_day(self.store, inventory, day, days, told, keeping)
        await asyncio.to_thread(keep_told, kept, Told(day, tuple(analysis.findings)))
        analysis = await learnt(analysis, self.settings.learning_path, inventory)
        report = await take_findings(self.ledger, analysis, inventory, now)
        said = {
            "at": now, "as_of": day, "lines": analysis.lines, "judged": analysis.judged, "days": analysis.days,
            "unjudged": analysis.unjudged, "seconds": round(analysis.seconds, 2),
            "findings": len(analysis.findings), "tickets": report.to_json(),
        }  # fmt: skip
        await self._note("analysis", said)
        return analysis.findings

    async def look_at_tree(self, inventory: Any) -> None:
        """Splitters that the lines tell and no file names, for the console to accept."""
        from lightline.analysis import newest_day
        from lightline.legs import find_legs, suggested
        from plant.suggested import keep_suggested

        day = await newest_day(self.store, inventory)
        async with self._reading:
            found = await find_legs(self.store, inventory, day, self.settings.history_days)
        await asyncio.to_thread(keep_suggested, self.settings.suggestions_path, suggested(found, day))
        await self._note("splitters", {"at": datetime.now(UTC), "as_of": day, "suggestions": len(found)})

    async def learn(self, inventory: Any) -> None:
        """Drift of what was learnt, and a training a week."""
        from lightline.learning import LearningFolder, tend

        folder = LearningFolder(self.settings.learning_path)
        await asyncio.to_thread(tend, folder, self.ledger, inventory, datetime.now(UTC))

    async def verify(self) -> None:
        from lightline.verification import verify_repairs

        now = datetime.now(UTC)
        report = await verify_repairs(self.store, self.ledger, now)
        said = {"at": now, **asdict(report)}
        await self._note("verification", said)

    async def watch(self, inventory: Any) -> None:
        """Modes first: what a storm holds back is not told to be late."""
        now = datetime.now(UTC)
        response = await asyncio.to_thread(self.ledger.respond, inventory, now)
        told = await asyncio.to_thread(self.ledger.escalate, now)
        said = {
            "at": now, "steps": len(told), "tickets": len({t.ticket for t in told}),
            "response": {what: len(numbers) for what, numbers in response.to_json().items()},
        }  # fmt: skip
        await self._note("escalation", said)


async def _often(what: str, work: Any, every_s: float, stop: asyncio.Event) -> None:
    """Do it now and then every so often; after a failure again soon, ever more rarely. Each trouble is told once."""
    retry, trouble = FIRST_TRY_AGAIN_S, ""
    while not stop.is_set():
        began = time.monotonic()
        task = asyncio.create_task(work())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not task.done():
            task.cancel()
            return
        error = task.exception()
        if error is None:
            retry, trouble, pause = FIRST_TRY_AGAIN_S, "", every_s - (time.monotonic() - began)
        else:
            if str(error) != trouble:
                known = isinstance(error, StoreUnavailableError)
                log.error(f"{what} failed", why=str(error), again_in_s=retry, exc_info=None if known else error)
            trouble, pause, retry = str(error), retry, min(retry * 2, every_s)
        if await wait(stop, max(1.0, pause)):
            return


def _note(path: Path, key: str, said: dict[str, Any]) -> None:
    """Replace one entry of the status file at once."""
    try:
        kept = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        kept = {}
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(orjson.dumps({**kept, key: said}))
    temporary.replace(path)


def _print(findings: list[Finding], as_json: bool, title: str) -> None:
    from lightline.output import print_json, print_table

    if as_json:
        print_json([f.to_json() for f in findings])
        return
    rows = [
        (n, str(f.place), f.cause, f"{f.probability:.0%}", len(f.lines), f.onset.isoformat(), f"{f.score:.2f}",
         "; ".join(f"{k} {v.value} {v.unit}".strip() for k, v in list(f.evidence.items())[:4]))
        for n, f in enumerate(findings, 1)
    ]  # fmt: skip
    print_table(title, ("#", "place", "cause", "probability", "lines", "onset", "score", "evidence"), rows)


def _day(text: str) -> date | datetime:
    """A day from 2026-11-01, or an ISO time; one without zone is of the operator's day it names."""
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f'--as-of "{text}" is no day; write it as 2026-11-01') from None
    return moment if moment.tzinfo is not None else moment.date()


def keep_compiled_code(data: Path) -> None:
    """Compiled code is kept beside the analyzer's modules; in the data folder where that one cannot be written."""
    beside = Path(str(files("analyzer")))
    if not os.access(beside, os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", str((data / "cache" / "numba").absolute()))
