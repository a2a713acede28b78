"""The simulated plant of the demo: made once in a folder, served again from the same folder at every start."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from amqtt.broker import Broker

from lightline.problem import UserError
from simulator.inventory import read_world, write_plant
from simulator.mqtt import publish
from simulator.snmp.serve import serve_agents
from simulator.world import World

log = structlog.get_logger(__name__)

LOOPBACK = "127.0.0.1"
PUBLISH_EVERY_S = 60.0
SERVING = "serving"


@dataclass(frozen=True)
class Plant:
    """A simulated plant and the folder of its files: inventory, lines, ground truth, ports of its agents."""

    folder: Path
    world: World

    @property
    def inventory(self) -> Path:
        return self.folder / "devices.yaml"


def open_plant(folder: Path, *, seed: int, olts: int, onts: int, days: int, faults: int, coax: int) -> Plant:
    """The plant in `folder`, made if there is none. Ports are free ones of this start, written into the inventory.

    UserError where the folder holds another plant than the one asked for.
    """
    settings = folder / "simulator.json"
    asked = {"seed": seed, "olts": olts, "onts": onts, "days": days, "faults": faults, "coax": coax}
    try:
        made = settings.exists()
        world = read_world(settings) if made else World(seed, olts, onts, faults=faults, days=days, coax=coax)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"the plant cannot be simulated: {error}; delete {folder} to make another one") from None
    other = [f"{name} {world.settings()[name]}, not {value}" for name, value in asked.items()
             if world.settings()[name] != value]  # fmt: skip
    if other:
        raise UserError(f"{folder} holds another plant ({'; '.join(other)}); delete it, or name another --data")
    agents = {device: _free_port(socket.SOCK_DGRAM) for device in world.devices}
    broker = _free_port(socket.SOCK_STREAM)
    write_plant(world, folder, agent_ports=agents, broker_port=broker, host=LOOPBACK)
    (folder / "ports.json").write_text(json.dumps({"agents": agents, "broker": broker}))
    return Plant(folder, world)


async def serve_plant(folder: Path, stop: asyncio.Event, *, publish_every_s: float = PUBLISH_EVERY_S) -> None:
    """Serve the plant in `folder` until `stop`: SNMP agents, an MQTT broker, and the ONTs that publish to it.

    The file `serving` is in the folder while agents and broker answer.
    """
    serving = folder / SERVING
    serving.unlink(missing_ok=True)
    world = read_world(folder / "simulator.json")
    ports = json.loads((folder / "ports.json").read_text())
    async with _broker(ports["broker"]):
        served = await serve_agents(world, host=LOOPBACK, ports=ports["agents"])
        publishing = asyncio.create_task(publish(world, host=LOOPBACK, port=ports["broker"], every_s=publish_every_s))
        serving.touch()
        try:
            await stop.wait()
        finally:
            serving.unlink(missing_ok=True)
            publishing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await publishing
            served.close()


@contextlib.asynccontextmanager
async def _broker(port: int) -> AsyncIterator[None]:
    """An embedded broker on loopback, for the demo only: production has Mosquitto or the like."""
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    try:
        yield
    finally:
        await broker.shutdown()


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind((LOOPBACK, 0))
        return int(s.getsockname()[1])
