import type { Area } from "./area";

export const common = {
  retry: ["重试", "Try again"],
  loading: ["正在加载", "Loading"],
  save: ["保存", "Save"],
  cancel: ["取消", "Cancel"],
  delete: ["删除", "Delete"],
  close: ["关闭", "Close"],
  back: ["返回", "Back"],
  more: ["加载更多", "Load more"],
  copy: ["复制", "Copy"],
  copied: ["已复制", "Copied"],
  saved: ["已保存", "Saved"],
  language: ["语言", "Language"],
  theme: ["切换深浅色", "Switch light and dark"],
  signOut: ["退出登录", "Sign out"],
  skip: ["跳到正文", "Skip to content"],
  undo: ["撤销", "Undo"],
} satisfies Area;

export const error = {
  unknown: ["出了点问题，请重试。", "Something went wrong. Please try again."],
  unreachable: ["连不上服务器。请检查网络，稍后会自动重试。", "The server cannot be reached. Check the network; this page keeps trying."],
  denied: ["你没有这项权限，请联系管理员。", "You may not do this. Ask an owner."],
  limited: ["操作太频繁，请稍等再试。", "Too many requests. Wait a moment and try again."],
  missing: ["没有找到，可能已被删除。", "Not found. It may have been deleted."],
  server: ["服务器出错了，请稍后再试。", "The server failed. Please try again later."],
  serverWith: ["服务器出错了，请稍后再试。反馈时请附上编号 {id}。", "The server failed. Please try again later. When you report it, give the number {id}."],
} satisfies Area;

export const nav = {
  main: ["主导航", "Main"],
  home: ["首页", "Home"],
  desk: ["接待台", "Desk"],
  knowledge: ["知识库", "Knowledge"],
  settings: ["设置", "Settings"],
  guide: ["入门", "Set-up"],
} satisfies Area;

export const missing = {
  title: ["没有这个页面", "There is no such page"],
  hint: ["地址可能写错了，或者你没有查看它的权限。", "The address may be wrong, or you may not see what is there."],
  home: ["回首页", "Go home"],
} satisfies Area;
