"""What a row of an imported file may be, and what its columns are called (docs/data.md)."""

import json
import re
import unicodedata
from collections import Counter as Tally
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from ticketing.hours import Hours
from ticketing.models import Bundle, Counter, Hall, Item, PriorityClass, Queue, Staff, Zone
from ticketing.rules import Rules
from ticketing.table import Table


def printable(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("has a control character or a line break in it")
    return text


def listed(separators: str) -> BeforeValidator:
    """A cell of a table holds a list as one text, its parts divided by any of these characters."""

    def split(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in re.split(f"[{separators}]", value) if part.strip()]

    return BeforeValidator(split)


def in_words(words: dict[str, Any]) -> BeforeValidator:
    return BeforeValidator(lambda value: words.get(value, value) if isinstance(value, str) else value)


def from_json(value: Any) -> Any:
    """A cell of a table holds hours as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError("is not valid JSON") from error


def known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no IANA time zone such as Asia/Shanghai") from error
    return name


def once(values: list[str]) -> list[str]:
    twice = [value for value, times in Tally(values).items() if times > 1]
    if twice:
        raise ValueError(f"names {twice[0]} twice")
    return values


Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Text = Annotated[str, StringConstraints(max_length=200), AfterValidator(printable)]
Name = Annotated[Text, StringConstraints(min_length=1)]
Place = Annotated[int | None, Field(ge=0, le=1_000_000)]  # left out: behind those there are
Minutes = Annotated[float, Field(gt=0, le=1440)]
Codes = Annotated[list[Code], listed(r";；,，、|\s"), AfterValidator(once)]
Texts = Annotated[list[Name], listed(r";；|\n"), AfterValidator(once)]
YesNo = Annotated[bool, in_words({"是": True, "√": True, "否": False})]
Asked = Annotated[
    Literal["none", "optional", "required"], in_words({"不采集": "none", "可选": "optional", "必填": "required"})
]
IdentityKind = Annotated[
    Literal["resident", "organisation", "phone"],
    in_words({"身份证": "resident", "统一社会信用代码": "organisation", "手机号": "phone"}),
]
IdentityKinds = Annotated[list[IdentityKind], listed(r";；,，、|\s"), AfterValidator(once)]
OpeningHours = Annotated[Hours | None, BeforeValidator(from_json)]
Timezone = Annotated[str, AfterValidator(known_timezone)]
CounterKind = Annotated[
    Literal["comprehensive", "special", "pickup", "guide"],
    in_words({"综合": "comprehensive", "专窗": "special", "出件": "pickup", "导办": "guide"}),
]
Role = Annotated[
    Literal["desk", "agent", "manager", "admin"],
    in_words({"导办": "desk", "窗口": "agent", "管理员": "manager", "系统管理员": "admin"}),
]


class Row(BaseModel):
    """One row of a file. A field that is left out keeps what the database has."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    table: ClassVar[type[Table]]
    key: ClassVar[str] = "code"  # what tells rows of one hall apart


class HallRow(Row):
    table = Hall

    code: Code
    name: Name
    name_en: Text = ""
    address: Text = ""
    timezone: Timezone = "Asia/Shanghai"
    hours: OpeningHours = None
    rules: Rules | None = None


class ZoneRow(Row):
    table = Zone

    code: Code
    name: Name
    name_en: Text = ""
    place: Place = None


class PriorityRow(Row):
    table = PriorityClass

    code: Code
    name: Name
    name_en: Text = ""
    weight: float = Field(1.0, gt=0, le=1000)
    rank: int = Field(0, ge=0, le=1000)
    verify: YesNo = False


class QueueRow(Row):
    table = Queue

    code: Code
    name: Name
    name_en: Text = ""
    # Letters only: A1 + 01 and A + 101 would be the same number.
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,4}$")]
    zone: Code | None = None
    first: int = Field(1, ge=0, le=9999)
    width: int = Field(3, ge=1, le=9)
    step: int = Field(1, ge=1, le=100)
    usual_minutes: Minutes = 8.0
    max_waiting: int | None = Field(None, ge=1, le=1_000_000)
    daily_limit: int | None = Field(None, ge=1, le=1_000_000)
    hours: OpeningHours = None
    general: YesNo = False
    identity: Asked = "none"
    identity_kinds: IdentityKinds = []
    departments: Texts = []
    place: Place = None


class CounterRow(Row):
    table = Counter
    key = "number"

    number: int = Field(ge=1, le=9999)
    name: Text = ""
    name_en: Text = ""
    zone: Code | None = None
    kind: CounterKind = "comprehensive"
    queues: Codes = []


class ItemRow(Row):
    table = Item

    code: Code
    name: Name
    name_en: Text = ""
    department: Text = ""
    theme: Text = ""
    queue: Code | None = None
    usual_minutes: Minutes | None = None
    identity: Asked | None = None
    identity_kinds: IdentityKinds = []
    papers: Texts = []
    common: int = Field(0, ge=0, le=1_000_000)
    place: Place = None


class BundleRow(Row):
    table = Bundle

    code: Code
    name: Name
    name_en: Text = ""
    items: Codes = Field(min_length=1, max_length=20)
    queue: Code | None = None


class StaffRow(Row):
    table = Staff
    key = "login"

    login: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
    name: Name
    role: Role
    password: Annotated[str, StringConstraints(min_length=8, max_length=200)] | None = None
    disabled: YesNo = False


# In the order they are stored: each refers only to those before it.
KINDS: dict[str, type[Row]] = {
    "zones": ZoneRow,
    "priorities": PriorityRow,
    "queues": QueueRow,
    "counters": CounterRow,
    "items": ItemRow,
    "bundles": BundleRow,
    "staff": StaffRow,
}
ROWS: dict[str, type[Row]] = {"hall": HallRow, **KINDS}
KINDS_IN_CHINESE = {
    "等候区": "zones",
    "优先类别": "priorities",
    "队列": "queues",
    "窗口": "counters",
    "事项": "items",
    "一件事": "bundles",
    "人员": "staff",
}
# Column headings besides the field names themselves; of several fields the kind has one.
HEADINGS: dict[str, tuple[str, ...]] = {
    "编码": ("code",),
    "实施编码": ("code",),
    "事项编码": ("code",),
    "名称": ("name",),
    "事项名称": ("name",),
    "姓名": ("name",),
    "英文名称": ("name_en",),
    "大厅": ("hall",),
    "等候区": ("zone",),
    "顺序": ("place",),
    "权重": ("weight",),
    "次序": ("rank",),
    "需核验": ("verify",),
    "前缀": ("prefix",),
    "首号": ("first",),
    "位数": ("width",),
    "步长": ("step",),
    "minutes": ("usual_minutes",),
    "办理分钟": ("usual_minutes",),
    "最多等候": ("max_waiting",),
    "每日限号": ("daily_limit",),
    "开放时间": ("hours",),
    "综合": ("general",),
    "归口部门": ("departments",),
    "实名": ("identity",),
    "身份类型": ("identity_kinds",),
    "窗口号": ("number",),
    "窗口名称": ("name",),
    "类型": ("kind",),
    "队列": ("queue", "queues"),
    "部门": ("department",),
    "主题": ("theme",),
    "所需材料": ("papers",),
    "常办程度": ("common",),
    "包含事项": ("items",),
    "登录名": ("login",),
    "角色": ("role",),
    "密码": ("password",),
    "停用": ("disabled",),
}
