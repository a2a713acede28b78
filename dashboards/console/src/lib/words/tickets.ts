/** Words of the tickets' list and board, of a ticket's page and of a day without visits. */

import type { Pair } from "../i18n";

export const ticketWords = {
  timeLeft: ["剩余 {span}", "{span} left"],
  lateBy: ["已超时 {span}", "Late by {span}"],
  spanDays: ["{d} 天 {h} 小时", "{d} d {h} h"],
  spanHours: ["{h} 小时 {m} 分", "{h} h {m} min"],
  spanMinutes: ["{m} 分钟", "{m} min"],
  searchTickets: ["搜索标题、位置、人员、工单号", "Search titles, places, people, numbers"],
  layout: ["显示方式", "Show as"],
  asList: ["列表", "List"],
  asBoard: ["看板", "Board"],
  ticketBoard: ["工单看板", "Tickets by state"],
  noneInColumn: ["无", "none"],
  toAssign: ["待派单", "To assign"],
  assignedColumn: ["已派单", "Assigned"],
  scheduledColumn: ["已预约", "Scheduled"],
  onSiteColumn: ["处理中", "On site"],
  waitingColumn: ["等待中", "Waiting"],
  toVerify: ["待验证", "To be verified"],
  finished: ["已结束", "Finished"],

  // saved views
  savedViews: ["已存视图", "Saved views"],
  chooseView: ["选择视图", "Choose a view"],
  ownViews: ["我的", "Mine"],
  sharedViews: ["共享", "Shared with me"],
  saveView: ["存为视图", "Save as a view"],
  viewName: ["视图名称", "Name of the view"],
  shareWith: ["共享给", "Share with"],
  viewSaved: ["已保存视图“{name}”", "Saved the view “{name}”"],
  viewDeleted: ["已删除视图“{name}”", "Deleted the view “{name}”"],
  deleteView: ["删除视图“{name}”", "Delete the view “{name}”"],
  reallyDelete: ["确认删除", "Really delete it"],
  keepIt: ["保留", "Keep it"],

  // many at once
  chooseAll: ["全选已显示的工单", "Choose all that are shown"],
  chooseTicket: ["选择工单 #{id}", "Choose #{id}"],
  chosen: ["已选 {count} 件", "{count} chosen"],
  chooseNone: ["取消选择", "Choose none"],
  manyActions: ["批量操作", "Do with all of them"],
  manyDone: ["{action}：完成 {count} 件", "{action}: {count} done"],
  manyRefused: ["{count} 件未执行：", "{count} were not:"],

  // before and after a repair
  verification: ["修复验证", "Verification of the repair"],
  beforeRepair: ["修复前", "Before"],
  afterRepair: ["修复后", "After"],
  changeOf: ["变化", "Change"],
  verifiedOn: ["修复于 {time}；此后 {lines} 条线路、{readings} 次读数，持续 {hours} 小时（要求 {needed} 小时）", "Repaired at {time}; since then {readings} readings of {lines} lines over {hours} h ({needed} h needed)"],
  linesHeld: ["有效线路", "Lines held"],
  heldOn: ["{held} / {read} 条线路有效", "held on {held} of {read} lines"],
  repairAt: ["修复", "repaired"],
  lightAround: ["线路 {line} 修复前后ONT收光", "ONT light of {line} around the repair"],
  lightAroundLabel: ["{line} 修复前中位 {before} dBm，修复后中位 {after} dBm", "{line}: middle {before} dBm before the repair, {after} dBm after it"],
  awaitsReadings: ["已修复，等待新读数验证。", "Repaired; new readings have to confirm it."],

  // a day without visits
  theirTickets: ["{engineer} 的工单", "Tickets of {engineer}"],
  toDispatch: ["到调度安排上门", "Plan visits on Dispatch"],
  whoHasVisits: ["有上门任务的人员", "Who has visits"],
} as const satisfies Record<string, Pair>;
