"""A tier that falls behind is told once, with the reason, and again when it keeps up."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from collector.lateness import LatenessLog, late_tiers
from collector.status import DeviceState, DeviceStatus, PaceStatus, TierStatus

CALM = PaceStatus(usual_ms=12.0, pause_ms=0.0, slowed=0, budget_per_hour=36_000, budget_left=30_000)


def device(id_: str = "OLT-1", pace: PaceStatus = CALM, **tiers: TierStatus) -> DeviceStatus:
    return DeviceStatus(
        id=id_, host="127.0.0.1", port=161, kind="olt", area="tianhe", state="answering", trouble=None, since=None,
        next_try=None, profile="huawei", profile_reason="", evidence=[], tiers=tiers, pace=pace, lines=10, missing=0,
        unknown_count=0, unknown=[], notes=[],
    )  # fmt: skip


def late(behind_s: float, **more: Any) -> TierStatus:
    return TierStatus(cadence_s=300, behind_s=behind_s, **more)


async def test_the_furthest_behind_comes_first_and_who_keeps_up_is_left_out() -> None:
    found = late_tiers([device("A", status=late(0), optics=late(20)), device("B", status=late(90))])
    assert [(one.device, one.tier) for one in found] == [("B", "status"), ("A", "optics")]


@pytest.mark.parametrize("state", ["silent", "unknown"])
async def test_a_device_that_cannot_be_read_has_its_own_alarm(state: DeviceState) -> None:
    assert late_tiers([replace(device(status=late(90)), state=state)]) == []


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (device(status=late(9, skipped="the spool is full")), "left out: the spool is full"),
        (device(status=late(9, seconds=400.0, requests=80)), "longer cadence"),
        (device(status=late(9), pace=replace(CALM, slowed=4, pause_ms=900.0)), "slow or busy 4 times"),
        (replace(device(status=late(9)), state="troubled", trouble="no answer"), "no answer"),
        (device(status=late(9)), "concurrency"),
    ],
)
async def test_it_says_what_keeps_a_tier(one: DeviceStatus, words: str) -> None:
    assert words in late_tiers([one])[0].why


async def test_the_log_tells_once_and_again_when_all_is_well() -> None:
    lateness = LatenessLog()

    def lines(devices: Sequence[DeviceStatus]) -> list[Any]:
        with capture_logs() as logs:
            lateness.look(devices)
        return logs

    assert lines([device(status=late(0))]) == []
    first = lines([device(status=late(40)), device("OLT-2", status=late(60))])
    assert [(one["log_level"], one["device"], one["behind"]) for one in first] == [("warning", "OLT-2", 2)]
    assert lines([device(status=late(45)), device("OLT-2", status=late(65))]) == []
    assert lines([device(status=late(50)), device("OLT-2", status=late(0))]) == []
    assert [one["log_level"] for one in lines([device(status=late(0))])] == ["info"]
