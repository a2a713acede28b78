"""The settings in force, the files behind them, and the operator's own rules."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from api.schemas.base import Answer, example

Source = Literal["command_line", "file", "environment", "default"]
RulesText = Annotated[str, StringConstraints(max_length=48_000)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class ToldSetting(Answer):
    """`value` and `default` as text, empty for none. Secrets are references, and addresses come without passwords."""

    model_config = example(
        name="analyze_hours", value="6", default="6", source="default", unit="h", zh="分析周期",
        en="time between analyses",
    )  # fmt: skip

    name: str
    value: str
    default: str
    source: Source = Field(description="file: lightline.toml.")
    unit: str
    zh: str
    en: str


class SettingsPage(Answer):
    model_config = example(settings=[ToldSetting.model_config["json_schema_extra"]["example"]], rules="rules")  # type: ignore[index]

    settings: list[ToldSetting]
    rules: str | None = Field(description="Folder of the operator's own rules; null: only the shipped ones count.")


_PROBLEM = {
    "file": "devices.yaml", "line": 41, "severity": "error",
    "message": 'device "GZ-OLT-07" names area "tianhe2"', "remedy": "there are: tianhe, yuexiu, panyu",
}  # fmt: skip


class FoundProblem(Answer):
    model_config = example(**_PROBLEM)

    file: str
    line: int
    severity: Literal["error", "warning"]
    message: str
    remedy: str


class CheckPage(Answer):
    """As `lightline check` tells it."""

    model_config = example(errors=1, warnings=0, problems=[_PROBLEM])

    errors: int
    warnings: int
    problems: list[FoundProblem] = Field(description="The first 200.")


_FILE = {
    "name": "taking", "own": True, "version": "0123456789abcdef", "changed_at": "2026-11-02T02:00:00Z",
    "previous": True,
}  # fmt: skip


class RulesFileRow(Answer):
    model_config = example(**_FILE)

    name: str
    own: bool = Field(description="It lies in the operator's folder; else it is the shipped one.")
    version: str
    changed_at: AwareDatetime | None
    previous: bool = Field(description="There is a version before this one, for `undo`.")


class RulesList(Answer):
    model_config = example(folder="rules", files=[_FILE])

    folder: str | None
    files: list[RulesFileRow]


class RulesFilePage(RulesFileRow):
    """They count from the next start of the service on."""

    model_config = example(**_FILE, text="repeat_days: 30\n")

    text: str


class RulesCheck(BaseModel):
    model_config = example(text="repeat_days: 30\n")

    text: RulesText


class RulesChange(BaseModel):
    model_config = example(text="repeat_days: 30\n", version="0123456789abcdef")

    text: RulesText
    version: Version = Field(description="Of the text as it was read.")


class RulesUndo(BaseModel):
    model_config = example(version="0123456789abcdef")

    version: Version
