"""The columns of a list: what each is called in both languages, and how a ticket fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from maintenance.ticket import Ticket

Cell = str | int | float | datetime | None
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a text for a formula (OWASP, "CSV injection"), full-width forms too."""


@dataclass(frozen=True)
class Column:
    """`fill` gives the cell; moments are the operator's wall clock, without a zone, since spreadsheets know none."""

    name: str
    zh: str
    width: int
    fill: Callable[[Ticket, ZoneInfo], Cell]

    @property
    def title(self) -> str:
        return f"{self.zh} {self.name}"


def _plain(field: str) -> Callable[[Ticket, ZoneInfo], Cell]:
    def fill(ticket: Ticket, zone: ZoneInfo) -> Cell:
        value = getattr(ticket, field)
        if isinstance(value, datetime):
            return value.astimezone(zone).replace(tzinfo=None, microsecond=0)
        return value if isinstance(value, int | float) or value is None else str(value)

    return fill


COLUMNS: tuple[Column, ...] = (
    Column("id", "编号", 8, _plain("id")),
    Column("kind", "类型", 12, _plain("kind")),
    Column("grade", "等级", 6, _plain("grade")),
    Column("state", "状态", 12, _plain("state")),
    Column("place", "位置", 26, _plain("place")),
    Column("title", "标题", 36, _plain("title_zh")),
    Column("cause", "原因", 14, _plain("cause")),
    Column("line_count", "影响线路数", 10, lambda ticket, _: len(ticket.lines)),
    Column("lines", "线路", 40, lambda ticket, _: " ".join(ticket.lines[:50])),
    Column("area", "区域", 12, _plain("area")),
    Column("grid", "网格", 12, _plain("grid")),
    Column("department", "责任部门", 18, _plain("department")),
    Column("engineer", "工程师", 12, _plain("engineer")),
    Column("deadline", "期限", 18, _plain("deadline")),
    Column("escalation", "督办", 14, _plain("escalation")),
    Column("opened_at", "建单时间", 18, _plain("opened_at")),
    Column("appointment_at", "预约时间", 18, _plain("appointment_at")),
    Column("resolved_at", "修复时间", 18, _plain("resolved_at")),
    Column("closed_at", "闭环时间", 18, _plain("closed_at")),
    Column("cause_code", "处理原因", 16, _plain("cause_code")),
    Column("action_code", "处理措施", 16, _plain("action_code")),
    Column("reopened", "重开次数", 8, _plain("reopened")),
    Column("repeat_of", "重复于", 8, _plain("repeat_of")),
    Column("merged_into", "并入", 8, _plain("merged_into")),
)

ALIASES: dict[str, tuple[str, ...]] = {
    "kind": ("kind", "类型", "工单类型"),
    "place": ("place", "位置"),
    "line": ("line", "line_id", "lines", "线路", "线路编号"),
    "note": ("note", "title", "description", "说明", "标题", "描述", "问题描述"),
    "grade": ("grade", "等级", "优先级"),
    "cause": ("cause", "原因"),
    "engineer": ("engineer", "工程师", "责任人"),
    "reference": ("reference", "number", "单号", "工单编号", "参考编号"),
}
"""What the columns of a list to be imported may be called; our own titles (`zh name`) are understood too."""

KINDS_ZH = {
    "巡检": "inspection",
    "维修": "repair",
    "抢修": "repair",
    "安装": "installation",
    "投诉": "complaint",
    "改造": "retrofit",
}


def clean(text: str) -> str:
    """Text without control characters, which no spreadsheet keeps; tabs and line ends become spaces."""
    return "".join(" " if c in "\t\r\n" else c for c in text if c >= " " or c in "\t\r\n").replace("\x7f", "")
