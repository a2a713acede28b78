/** Words of the overview, of lists of lines, and of what a line's page tells of its past. */

import type { Pair } from "../i18n";

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

  // lists of lines
  linesFound: ["共 {total} 条线路", "Lines found: {total}"],
  rowComes: ["读取中", "on its way"],

  // a line's past
  forecastBand: ["预测（90%区间）", "Forecast (90 % interval)"],
  outdoor: ["气温（代用值）", "Outdoor temperature (proxy)"],
  outdoorHint: ["{device} 下 {count} 台ONT温度相对各自中位值的中位数，作为气温变化的代用值。", "Median of {count} ONTs of {device}, each against its own median: a stand-in for how warm it was."],
  lineEvents: ["经过", "What happened"],
  noEvents: ["近90天没有上门、换机、移动、施工或应急记录。", "No visits, swaps, moves, works or storms in the last 90 days."],
  until: ["至 {time}", "until {time}"],
  allTicketsOf: ["工单与上门", "Tickets and visits"],
  neverTicket: ["该线路从未有过工单。", "This line never had a ticket."],

  // its loss
  lossBudget: ["光路损耗：应有与实测", "Loss: expected and measured"],
  lossDown: ["下行", "Downstream"],
  lossUp: ["上行", "Upstream"],
  lossExpected: ["应有", "Expected"],
  lossMeasured: ["实测", "Measured"],
  lossMore: ["比应有多 {more} dB", "{more} dB more than expected"],
  lossLess: ["比应有少 {less} dB", "{less} dB less than expected"],
  lossWithin: ["与应有相符（±{tolerance} dB 以内）", "as expected (within ±{tolerance} dB)"],
  lossNotMeasured: ["无法测算：缺少 {what}", "not measured: {what} is missing"],
  lossBasis: ["按规划值推算；分光比按其后登记的线路数推定，实际可能更大。接收机绝对误差约 ±{tolerance} dB。", "By planning values; a splitter is taken for the smallest that can have so many behind it. Receivers are off by up to ±{tolerance} dB in absolute terms."],
  lossMissing: ["未知，未计入：{what}", "Not known and left out: {what}"],
  partFibre: ["光纤 {size} m", "Fibre, {size} m"],
  partSplitter1: ["一级分光 1:{size}", "First splitter 1:{size}"],
  partSplitter2: ["二级分光 1:{size}", "Second splitter 1:{size}"],
  partConnectors: ["接头 {size} 处", "{size} connectors"],
} as const satisfies Record<string, Pair>;
