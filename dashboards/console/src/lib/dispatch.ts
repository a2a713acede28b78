/** The dispatcher's board: its words, days and times, and what the service says of visits in the reader's language. */

import type { Schemas } from "../api/client";
import { wallClock, type Pair } from "./i18n";
import { areaName } from "./session.svelte";
import { at, both, language, num, t, zone } from "./speech.svelte";
import { named, parties } from "./terms";

export type Board = Schemas["BoardAnswer"];
export type Card = Schemas["BoardTicket"];
export type Visit = Schemas["BoardVisit"];
export type Consequences = Schemas["MoveAnswer"];

export const words = {
  week: ["起始日期", "From"],
  days: ["天数", "Days"],
  earlier: ["前一段", "Earlier"],
  later: ["后一段", "Later"],
  today: ["今天", "Today"],
  board: ["排班看板", "Visits by person and day"],
  person: ["人员", "Person"],
  off: ["休息", "off"],
  free: ["空闲", "free"],
  way: ["路程 {minutes} 分钟", "{minutes} min way"],
  agreed: ["已约定", "agreed"],
  proposed: ["拟排", "proposed"],
  byHand: ["{by} 手工安排", "put there by {by}"],
  changed: ["方案生成后工单已变更，应用时跳过", "changed since the plan was made: applying leaves it alone"],
  lateBy: ["超时限 {minutes} 分钟", "{minutes} min after its deadline"],
  dueOn: ["时限 {time}", "due {time}"],
  visitsOf: ["{count} 次，现场 {work}，路程 {way}", "visits: {count}; {work} on site, {way} on the way"],
  waiting: ["待安排", "Waiting for a visit"],
  noneWaiting: ["没有待安排的工单。", "Nothing is waiting for a visit."],
  nobody: ["所选区域没有网格工程师或班组。请在 devices.yaml 的 areas 中填写。", "Nobody works in this area. Write engineers and crews into `areas` of devices.yaml."],
  noVisits: ["这几天没有安排任何上门。", "No visits in these days."],
  move: ["调整", "Move"],
  moveOf: ["调整工单 #{id}", "Move the visit of #{id}"],
  drag: ["拖动调整；或用“调整”按钮选择人员和日期。", "Drag a card to another person or day, or use its button Move."],
  to: ["人员", "To"],
  onDay: ["日期", "On"],
  atTime: ["时间（不填则由系统选择）", "At (empty: where it does least harm)"],
  consequences: ["调整后果", "What it would bring"],
  harmless: ["没有不利影响。", "Nothing speaks against it."],
  newTime: ["{engineer}，{from}–{to}", "{engineer}, {from}–{to}"],
  was: ["原为 {engineer}，{time}", "was {engineer}, {time}"],
  wasNobody: ["此前未安排", "had no visit before"],
  travelChange: ["路程 {before} → {after} 分钟（{change}）", "Way {before} → {after} min ({change})"],
  confirmMove: ["确认调整", "Move it"],
  confirmAnyway: ["仍要调整", "Move it all the same"],
  cancel: ["取消", "Leave it"],
  movedIt: ["工单 #{id} 已调整", "#{id} has moved"],
  movedMore: ["工单 #{id} 已调整，另有 {count} 项随之改期", "#{id} has moved, and {count} others with it"],
  stale: ["情况已变化，后果已重新计算。请核对后再确认。", "Something changed meanwhile. This is what it would bring now: look, then decide."],
  lacks: ["缺少：{names}", "{engineer} has not: {names}"],
  skill: ["{name}技能", "{name}"],
  part: ["备件 {name}", "part {name}"],
  inArea: ["负责{name}", "{name}"],
  afterDeadline: ["工单 #{id} 超时限 {minutes} 分钟", "#{id} begins {minutes} min after its deadline"],
  breaks: ["工单 #{id} 与用户约定的 {before} 将改为 {after}，须通知用户", "#{id}: the appointment at {before} becomes {after}; the customer has to be told"],
  pushes: ["工单 #{id} 推迟 {minutes} 分钟，至 {after}", "#{id} begins {minutes} min later, at {after}"],
  overtime: ["当班超出工作时间 {minutes} 分钟", "The shift ends {minutes} min after working hours"],
  laterThan: ["比所选时间晚 {minutes} 分钟才能到", "Nobody can be there before: {minutes} min later than asked"],
  planner: ["自动排班不会安排：{why}", "The planner would leave it out: {why}"],
  past: ["该时间已过去。", "That time is over."],
  not_there: ["{engineer} 当天不上班。", "{engineer} does not work that day."],
  hours: ["不在工作时间内，或当天已无空余。", "That is outside of working hours."],
  state: ["该工单当前状态不能安排上门。", "A ticket in this state cannot be given a visit."],

  planNow: ["自动排班", "Plan now"],
  planAgain: ["重新排班", "Plan anew"],
  planHint: ["为这 {days} 天的待派工单安排上门；已约定的不变。生成的是方案，应用前不改动工单。", "Finds visits in these {days} days for what waits; what is agreed stays. It makes a plan: no ticket changes before it is applied."],
  keepHint: ["手工调整过的保持不变。", "What was put somewhere by hand stays there."],
  planning: ["正在排班，约需 {seconds} 秒…", "Planning, about {seconds} seconds…"],
  planOf: ["方案 #{id}", "Plan #{id}"],
  planBy: ["{actor} 于 {time} 生成", "made by {actor} at {time}"],
  notApplied: ["尚未应用", "not applied yet"],
  applied: ["{actor} 已于 {time} 应用", "applied by {actor} at {time}"],
  apply: ["应用方案", "Apply the plan"],
  applying: ["正在应用…", "Applying…"],
  leavePlan: ["返回当前安排", "Back to what is agreed"],
  appliedDone: ["已派单并预约 {count} 件", "{count} tickets assigned and scheduled"],
  appliedRefused: ["{count} 件未变更：", "{count} were left alone:"],
  compared: ["方案与当前安排对比", "The plan beside what is agreed"],
  now: ["当前", "Agreed now"],
  plan: ["方案", "This plan"],
  difference: ["变化", "Change"],
  visits: ["上门次数", "Visits"],
  onSite: ["现场工时", "Time on site"],
  onTheWay: ["路程", "Time on the way"],
  afterTheirDeadline: ["超时限", "After their deadline"],
  leftOut: ["未能安排", "Left out"],
  newVisits: ["新增上门 {count} 次", "{count} new visits"],
  noNewVisits: ["没有新增上门。", "It adds no visit."],
  movedVisits: ["改期 {count} 次，须通知用户", "{count} appointments move; customers have to be told"],
  noMovedVisits: ["已约定的上门均不变。", "No appointment moves."],
  leftOutList: ["未能安排 {count} 件", "{count} could not be planned"],
  noLeftOut: ["所有工单均已安排。", "Everything found a visit."],
  another: ["须另约时间", "needs another appointment"],
  keptPlans: ["近期方案", "Recent plans"],

  modeOn: ["{mode}已启动：{area}，至 {until}", "{mode} in {area} until {until}"],
  modeToCome: ["{mode}将于 {begins} 启动：{area}，至 {until}", "{mode} in {area} begins {begins}, until {until}"],
  modeBy: ["{actor}：{why}", "{actor}: {why}"],
  modeDoes: ["P1、P2工单优先并转应急班组，暴风雨时按影响用户数排序；未预约的巡检和改造暂缓。", "P1 and P2 go first and to the emergency crew, in a storm by the customers hit; inspections and retrofit without an appointment wait."],
  modeEnds: ["结束后：未开工的工单退回原工程师；暂缓的工单恢复，时限顺延。", "When it ends, what nobody has begun goes back to its engineer, and what waited gets its time back."],
  beginMode: ["启动应急模式", "Storm or holiday mode"],
  begin: ["启动", "Switch it on"],
  endMode: ["结束{mode}", "End it: {mode}"],
  kind: ["模式", "Mode"],
  until: ["结束时间（{zone}）", "Until ({zone})"],
  why: ["原因", "Why"],
  everywhere: ["全部区域", "all areas"],
  responded: ["暂缓 {held} 件，转应急班组 {shifted} 件", "{held} held back, {shifted} given to emergency crews"],
  undone: ["恢复 {released} 件，退回原工程师 {returned} 件", "{released} go on, {returned} back with their engineer"],
  minutesOnly: ["{m} 分钟", "{m} min"],
  hoursMinutes: ["{h} 小时 {m} 分", "{h} h {m} min"],
} as const satisfies Record<string, Pair>;

type Key = keyof typeof words;

/** A word of the board, with {names} in it replaced. */
export function w(key: Key, given: Record<string, string | number> = {}): string {
  return both(words[key]).replace(/\{(\w+)\}/g, (_, name: string) => String(given[name] ?? ""));
}

const reasons: Record<string, Pair> = {
  nobody_has: ["无人具备：{0}", "nobody has {0}"],
  nobody_has_all: ["无人同时具备：{0}", "nobody has all of {0}"],
  fixed_time: ["约定时间无法保证：人员不在岗，或另有约定", "its time cannot be kept: the person is not there, or has another appointment then"],
  window: ["预约时段内无合适人员", "nobody who is able works within its window"],
  too_long: ["加上往返路程，超出任何一段工作时间", "with the way there and back it is longer than any working time"],
  busy: ["{0} 名合适人员均已排满同等或更紧急的工作", "all {0} people who are able are busy with work at least as urgent"],
  department: ["{0}：由{1}安排", "{0}: {1} decides who goes"],
  held_back: ["应急模式期间暂缓", "held back while the mode lasts"],
  waits_part: ["等待{0}", "waits for {0}"],
  waits_part_until: ["等待{0}，预计 {1} UTC 到货", "waits for {0}, expected {1} UTC"],
  waits_customer: ["等待用户", "waits for the customer"],
  gave_way: ["让位给紧急工单，这几天没有其他时间", "gave way; no other time in these days"],
};
const LISTS = new Set(["nobody_has", "nobody_has_all"]);

const skills: Record<string, Pair> = {
  splicing: ["熔接技能", "splicing"],
  coax: ["同轴技能", "coax"],
};

/** What somebody must have: a skill, "part closure", "area tianhe". */
function needed(need: string): string {
  const [kind, ...rest] = need.split(" ");
  const name = rest.join(" ");
  if (kind === "part" && name) return w("part", { name });
  if (kind === "area" && name) return w("inArea", { name: areaName(name) });
  return both(named(skills, need));
}

/** Why the planner left a ticket out; words that have no code are shown as they came. */
export function reason(left: { why: string; code?: string | null; names?: string[] }): string {
  const pair = left.code ? reasons[left.code] : undefined;
  if (!pair || !left.code) return left.why;
  const names = left.names ?? [];
  const told = LISTS.has(left.code) ? [names.map(needed).join(t("listComma"))] : left.code === "department" ? [both(named(parties, names[0] ?? "")), names[1] ?? ""] : names;
  return both(pair).replace(/\{(\d)\}/g, (_, at: string) => told[Number(at)] ?? "");
}

export function duration(minutes: number): string {
  const h = Math.floor(Math.abs(minutes) / 60);
  const m = Math.abs(minutes) % 60;
  return (minutes < 0 ? "−" : "") + (h ? w("hoursMinutes", { h, m }) : w("minutesOnly", { m }));
}

/** How bad it is: an appointment or a deadline that is missed is worse than a visit nobody was promised. */
export function weight(kind: Schemas["MoveEffect"]["kind"]): "bad" | "warning" {
  return kind === "pushed" || kind === "reason" || kind === "later" ? "warning" : "bad";
}

/** One consequence of a move, in words. */
export function brings(told: Schemas["MoveEffect"], engineer: string): string {
  const given = { id: told.ticket, minutes: num(told.minutes), engineer, before: told.at_before ? at(told.at_before) : "", after: told.at ? at(told.at) : "" };
  switch (told.kind) {
    case "missing":
      return w("lacks", { ...given, names: told.names.map(needed).join(t("listComma")) });
    case "deadline":
      return w("afterDeadline", { ...given, minutes: duration(told.minutes) });
    case "appointment":
      return w("breaks", given);
    case "pushed":
      return w("pushes", given);
    case "overtime":
      return w("overtime", given);
    case "later":
      return w("laterThan", given);
    case "reason":
      return w("planner", { why: reason({ why: told.names.join(" "), code: told.names[0] ?? null, names: told.names.slice(1) }) });
  }
}

const DAY_MS = 86_400_000;

/** The operator's day of a moment, as 2026-11-02. */
export function dayOf(iso: string): string {
  return new Date(wallClock(iso, zone())).toISOString().slice(0, 10);
}

/** The time of day, as 09:30. */
export function timeOf(iso: string): string {
  return new Date(wallClock(iso, zone())).toISOString().slice(11, 16);
}

export function plusDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * DAY_MS).toISOString().slice(0, 10);
}

/** "Mon 11-02", "11-02 周一". */
export function dayName(day: string): string {
  const weekday = new Intl.DateTimeFormat(language() === "zh" ? "zh-CN" : "en-GB", { weekday: "short", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
  return language() === "zh" ? `${day.slice(5)} ${weekday}` : `${weekday} ${day.slice(5)}`;
}

const modeKinds: Record<string, Pair> = {
  storm: ["暴风雨应急", "Storm mode"],
  holiday: ["节假日保障", "Holiday mode"],
};

export function modeName(kind: string): string {
  return both(named(modeKinds, kind));
}
