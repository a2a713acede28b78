"""A line asked for now: what the device says, or why nobody could be asked."""

import pytest

from collector.asks import LineAnswer
from tests.api.conftest import V1, World


async def test_a_technician_reads_the_light_of_one_line(world: World) -> None:
    async with world.client("technician") as client:
        told = (await client.post(f"{V1}/lines/OLT1-1-0/poll")).json()
    assert told["readings"] == {"rx_dbm": -21.5, "tx_dbm": None}
    assert told["quality"] == {"tx_dbm": "sentinel"}
    assert told["device"] == "OLT1"


@pytest.mark.parametrize(
    ("outcome", "retry", "status", "kind"),
    [
        ("too_soon", 41.0, 429, "too-soon"),
        ("budget_spent", 60.0, 503, "device-silent"),
        ("not_answering", None, 503, "device-silent"),
        ("failed", None, 503, "device-silent"),
    ],
)
async def test_who_could_not_be_asked_is_a_problem(
    world: World, asked: dict[str, LineAnswer], outcome: str, retry: float | None, status: int, kind: str
) -> None:
    asked["OLT1-1-0"] = LineAnswer(outcome, "OLT1-1-0", "because", "OLT1", retry_after_s=retry)  # type: ignore[arg-type]
    async with world.client("operator") as client:
        response = await client.post(f"{V1}/lines/OLT1-1-0/poll")
    assert response.status_code == status
    assert response.json()["type"].endswith(kind)
    assert response.json()["detail"] == "because"
    assert response.headers.get("retry-after") == (None if retry is None else f"{retry:.0f}")


async def test_lines_of_other_areas_and_none_at_all_are_not_asked_for(world: World) -> None:
    async with world.client("technician") as client:
        assert (await client.post(f"{V1}/lines/no-such-line/poll")).status_code == 404


async def test_a_devices_states_are_asked_for_once_in_a_while(world: World) -> None:
    async with world.client("operator") as client:
        told = (await client.post(f"{V1}/devices/OLT1/poll")).json()
        assert told == {"device": "OLT1", "asked_at": "2026-11-02T02:00:00Z"}
        again = await client.post(f"{V1}/devices/OLT1/poll")
        assert (again.status_code, again.headers["retry-after"]) == (429, "10")
    async with world.client("technician", ("west",)) as client:
        assert (await client.post(f"{V1}/devices/OLT1/poll")).status_code == 404
    async with world.client("viewer") as client:
        assert (await client.post(f"{V1}/devices/OLT1/poll")).status_code == 403
