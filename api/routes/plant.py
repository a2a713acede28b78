"""GET /devices, /devices/{id}, /pons/{device}/{pon}, /collector: what is asked, and how it answers."""

import asyncio
from dataclasses import replace
from typing import Annotated

import numpy as np
import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from api.answers import answer, only
from api.auth import Caller, Reader, parts_in
from api.branches import branches, margins, node_tickets
from api.collecting import collector_of, is_running
from api.describe import SPARSE_TOO, errors
from api.problems import not_found
from api.routes.context import figures_in
from api.rows import line_counts, line_rows, readings, rounded, tallied, utc
from api.schemas.plant import (
    CollectorPage,
    DevicePage,
    DeviceRow,
    DevicesPage,
    DevicesQuery,
    PonPage,
    PonRow,
    Tier,
    TreePage,
)  # fmt: skip
from api.snapshot import PON_FIELDS, Snapshot
from api.standing import Standing
from collector.status import CollectorStatus, DeviceStatus
from plant.inventory import Device

router = APIRouter(tags=["plant"])
LINES_OF_A_PON = 1024

DeviceId = Annotated[str, Path(description="A device's id.", min_length=1, max_length=200)]
PonName = Annotated[str, Path(description="The port as the profile writes it, as in 0/1/3.", max_length=200)]


@router.get(
    "/devices",
    response_model=DevicesPage,
    responses={**errors("collector-status"), 200: SPARSE_TOO},
    summary="All devices",
)
async def devices(request: Request, who: Reader, query: Annotated[DevicesQuery, Query()]) -> Response:
    """With what the collector says of them and how their lines are."""
    figures, parts = figures_in(request), parts_in(request)
    snapshot = await figures.current()
    asked = _asked(await collector_of(parts))
    rows = [
        _device_row(snapshot, device, asked.get(device.id))
        for device in snapshot.roster.inventory.devices.values()
        if who.sees_area(device.area)
        and (query.area is None or device.area == query.area)
        and (query.kind is None or device.kind == query.kind)
    ]
    told = DevicesPage(as_of=snapshot.as_of, store_down_since=figures.down_since, devices=rows)
    return answer(request, told, only=only("devices", DeviceRow, query.fields))


@router.get(
    "/devices/{device_id}",
    response_model=DevicePage,
    responses=errors("not-found", "collector-status"),
    summary="A device with its PON ports",
)
async def device(request: Request, who: Reader, device_id: DeviceId) -> Response:
    figures, parts = figures_in(request), parts_in(request)
    snapshot = await figures.current()
    found = device_of(snapshot, who, device_id)
    told = _asked(await collector_of(parts)).get(device_id)
    return answer(
        request,
        DevicePage(
            as_of=snapshot.as_of,
            store_down_since=figures.down_since,
            device=_device_row(snapshot, found, told),
            profile_reason=told.profile_reason if told else None,
            tiers={name: Tier(**vars(tier)) for name, tier in told.tiers.items()} if told else {},
            notes=list(told.notes) if told else [],
            unknown=list(told.unknown) if told else [],
            pons=await asyncio.to_thread(_pons, snapshot, device_id),
        ),
    )


@router.get(
    "/devices/{device_id}/tree",
    response_model=TreePage,
    responses=errors("not-found", "collector-status"),
    summary="A device's ports with how their lines are, and the common causes in its tree",
)
async def tree(request: Request, who: Reader, device_id: DeviceId) -> Response:
    """Of the ports only the figures: their splitters and lines come with the port."""
    figures, parts = figures_in(request), parts_in(request)
    snapshot = await figures.current()
    found = device_of(snapshot, who, device_id)
    told = _asked(await collector_of(parts)).get(device_id)
    standing: Standing = request.app.state.standing
    tickets = await standing.open_tickets(who.sight)

    def build() -> TreePage:
        return TreePage(
            as_of=snapshot.as_of,
            store_down_since=figures.down_since,
            device=_device_row(snapshot, found, told),
            margins=margins(snapshot, snapshot.roster.tree.rows(device=device_id)),
            ports=branches(snapshot, _ports(snapshot, device_id)),
            tickets=node_tickets(snapshot, device_id, tickets),
        )

    return answer(request, await asyncio.to_thread(build))


@router.get(
    "/pons/{device_id}/{pon:path}",
    response_model=PonPage,
    responses=errors("not-found"),
    summary="A PON port: its module's optics and its lines",
)
async def pon(request: Request, who: Reader, device_id: DeviceId, pon: PonName) -> Response:
    figures = figures_in(request)
    snapshot = await figures.current()
    name = f"{device_id}/{pon}"
    newest = snapshot.newest_of_pon(name)
    device = snapshot.roster.inventory.devices.get(device_id)
    rows = snapshot.roster.tree.rows(pon=name)
    if device is None or not who.sees_area(device.area) or not (newest or len(rows)):
        raise not_found("PON port", name, remedy=f"GET /api/v1/devices/{device_id[:100]} lists its ports")
    rows = rows[snapshot.roster.within(who.sight)[rows]]
    rows = rows[np.argsort(snapshot.roster.rank[rows])]
    told = snapshot.reasons.told(f"pon:{name}")
    last = max((t for n in PON_FIELDS if (t := newest.get(f"{n}_time")) is not None), default=None)
    return answer(
        request,
        PonPage(
            as_of=snapshot.as_of,
            store_down_since=figures.down_since,
            device=device_id,
            pon=pon,
            area=device.area,
            readings=readings(newest, PON_FIELDS, last, told),
            counts=line_counts(snapshot, rows),
            lines=line_rows(snapshot, rows[:LINES_OF_A_PON], customers=who.may("customers")),
        ),
    )


@router.get(
    "/collector",
    response_model=CollectorPage,
    responses=errors("collector-status"),
    summary="What the collector says of itself",
)
async def collector(request: Request, who: Reader) -> Response:
    """Devices of the caller's areas, brokers, spool, delivery to the store; docs/collector.md describes `status`."""
    parts = parts_in(request)
    status = await collector_of(parts)
    if status is None:
        return answer(request, CollectorPage(running=False, written_at=None, status=None))
    seen = {d.id for d in status.devices if who.sees_area(d.area)}
    shown = replace(
        status,
        devices=[d for d in status.devices if d.id in seen],
        events=[e for e in status.events if e.device in seen],
        traps=[replace(t, unknown_traps=[u for u in t.unknown_traps if u.device in seen]) for t in status.traps],
    )
    told = orjson.loads(orjson.dumps(shown, option=orjson.OPT_NON_STR_KEYS))
    running = is_running(status, parts.clock())
    return answer(request, CollectorPage(running=running, written_at=utc(status.written_at), status=told))


def _asked(status: CollectorStatus | None) -> dict[str, DeviceStatus]:
    return {d.id: d for d in status.devices} if status is not None else {}


def device_of(snapshot: Snapshot, who: Caller, device_id: str) -> Device:
    """The device; a problem where there is none, or the caller may not see it."""
    found = snapshot.roster.inventory.devices.get(device_id)
    if found is None or not who.sees_area(found.area):
        raise not_found("device", device_id, remedy="GET /api/v1/devices lists them")
    return found


def _device_row(snapshot: Snapshot, device: Device, told: DeviceStatus | None) -> DeviceRow:
    answers = [t.last_success for t in told.tiers.values() if t.last_success is not None] if told else []
    return DeviceRow(
        id=device.id,
        kind=device.kind,
        area=device.area,
        host=device.host,
        port=device.port,
        state=told.state if told else "not_collected",
        trouble=told.trouble if told else None,
        since=utc(told.since) if told else None,
        profile=told.profile if told else None,
        last_answer=utc(max(answers)) if answers else None,
        lines=tallied(snapshot.by_device, device.id),
        pon_count=len(snapshot.ports_of.get(device.id, ())),
        missing=told.missing if told else None,
        unknown_count=told.unknown_count if told else None,
    )


def _pons(snapshot: Snapshot, device_id: str) -> list[PonRow]:
    """The device's ports with their lines and their modules."""
    prefix, out = f"{device_id}/", []
    for name in _ports(snapshot, device_id):
        newest = snapshot.newest_of_pon(name)
        up, total = newest.get("onts_up"), newest.get("onts_total")
        out.append(
            PonRow(
                device=device_id,
                pon=name.removeprefix(prefix),
                lines=tallied(snapshot.by_pon, name),
                pon_tx_dbm=rounded("pon_tx_dbm", newest.get("pon_tx_dbm")),
                onts_up=int(up) if up is not None else None,
                onts_total=int(total) if total is not None else None,
            )
        )
    return out


def _ports(snapshot: Snapshot, device_id: str) -> list[str]:
    """The device's ports with lines, as DEVICE/PON, in the order of their numbers."""
    return sorted(snapshot.ports_of.get(device_id, ()), key=_by_number)


def _by_number(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in name.split("/")]
