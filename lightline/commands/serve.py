"""`lightline serve`: the HTTP API and the console."""

import asyncio
import contextlib
import socket
from collections.abc import Collection, Iterator
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import structlog
import typer
import uvicorn

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from lightline.stopping import stop_event

log = structlog.get_logger(__name__)

GRACE_S = 2  # for requests in flight when the service is stopped


def serve(
    inventory: options.Inventory = None,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    host: options.Host = None,
    port: options.Port = None,
) -> None:
    """Serve the API and the console until Ctrl-C."""
    options_ = {
        "inventory": inventory or inventory_option, "data": data, "store": store, "host": host, "port": port
    }  # fmt: skip
    given = [name for name, value in options_.items() if value is not None]
    asyncio.run(_serve(load_settings(**options_), given))


async def _serve(settings: Settings, given: Collection[str]) -> None:
    from api.app import create_app
    from api.parts import ApiSettings, Parts, loopback_names
    from collector.asks import ask_collector, look_at_device
    from collector.profile import load_profiles
    from collector.status import read_status
    from lightline.inventory import InventoryFile
    from lightline.opening import open_ledger, open_telemetry, open_tokens
    from lightline.told_settings import told_settings
    from plant.checking import examine
    from plant.following import FollowedLog

    profiles = load_profiles().keys()
    stop = stop_event()
    listening = _listen(settings.host, settings.port)
    file = await asyncio.to_thread(InventoryFile, settings.inventory, settings.plant_log_path)
    ledger = await asyncio.to_thread(open_ledger, settings)
    tokens = open_tokens(settings)
    telemetry = await open_telemetry(settings, file.current(), read_only=True)
    parts = Parts(
        inventory=file.current,
        store=telemetry,
        ledger=ledger,
        tokens=tokens,
        collector_status=lambda: read_status(settings.collector_status_path),
        settings=ApiSettings(
            version=version("lightline"),
            allowed_hosts=loopback_names(*settings.allowed_hosts),
            console=_console(),
            photos=settings.photos_path,
            session_hours=settings.session_hours,
            idle=timedelta(minutes=settings.session_idle_minutes),
            second_factor=frozenset(settings.second_factor_roles),
            rate_per_s=settings.rate_per_s,
            rate_burst=settings.rate_burst,
            directory=settings.oidc.opened() if settings.oidc is not None else None,
        ),
        ask_line=partial(ask_collector, settings.collector_asks_path),
        plant_log=FollowedLog(settings.plant_log_path),
        look_at=partial(look_at_device, settings.collector_asks_path),
        suggestions=settings.suggestions_path,
        corrections=settings.corrections_path,
        told_settings=partial(told_settings, settings, given),
        examine=lambda: examine(settings.inventory, profiles)[1],
        rules=settings.rules,
    )
    server = _Server(
        uvicorn.Config(
            create_app(parts),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=GRACE_S,
            lifespan="on",
        )
    )
    stopping = asyncio.create_task(_stop(server, stop))
    log.info("serving", address=address_of(settings.host, settings.port))
    if not tokens.list() and not tokens.people.users.everybody():
        log.warning("nobody can sign in yet; make the first user: lightline user new NAME --role admin")
    try:
        await server.serve(sockets=[listening])
    finally:
        stopping.cancel()
        await telemetry.close()
        ledger.close()
        tokens.close()
    if not server.started:
        raise typer.Exit(1)


def address_of(host: str, port: int) -> str:
    """The address to open, for a host to listen on."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "") else "[::1]" if host == "::" else host  # noqa: S104
    return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}/"


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _stop(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket, so that a taken port is told before anything is opened."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        # Head and body of an answer are written one after the other: without this, the body waits for the client's
        # acknowledgement of the head, 40 ms. asyncio sets it on the sockets it makes itself alone.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another with --port or LIGHTLINE_PORT"
        ) from None
    return listening


def _console() -> Path | None:
    """The built console, which a wheel brings and `make console` makes."""
    folder = Path(str(files("dashboards") / "console" / "dist"))
    if (folder / "index.html").exists():
        return folder
    log.warning("the console is not built, so only the API is served; build it with `make console`")
    return None
