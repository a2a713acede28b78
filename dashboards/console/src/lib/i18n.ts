/** Words of the console in Chinese and English, and numbers and times as the operator writes them. */

export type Language = "zh" | "en";

const words = {
  overview: ["总览", "Overview"],
  lines: ["线路", "Lines"],
  line: ["线路", "Line"],
  tickets: ["工单台账", "Tickets"],
  ticket: ["工单", "Ticket"],
  retrofit: ["线路改造", "Retrofit"],
  system: ["系统", "System"],
  simulated: ["模拟数据:本页所有数据来自仿真网络", "Simulated data: everything on this page comes from a simulated plant"],
  linesUp: ["在线线路", "Lines up"],
  goodRate: ["网络覆盖优良率", "Good rate"],
  atRisk: ["隐患线路", "Lines at risk"],
  late: ["超时工单", "Tickets late"],
  openTickets: ["未闭环工单", "Open tickets"],
  devicesWell: ["设备采集正常", "Devices answering"],
  area: ["区域", "Area"],
  grid: ["网格", "Grid"],
  device: ["设备", "Device"],
  total: ["总数", "Total"],
  up: ["在线", "Up"],
  good: ["优良", "Good"],
  noReading: ["无读数", "No reading"],
  state: ["状态", "State"],
  search: ["搜索线路、序列号、客户编号", "Search line, serial, customer reference"],
  more: ["更多", "More"],
  nothing: ["没有符合条件的记录", "Nothing matches"],
  loading: ["正在加载…", "Loading…"],
  failed: ["无法读取数据", "Cannot read the data"],
  again: ["重试", "Try again"],
  asOf: ["截至", "as of"],
  margin: ["光功率余量", "Margin"],
  place: ["位置", "Place"],
  cause: ["原因", "Cause"],
  probability: ["可能性", "Probability"],
  evidence: ["依据", "Evidence"],
  grade: ["等级", "Grade"],
  deadline: ["完成时限", "Deadline"],
  department: ["责任部门", "Department"],
  engineer: ["网格工程师", "Grid engineer"],
  affected: ["影响线路", "Lines hit"],
  log: ["处理记录", "Log"],
  when: ["时间", "When"],
  who: ["操作人", "Who"],
  what: ["操作", "What"],
  why: ["说明", "Why"],
  neighbours: ["同分光器线路", "Behind the same splitter"],
  history: ["近90天", "Last 90 days"],
  fine: ["该线路正常,没有未闭环工单。", "This line is fine and has no open ticket."],
  signIn: ["登录", "Sign in"],
  signOut: ["退出", "Sign out"],
  token: ["访问令牌", "Access token"],
  tokenHint: ["令牌由 lightline user add 生成;演示模式会在终端显示。", "`lightline user add` makes one; the demo prints one in the terminal."],
  refused: ["令牌无效或已过期", "The token is not valid or has expired"],
  done: ["已完成", "Done"],
  planned: ["计划", "Planned"],
  forecast: ["年底预测", "Forecast for the year's end"],
  covered: ["覆盖主机用户", "Covered hosts"],
  target: ["年度目标", "Year's target"],
  figure: ["项目", "Figure"],
  value: ["数值", "Value"],
  all: ["全部", "All"],
} as const satisfies Record<string, readonly [string, string]>;

export type Word = keyof typeof words;

const causes: Record<string, [string, string]> = {
  macrobend: ["光纤弯曲", "Bent fibre"],
  connector: ["接头脏污或损坏", "Dirty or damaged connector"],
  water: ["接头盒进水", "Water in a closure"],
  thermal: ["光纤受温度挤压", "Fibre squeezed by temperature"],
  feeder: ["主干光缆劣化", "Feeder damaged"],
  splitter: ["分光器或支路劣化", "Splitter or its leg"],
  olt_optics: ["OLT光模块老化", "OLT optical module ageing"],
  ont_laser: ["ONT激光器老化", "ONT laser ageing"],
  ont_power: ["ONT供电异常", "ONT power supply"],
  mains_outage: ["市电停电", "Mains outage"],
  ethernet: ["入户网线或端口", "In-home cable or port"],
  rogue_ont: ["流氓ONT", "Rogue ONT"],
  weak_since_install: ["开通即弱光", "Weak since installation"],
  coax_drop: ["同轴入户线", "Coax drop"],
  coax_plant: ["同轴干线", "Coax plant"],
  unknown: ["原因未明", "Unknown"],
};

export function preferred(): Language {
  const kept = localStorage.getItem("language");
  if (kept === "zh" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function word(language: Language, key: Word): string {
  return words[key][language === "zh" ? 0 : 1];
}

export function causeName(language: Language, cause: string): string {
  return causes[cause]?.[language === "zh" ? 0 : 1] ?? cause;
}

export function number(language: Language, value: number | null | undefined, decimals = 0): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value.toLocaleString(language === "zh" ? "zh-CN" : "en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

export function percent(language: Language, share: number | null | undefined): string {
  if (share === null || share === undefined) return "–";
  return share.toLocaleString(language === "zh" ? "zh-CN" : "en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** A moment in the operator's zone, whatever zone the browser is in. */
export function time(language: Language, iso: string | null | undefined, zone: string): string {
  if (!iso) return "–";
  return new Date(iso).toLocaleString(language === "zh" ? "zh-CN" : "en-GB", {
    timeZone: zone,
    dateStyle: "medium",
    timeStyle: "short",
  });
}
