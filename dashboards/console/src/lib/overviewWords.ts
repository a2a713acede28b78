/** Words of the overview, of lists of lines, and of what a line's page tells of its past. */

import type { Pair } from "./i18n";

export const overviewWords = {
  // the week of a figure
  weekOf: ["{name}近 {days} 天：{first} → {last}", "{name}, {days} days: {first} → {last}"],
  weekNone: ["{name}：尚无往日数据", "{name}: no days before today yet"],
  sinceDay: ["自 {day} 起", "since {day}"],

  // grids
  grids: ["各网格优良率", "Good rate by grid"],
  gridBad: ["不达标 {bad} / {total} 条", "{bad} of {total} lines not good"],
  gridUnread: ["{total} 条线路均无读数", "none of {total} lines read"],
  rateFrom: ["{rate} 及以上", "{rate} and more"],
  rateBetween: ["{low} 至 {high}", "{low} to {high}"],
  rateBelow: ["低于 {rate}", "below {rate}"],
  noGrids: ["资料中没有网格。", "The inventory has no grids."],
  legend: ["图例", "Legend"],

  // since yesterday
  sinceYesterday: ["近24小时变化", "Since yesterday"],
  nothingChanged: ["近24小时没有变化。", "Nothing changed in the last 24 hours."],
  andMore: ["另有 {count} 项", "and {count} more"],
  silentSince: ["{device} 未应答", "{device} does not answer"],
  swapped: ["{line} 更换ONT：{was} → {now}", "{line}: ONT {was} became {now}"],
  moved: ["{line} 移动：{was} → {now}", "{line} moved from {was} to {now}"],
  removed: ["{line} 的ONT已移除", "{line}: its ONT is gone"],
  strangerSeen: ["{place} 出现未登记ONT {now}", "{place}: unknown ONT {now}"],
  raisedTo: ["{was} 升为 {now}", "{was} became {now}"],
} as const satisfies Record<string, Pair>;
