"""`lightline demo`: the whole service on a simulated plant; `--once` runs one cycle and compares it with the truth."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import structlog
import typer

from lightline.commands import options
from lightline.commands.analyze import keep_compiled_code
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from lightline.stopping import stop_event

if TYPE_CHECKING:
    from lightline.demo import DemoSize
    from lightline.simulation import Plant

log = structlog.get_logger(__name__)
T = TypeVar("T")

PLANT_WAITS_S = 1.0  # for the service to end before the plant does
TOKEN_NAME = "demo"  # noqa: S105 - the name of a token


def demo(
    once: Annotated[bool, typer.Option("--once", help="One full cycle, a summary, and the end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: the summary as JSON.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder of the demo; data/demo if not given.")] = None,
    port: options.Port = None,
    seed: Annotated[int, typer.Option(help="Same seed, same plant.")] = 1,
    olts: Annotated[int, typer.Option(min=1, help="OLTs to simulate.")] = 2,
    onts: Annotated[int, typer.Option(min=1, help="ONTs of all OLTs together.")] = 1000,
    days: Annotated[int, typer.Option(min=14, max=730, help="Days of history before now.")] = 90,
    faults: Annotated[int, typer.Option(min=0, help="Hidden faults of the fibre.")] = 10,
    coax: Annotated[int, typer.Option(min=0, help="Modems on coax beside the ONTs, with faults of their own.")] = 120,
) -> None:
    """Run the whole service on a simulated plant until Ctrl-C; a second start goes on where it was."""
    from lightline.demo import DemoSize, alone

    if as_json and not once:
        raise UserError("--json prints the summary of one cycle; add --once")
    settings = load_settings(port=port)
    folder = (data or settings.data / "demo").absolute()
    keep_compiled_code(folder)
    size = DemoSize(seed, olts, onts, days, faults, coax)
    with alone(folder):
        if once:
            asyncio.run(_once(folder, size, as_json))
        else:
            asyncio.run(_run(folder, size, settings.port, chosen=port is not None))


async def _once(folder: Path, size: "DemoSize", as_json: bool) -> None:
    from lightline.demo import cycle
    from lightline.output import print_json

    stop = stop_event()
    plant = await _unless_stopped(stop, _prepared(folder, size))
    told = await _unless_stopped(stop, cycle(folder, size, plant, stop))
    if as_json:
        print_json(told)
    else:
        _print(told)


async def _run(folder: Path, size: "DemoSize", port: int, *, chosen: bool) -> None:
    from lightline.commands.run import service_parts
    from lightline.demo import demo_settings, until_served
    from lightline.simulation import SERVING
    from lightline.supervisor import Part, supervise

    stop = stop_event()
    port = _free(port, chosen=chosen)
    plant = await _unless_stopped(stop, _prepared(folder, size))
    settings = demo_settings(folder, size, port)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("LIGHTLINE_")}

    def of_demo(part: Part) -> Part:
        # in the demo's folder there is no lightline.toml, so no setting of a real service reaches it
        return Part(part.name, part.arguments, environment=clean, folder=folder)

    simulate = of_demo(Part("simulate", ["simulate", str(plant.folder)]))
    plant_stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        (plant.folder / SERVING).unlink(missing_ok=True)
        serving = group.create_task(supervise([simulate], plant_stop))
        await _unless_stopped(stop, until_served(plant, serving))
        service = group.create_task(supervise([of_demo(p) for p in service_parts(settings)], stop))
        secret = _new_token(settings)
        if await _answering(port, stop):
            _welcome(folder, size, port, secret)
        await stop.wait()
        await asyncio.wait({service}, timeout=PLANT_WAITS_S)  # who asks goes before who answers
        plant_stop.set()
    log.info("demo stopped", data=str(folder))


def _new_token(settings: Settings) -> str:
    """A token for whoever started the demo; the one of the start before ends."""
    from lightline.opening import open_tokens

    tokens = open_tokens(settings)
    for token in tokens.list():
        if token.name == TOKEN_NAME and token.revoked_at is None:
            tokens.revoke(token.id)
    secret = tokens.create(TOKEN_NAME, "admin")
    tokens.close()
    return secret


async def _prepared(folder: Path, size: "DemoSize") -> "Plant":
    from lightline.demo import prepare
    from lightline.output import counting

    log.info("preparing the simulated plant", data=str(folder), onts=size.onts, days=size.days, faults=size.faults)
    with counting("rows of history", total=(size.onts + size.coax) * size.days * 24) as progress:
        return await prepare(folder, size, progress)


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; on Ctrl-C the demo ends at once (what is on disk is whole at any moment)."""
    task = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        return task.result()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait({task}, timeout=2.0)
    sys.stdout.flush()
    log.info("demo stopped before it was ready; the next start goes on")
    os._exit(130)


async def _answering(port: int, stop: asyncio.Event) -> bool:
    """Wait for the API; False when the demo is stopped before."""
    import httpx

    async with httpx.AsyncClient() as client:
        while not stop.is_set():
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"http://127.0.0.1:{port}/healthz", timeout=2)).status_code == 200:
                    return True
            await asyncio.sleep(0.1)
    return False


def _free(port: int, *, chosen: bool) -> int:
    """The port, or a free one where it is taken and was not asked for."""
    for candidate in (port, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                if chosen:
                    raise UserError(f"port {port} is taken; choose another with --port") from None
                log.warning("port is taken; using a free one", port=port)
                continue
            return int(probe.getsockname()[1])
    raise UserError("no free port; stop something that listens, or name one with --port")


def _welcome(folder: Path, size: "DemoSize", port: int, secret: str) -> None:
    shown = os.path.relpath(folder)
    address = f"http://127.0.0.1:{port}"
    print(  # to people: one screen, both languages
        f"""
Lightline · simulated plant 模拟网络: {size.olts} OLT, {size.onts} ONT, {size.coax} cable modems, hidden faults 隐患

  open   打开     {address}/
  log in 登录     paste this token 粘贴令牌: {secret}
  API             curl -H "Authorization: Bearer {secret}" {address}/api/v1/health
  data   数据     {shown} (delete it to start afresh 删除后重新开始)
  stop   停止     Ctrl-C

The first analysis takes a moment; tickets appear when it is done. 首次分析稍后完成，工单随即生成。
""",
        flush=True,
    )


def _print(told: dict[str, Any]) -> None:
    from lightline.output import print_table

    poll, truth = told["poll"], told["truth"]
    print_table(
        "One cycle on a simulated plant 模拟网络", ("figure", "value"),
        [
            ("devices answering", f"{poll['devices_answered']} of {poll['devices_asked']}"),
            ("lines read", told["lines"]), ("readings stored", told["readings"]), ("findings", told["findings"]),
            ("tickets in the ledger", told["tickets"]), ("opened now", len(told["ledger"]["opened"])),
        ],
    )  # fmt: skip
    print_table(
        "Against the ground truth", ("fault at", "cause", "found", "place right", "cause right"),
        [(f["place"], f["cause"], *(_yes(f[k]) for k in ("found", "place_right", "cause_right")))
         for f in truth["by_fault"]],
    )  # fmt: skip
    print(
        f"{truth['found']} of {truth['faults']} faults found, {truth['false']} false tickets on "
        f"{truth['healthy_lines']} healthy lines ({truth['false_per_500_healthy_lines']} per 500)"
    )
    for problem in poll["problems"]:
        log.warning("problem", what=problem)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
