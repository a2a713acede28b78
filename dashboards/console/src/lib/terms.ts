/** The domain's closed lists of words, each with its name in both languages and, where it has one, its meaning. */

import type { Pair } from "./i18n";

/** Green, amber, red, hatched grey: always beside a shape and a word. */
export type Tone = "good" | "warning" | "bad" | "none" | "plain";
export interface Term {
  pair: Pair;
  tone: Tone;
}

function term(tone: Tone, zh: string, en: string): Term {
  return { tone, pair: [zh, en] };
}

/** A name from a list; a word the console does not know (yet) is shown as it came. */
export function named(list: Record<string, Pair>, key: string): Pair {
  return list[key] ?? [key, key];
}

export function meant(list: Record<string, Term>, key: string): Term {
  return list[key] ?? term("plain", key, key);
}

export const lineStates: Record<string, Term> = {
  up: term("good", "在线", "Up"),
  down: term("bad", "离线", "Down"),
  los: term("bad", "无光", "No light"),
  dying_gasp: term("bad", "掉电", "Power lost"),
  auth_failed: term("warning", "认证失败", "Not authorised"),
  disabled: term("warning", "已停用", "Disabled"),
  initializing: term("warning", "注册中", "Starting"),
  unknown: term("none", "状态不明", "Unknown"),
  no_reading: term("none", "无读数", "No reading"),
};

export const goods: Record<string, Term> = {
  good: term("good", "优良", "Good"),
  not_good: term("bad", "不达标", "Not good"),
  no_reading: term("none", "无读数", "No reading"),
};

/** How the lines behind a splitter are. */
export const legs: Record<string, Term> = {
  good: term("good", "正常", "fine"),
  warning: term("warning", "部分线路不达标", "some lines not good"),
  bad: term("bad", "多数线路不达标", "most lines not good"),
  none: term("none", "无读数", "no reading"),
};

export const reasons: Record<string, Pair> = {
  down: ["离线", "down"],
  weak: ["弱光", "weak light"],
  overload: ["光功率过高", "too much light"],
  errors: ["误码", "errors"],
  slow: ["速率不足", "slower than sold"],
  coax_level: ["电平异常", "coax level"],
};

export const missing: Record<string, Pair> = {
  never_read: ["从未读到", "never read"],
  not_up: ["线路不在线，为此前的值", "the line is not up: an older value"],
  not_in_last_poll: ["最近一次采集未包含", "not in the last poll"],
  sentinel: ["设备表示无数值", "the device says it has no value"],
  out_of_range: ["数值超出可能范围，未采用", "outside of what can be: not taken"],
  unreadable: ["数值无法解读", "the value cannot be read"],
  no_answer: ["设备未应答此项", "the device did not answer for it"],
  stale: ["设备返回旧值，未采用", "the device repeats an old value: not taken"],
  counter_reset: ["计数器已清零，重新计数", "the counter was reset and counts anew"],
};

export const causes: Record<string, Pair> = {
  macrobend: ["光纤弯曲", "Bent fibre"],
  connector: ["接头脏污或损坏", "Dirty or damaged connector"],
  water: ["接头盒进水", "Water in a closure"],
  thermal: ["光纤受温度挤压", "Fibre squeezed by temperature"],
  feeder: ["主干光缆受损", "Damaged feeder"],
  splitter: ["分光器或其支路损坏", "Splitter or its leg damaged"],
  olt_optics: ["OLT光模块老化", "OLT optical module ageing"],
  ont_laser: ["ONT激光器老化", "ONT laser ageing"],
  ont_power: ["ONT电源故障", "ONT power supply failing"],
  mains_outage: ["市电停电", "Mains outage"],
  ethernet: ["入户网线或端口", "In-home cable or port"],
  rogue_ont: ["ONT长发光", "ONT transmits out of turn"],
  weak_since_install: ["安装以来弱光", "Weak light since installation"],
  coax_drop: ["同轴入户线", "Coax drop"],
  coax_plant: ["同轴干线", "Coax plant"],
  unknown: ["质量劣化，原因未明", "Getting worse, cause not known"],
};

export const ticketStates: Record<string, Term> = {
  proposed: term("none", "待受理", "Proposed"),
  open: term("warning", "待派单", "Open"),
  assigned: term("plain", "已派单", "Assigned"),
  scheduled: term("plain", "已预约", "Scheduled"),
  on_site: term("plain", "处理中", "On site"),
  waiting_parts: term("warning", "待备件", "Waiting for parts"),
  waiting_customer: term("warning", "待用户", "Waiting for the customer"),
  resolved: term("plain", "已修复待验证", "Resolved, to be verified"),
  verified: term("good", "已验证", "Verified"),
  closed: term("good", "已闭环", "Closed"),
  reopened: term("bad", "已重开", "Reopened"),
  cancelled: term("none", "已取消", "Cancelled"),
  merged: term("none", "已合并", "Merged"),
};

export const ticketKinds: Record<string, Pair> = {
  inspection: ["巡检", "Inspection"],
  repair: ["抢修", "Repair"],
  installation: ["安装", "Installation"],
  complaint: ["投诉", "Complaint"],
  retrofit: ["改造", "Retrofit"],
};

export const parties: Record<string, Pair> = {
  in_home: ["用户室内", "In the home"],
  drop: ["入户段", "Drop"],
  plant: ["光缆线路", "Plant"],
  headend: ["机房", "Headend"],
  vendor: ["厂家", "Vendor"],
};

export const actions: Record<string, Pair> = {
  open: ["建单", "Opened"],
  propose: ["申报", "Proposed"],
  accept: ["受理", "Accept"],
  split: ["拆分", "Split"],
  complain: ["用户投诉", "Complaint"],
  escalate: ["催办升级", "Escalated"],
  hold_back: ["暂缓", "Held back"],
  release: ["恢复", "Released"],
  shift: ["转应急班组", "To the emergency crew"],
  shift_back: ["转回原工程师", "Back from the emergency crew"],
  hand_over: ["人员离岗移交", "Handed over: engineer left"],
  assign: ["派单", "Assign"],
  schedule: ["预约上门", "Schedule"],
  start: ["到场", "Start on site"],
  wait_parts: ["等待备件", "Wait for parts"],
  wait_customer: ["等待用户", "Wait for the customer"],
  resume: ["恢复处理", "Resume"],
  resolve: ["修复", "Resolve"],
  hold: ["验证通过", "Repair held"],
  fail: ["验证不通过", "Repair did not hold"],
  close: ["闭环", "Close"],
  reopen: ["重新打开", "Reopen"],
  cancel: ["取消工单", "Cancel the ticket"],
  merge: ["合并", "Merge"],
  absorb: ["并入其他工单", "Take in another"],
  grow: ["范围扩大", "Grew"],
  warn: ["提醒", "Warning"],
  report: ["现场补报", "Told from the field"],
  note: ["添加说明", "Add a note"],
};

/** Names of what a ticket's log changes. */
export const members: Record<string, Pair> = {
  state: ["状态", "state"],
  engineer: ["工程师", "engineer"],
  appointment_at: ["预约时间", "appointment"],
  deadline: ["完成时限", "deadline"],
  grade: ["等级", "grade"],
  department: ["责任部门", "department"],
  party: ["责任方", "who must act"],
  cause: ["原因", "cause"],
  cause_code: ["实际原因", "what it was"],
  action_code: ["处理措施", "what was done"],
  lines: ["影响线路", "lines hit"],
  place: ["位置", "place"],
  merged_into: ["并入", "merged into"],
  resolved_at: ["修复时间", "resolved"],
  closed_at: ["闭环时间", "closed"],
  reopened: ["重开次数", "times reopened"],
  probability: ["可能性", "probability"],
};

/** What happened to a line. */
export const lineEvents: Record<string, Term> = {
  found: term("warning", "建单", "Ticket"),
  visit: term("plain", "上门", "Visit"),
  repaired: term("plain", "修复", "Repaired"),
  verified: term("good", "验证通过", "Verified"),
  failed: term("bad", "验证未通过", "Repair failed"),
  swap: term("plain", "更换ONT", "ONT swapped"),
  move: term("plain", "移动", "Moved"),
  removal: term("plain", "移除ONT", "ONT removed"),
  works: term("plain", "施工", "Works"),
  storm: term("warning", "风暴应急", "Storm"),
  holiday: term("plain", "节假日保障", "Holiday"),
};

/** What a loss cannot be told without. */
export const lossMissing: Record<string, Pair> = {
  distance_m: ["光路距离", "fibre length"],
  splitter1: ["分光器", "splitters"],
  pon_tx_dbm: ["PON口发送光功率", "power sent by the PON port"],
  rx_dbm: ["ONT接收光功率", "power received by the ONT"],
  tx_dbm: ["ONT发送光功率", "power sent by the ONT"],
  olt_rx_dbm: ["OLT接收光功率", "power received by the OLT"],
};

/** What changed since yesterday, by kind. */
export const changeKinds: Record<string, Term> = {
  common_cause: term("bad", "新发现共因故障", "New common causes"),
  finding: term("warning", "新发现线路隐患", "New findings on single lines"),
  raised: term("bad", "升级为P1/P2的工单", "Tickets raised to P1 or P2"),
  silent: term("bad", "停止应答的设备", "Devices that stopped answering"),
  unknown_ont: term("warning", "未登记ONT", "Unknown ONTs"),
  swap: term("plain", "更换ONT", "ONTs swapped"),
  move: term("plain", "线路移动", "Lines moved"),
  removal: term("plain", "移除ONT", "ONTs removed"),
  repaired: term("good", "已修复并验证", "Repaired and verified"),
};

export const places: Record<string, Pair> = {
  line: ["线路", "line"],
  splitter: ["分光器", "splitter"],
  pon: ["PON口", "PON port"],
  olt: ["OLT", "OLT"],
  node: ["光节点", "node"],
  area: ["区域中心", "area"],
};

export const levels: Record<string, Pair> = {
  area: ["区域中心", "Area"],
  grid: ["网格", "Grid"],
  device: ["设备", "Device"],
  pon: ["PON口", "PON port"],
  splitter1: ["一级分光", "Splitter"],
  splitter2: ["二级分光", "Second splitter"],
  line: ["线路", "Line"],
};

export const deviceStates: Record<string, Term> = {
  answering: term("good", "应答正常", "Answering"),
  waiting: term("none", "等待首次采集", "Not asked yet"),
  silent: term("bad", "无应答", "Silent"),
  troubled: term("warning", "应答异常", "In trouble"),
  unknown: term("warning", "型号不明", "No profile fits"),
  not_collected: term("none", "未采集", "Not collected"),
};

export const partStates: Record<string, Term> = {
  well: term("good", "正常", "Well"),
  troubled: term("warning", "异常", "In trouble"),
  down: term("bad", "中断", "Down"),
  not_running: term("none", "未运行", "Not running"),
};

export const brokerStates: Record<string, Term> = {
  connected: term("good", "已连接", "Connected"),
  connecting: term("warning", "连接中", "Connecting"),
  down: term("bad", "中断", "Down"),
  stopped: term("bad", "已停止", "Stopped"),
};

export const drainStates: Record<string, Term> = {
  idle: term("good", "空闲", "Idle"),
  delivering: term("good", "写入中", "Delivering"),
  store_unavailable: term("bad", "存储不可用", "Store unavailable"),
};

export const roles: Record<string, Pair> = {
  viewer: ["查看", "viewer"],
  technician: ["维修人员", "technician"],
  dispatcher: ["调度", "dispatcher"],
  planner: ["规划", "planner"],
  operator: ["网络运行", "operator"],
  admin: ["管理员", "admin"],
  system: ["系统", "system"],
};

export const partNames: Record<string, Pair> = {
  store: ["遥测存储", "Telemetry store"],
  collector: ["采集器", "Collector"],
  spool: ["本地缓存", "Spool"],
};

export const deviceKinds: Record<string, Pair> = {
  olt: ["OLT", "OLT"],
  cmts: ["CMTS", "CMTS"],
  node: ["光节点", "Node"],
  ont: ["ONT", "ONT"],
};

/** Figures a finding rests on, beside those that are fields of readings. */
export const evidence: Record<string, Pair> = {
  rx_now: ["当前ONT接收光功率", "ONT receive power now"],
  rx_before: ["此前ONT接收光功率", "ONT receive power before"],
  margin: ["距弱光门限余量", "Margin to the weak-light limit"],
  slope: ["劣化速度", "Loss grows by"],
  down_shift: ["下行损耗增加", "Downstream loss rose by"],
  up_shift: ["上行损耗增加", "Upstream loss rose by"],
  excess_down: ["下行高于同PON线路", "Downstream loss above its neighbours"],
  excess_up: ["上行高于同PON线路", "Upstream loss above its neighbours"],
  noise: ["平日波动", "Usual day-to-day noise"],
  shape: ["变化形态", "Shape of the change"],
  neighbours: ["同节点受影响", "Lines hit here"],
  bias_rise: ["激光器偏置电流上升", "Laser bias rose by"],
  tx_fall: ["ONT发送光功率下降", "ONT transmit power fell by"],
  voltage_fall: ["供电电压下降", "Supply voltage fell by"],
  daily_swing_rise: ["昼夜摆动增大", "Daily swing grew by"],
  drops: ["掉线次数", "Drops"],
  speed_before: ["此前协商速率", "Ethernet speed before"],
  speed_now: ["当前协商速率", "Ethernet speed now"],
  upstream_errors_rise: ["上行误码上升", "Upstream errors rose by"],
  pon_tx_fall: ["PON口发送光功率下降", "PON port transmit power fell by"],
  pon_bias_rise: ["PON口偏置电流上升", "PON port bias rose by"],
  lines_without_power: ["停电线路", "Lines without power"],
  days_without_light: ["无光天数", "Without light for"],
  downstream_level_fall: ["下行电平下降", "Downstream level fell by"],
  downstream_snr_fall: ["下行信噪比下降", "Downstream SNR fell by"],
  upstream_power_rise: ["上行电平上升", "Upstream power rose by"],
  upstream_snr_fall: ["上行信噪比下降", "Upstream SNR fell by"],
  points_to: ["指向", "Points to"],
  falls: ["光节点掉线次数", "Node went away"],
};

export const shapes: Record<string, Pair> = {
  step: ["突变", "at once"],
  ramp: ["渐变", "little by little"],
  episodes: ["时好时坏", "comes and goes"],
};

/** What the two directions of a coax fault tell: low frequencies go up, high ones down. */
export const coaxKinds: Record<string, Pair> = {
  gap: ["接头松动或氧化", "loose or corroded connector"],
  water: ["进水", "water"],
  cable: ["电缆受潮或受损", "wet or damaged cable"],
  gain: ["放大器增益下降", "amplifier gain"],
  forward_path: ["下行光路或光接收机", "forward optics"],
  return_path: ["上行光路或回传激光器", "return optics"],
  node: ["光节点", "the node itself"],
  ingress: ["上行侵入噪声", "ingress noise"],
};

export const units: Record<string, Pair> = {
  "dB/month": ["dB/月", "dB/month"],
  "a day": ["次/天", "a day"],
  "in 14 days": ["次/14天", "in 14 days"],
  lines: ["条", "lines"],
  days: ["天", "days"],
  decades: ["个数量级", "decades"],
  codewords: ["码字", "codewords"],
  errors: ["个", "errors"],
};

/** What the collector saw change in the plant. */
export const events: Record<string, Pair> = {
  swap: ["更换ONT", "ONT swapped"],
  move: ["移至其他PON口", "moved to another port"],
  removal: ["ONT不再上报", "ONT no longer listed"],
  unknown: ["未登记ONT", "unknown ONT"],
  trap: ["设备Trap告警", "device trap"],
};

/** Cadence tiers: how often a group of columns is asked for. */
export const tiers: Record<string, Pair> = {
  status: ["状态", "Status"],
  optics: ["光功率", "Optics"],
  pon: ["PON口", "PON ports"],
  errors: ["误码", "Errors"],
  identity: ["身份", "Identity"],
};

/** Short names for what is drawn: a phone has no room for the long ones. */
export const curveNames: Record<string, Pair> = {
  rx_dbm: ["ONT接收", "ONT Rx"],
  olt_rx_dbm: ["OLT接收", "OLT Rx"],
  tx_dbm: ["ONT发送", "ONT Tx"],
};

/** Figures of the telemetry store, by the name the service gives them. */
export const storeFigures: Record<string, Pair> = {
  raw_files: ["原始读数文件", "Files of readings"],
  raw_rows: ["原始读数行数", "Rows of readings"],
  raw_bytes: ["原始读数占用", "Readings take"],
  hourly_files: ["小时汇总文件", "Files of hours"],
  hourly_rows: ["小时汇总行数", "Rows of hours"],
  hourly_bytes: ["小时汇总占用", "Hours take"],
  daily_files: ["日汇总文件", "Files of days"],
  daily_rows: ["日汇总行数", "Rows of days"],
  daily_bytes: ["日汇总占用", "Days take"],
  bytes: ["合计占用", "All of it takes"],
  set_aside_rows: ["损坏搁置行数", "Rows set aside as damaged"],
  set_aside_files: ["损坏搁置文件", "Files set aside as damaged"],
  refused_points: ["被拒读数", "Readings refused"],
};

/** Where a setting came from. */
export const settingSources: Record<string, Pair> = {
  command_line: ["命令行", "command line"],
  file: ["lightline.toml", "lightline.toml"],
  environment: ["环境变量", "environment"],
  default: ["默认", "default"],
};

/** Classes of work that on-time rates are told of. */
export const works: Record<string, Pair> = {
  installation: ["安装", "Installation"],
  maintenance: ["维护", "Maintenance"],
};
