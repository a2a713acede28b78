"""GET /settings, /settings/check, /rules …: the settings in force, files checked before they count, rules written."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path as Folder
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Request, Response

from api.answers import answer
from api.auditing import note
from api.auth import RulesKeeper, SettingsReader, parts_in
from api.describe import errors
from api.parts import Parts
from api.problems import ProblemError, not_found
from api.schemas.settings import (
    CheckPage,
    FoundProblem,
    RulesChange,
    RulesCheck,
    RulesFilePage,
    RulesFileRow,
    RulesList,
    RulesUndo,
    SettingsPage,
)  # fmt: skip
from maintenance.rules_checking import examine_rules
from maintenance.rules_folder import RulesChangedError, RulesFile, RulesFolder, RulesWrongError
from plant.problems import Problem

router = APIRouter(tags=["settings"])
T = TypeVar("T")
SHOWN = 200

RulesName = Annotated[str, Path(pattern=r"^[a-z_]{1,40}$", description="As in `GET /rules`.")]


@router.get("/settings", response_model=SettingsPage, responses=errors(), summary="The settings in force")
async def settings(request: Request, _: SettingsReader) -> Response:
    """Each with where it came from: command line, lightline.toml, environment or default."""
    parts = parts_in(request)
    told = await asyncio.to_thread(parts.told_settings)
    return answer(request, SettingsPage(settings=list(told), rules=str(parts.rules) if parts.rules else None))


@router.get("/settings/check", response_model=CheckPage, responses=errors(), summary="What is wrong with the files")
async def check(request: Request, _: SettingsReader) -> Response:
    """The inventory, its lines files and the rules as they lie there now, as `lightline check` looks at them."""
    parts = parts_in(request)
    found = await asyncio.to_thread(lambda: [*parts.examine(), *examine_rules(parts.rules)])
    return answer(request, _told(found))


@router.get("/rules", response_model=RulesList, responses=errors(), summary="Files of rules")
async def rules(request: Request, _: SettingsReader) -> Response:
    parts = parts_in(request)
    files = await asyncio.to_thread(_folder(parts).all)
    return answer(
        request, RulesList(folder=str(parts.rules) if parts.rules else None, files=[_row(file) for file in files])
    )


@router.get("/rules/{name}", response_model=RulesFilePage, responses=errors("not-found"), summary="A file of rules")
async def rules_file(request: Request, _: SettingsReader, name: RulesName) -> Response:
    return answer(request, _page(await _done(name, lambda: _folder(parts_in(request)).file(name))))


@router.post(
    "/rules/{name}/check", response_model=CheckPage, responses=errors("not-found", "cross-site"),
    summary="What would be wrong with a text",
)  # fmt: skip
async def check_text(request: Request, _: SettingsReader, name: RulesName, asked: RulesCheck) -> Response:
    """Looked at beside the other files; nothing is written."""
    folder = _folder(parts_in(request))

    def look() -> list[Problem]:
        folder.file(name)
        return folder.check(name, asked.text)

    return answer(request, _told(await _done(name, look)))


@router.put(
    "/rules/{name}", response_model=RulesFilePage, responses=errors("not-found", "conflict", "cross-site"),
    summary="Write a file of rules",
)  # fmt: skip
async def write(request: Request, who: RulesKeeper, name: RulesName, asked: RulesChange) -> Response:
    """Only a text without errors, whole or not at all; the version before is kept. It counts from the next start on."""
    folder = _writable(parts_in(request))
    file = await _done(name, lambda: folder.write(name, asked.text, asked.version))
    await note(request, "rules", who, target=name, before=asked.version, after=file.version)
    return answer(request, _page(file))


@router.post(
    "/rules/{name}/undo", response_model=RulesFilePage, responses=errors("not-found", "conflict", "cross-site"),
    summary="The version before, back again",
)  # fmt: skip
async def undo(request: Request, who: RulesKeeper, name: RulesName, asked: RulesUndo) -> Response:
    """What is undone becomes the version before: twice is nothing."""
    folder = _writable(parts_in(request))
    file = await _done(name, lambda: folder.undo(name, asked.version))
    await note(request, "rules", who, target=f"undo {name}", before=asked.version, after=file.version)
    return answer(request, _page(file))


async def _done(name: str, what: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(what)
    except KeyError:
        raise not_found("file of rules, or version before", name, remedy="list /api/v1/rules") from None
    except RulesChangedError as error:
        raise ProblemError("conflict", str(error)) from None
    except RulesWrongError as error:
        told = [{"where": f"{Folder(p.file).name}:{p.line}", "message": p.message} for p in error.problems[:20]]
        raise ProblemError("invalid", str(error.problems[0]), errors=told) from None


def _folder(parts: Parts) -> RulesFolder:
    return RulesFolder(parts.rules)


def _writable(parts: Parts) -> RulesFolder:
    if parts.rules is None:
        why = "the settings name no folder of rules"
        raise ProblemError(
            "invalid", why, remedy='set rules = "rules" in lightline.toml, and start the service again',
            errors=[{"where": "settings.rules", "message": why}],
        )  # fmt: skip
    return RulesFolder(parts.rules)


def _row(file: RulesFile) -> RulesFileRow:
    told = asdict(file)
    return RulesFileRow(**{name: told[name] for name in RulesFileRow.model_fields})


def _page(file: RulesFile) -> RulesFilePage:
    return RulesFilePage(**asdict(file))


def _told(found: Sequence[Problem]) -> CheckPage:
    wrong = sum(p.severity == "error" for p in found)
    return CheckPage(
        errors=wrong, warnings=len(found) - wrong,
        problems=[
            FoundProblem(file=p.file, line=p.line, severity=p.severity, message=p.message, remedy=p.remedy)
            for p in found[:SHOWN]
        ],
    )  # fmt: skip
