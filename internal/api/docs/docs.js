// Shows /openapi.json. Text from it is only ever set as text, never as markup.
"use strict";

const words = {
  en: { title: "Frontdesk API", search: "Search (/)", other: "中文", loading: "Loading …", failed: "The description could not be loaded. Reload to try again.",
    none: "Nothing matches.", path: "In the path", query: "In the query", header: "In the header", body: "Body", answer: "Answer", needs: "Permission", open: "Public",
    example: "Try it", required: "required", file: "the file's bytes",
    groups: { setup: "First setup", session: "Sign-in", staff: "Staff", key: "API keys", site: "Sites", conversation: "Conversations", knowledge: "Knowledge", bot: "Bot", insight: "Figures", webhook: "Webhooks", event: "Events", contact: "Customers", search: "Search" } },
  zh: { title: "Frontdesk 接口文档", search: "搜索（/）", other: "English", loading: "加载中……", failed: "接口描述加载失败，请刷新重试。",
    none: "没有匹配的接口。", path: "路径参数", query: "查询参数", header: "请求头", body: "请求体", answer: "响应", needs: "所需权限", open: "公开",
    example: "调用示例", required: "必填", file: "文件内容",
    groups: { setup: "初始化", session: "登录", staff: "员工", key: "API 密钥", site: "站点", conversation: "对话", knowledge: "知识库", bot: "机器人", insight: "数据", webhook: "Webhook", event: "事件", contact: "顾客", search: "搜索" } },
};

let language = localStorage.getItem("docs-language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let spec = null;
const $ = (id) => document.getElementById(id);

function el(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function resolve(schema) {
  for (let i = 0; schema && schema.$ref && i < 20; i++) schema = spec.components.schemas[schema.$ref.split("/").pop()];
  return schema || {};
}

function kind(schema) {
  const s = resolve(schema);
  const type = [].concat(s.type || "object").filter((t) => t !== "null").join("|");
  if (type === "array") return `${kind(s.items)}[]`;
  if (s.enum) return s.enum.join(" | ");
  if (type === "object" && s.additionalProperties && typeof s.additionalProperties === "object") return `{ …: ${kind(s.additionalProperties)} }`;
  return s.format && type !== "integer" && type !== "number" ? `${type} (${s.format})` : type;
}

function limits(s) {
  const out = [];
  if (s.minimum !== undefined || s.maximum !== undefined) out.push(`${s.minimum ?? "…"} – ${s.maximum ?? "…"}`);
  if (s.maxLength !== undefined) out.push(`≤ ${s.maxLength}`);
  if (s.maxItems !== undefined) out.push(`≤ ${s.maxItems}`);
  if (s.default !== undefined) out.push(`= ${JSON.stringify(s.default)}`);
  return out.join(", ");
}

function row(table, name, schema, required, doc, depth) {
  const tr = el("tr", depth ? `deep${Math.min(depth, 3)}` : "");
  const first = el("td", "", name);
  if (required) {
    const star = el("span", "need", " *");
    star.title = words[language].required;
    first.append(star);
  }
  tr.append(first, el("td", "", kind(schema)), el("td", "", [doc || resolve(schema).description, limits(resolve(schema))].filter(Boolean).join(" · ")));
  table.append(tr);
}

function rows(table, schema, depth, seen) {
  let s = resolve(schema);
  if ([].concat(s.type).includes("array")) s = resolve(s.items);
  if (!s.properties || depth > 3 || seen.includes(s)) return;
  for (const [name, p] of Object.entries(s.properties)) {
    row(table, name, p, (s.required || []).includes(name), p.description, depth);
    rows(table, p, depth + 1, [...seen, s]);
  }
}

function sample(schema, depth) {
  const s = resolve(schema);
  if (s.examples && s.examples.length) return s.examples[0];
  if (s.default !== undefined) return s.default;
  if (s.enum) return s.enum[0];
  switch ([].concat(s.type || "object").find((t) => t !== "null")) {
    case "string": return "…";
    case "integer": case "number": return s.minimum || 0;
    case "boolean": return false;
    case "array": return depth > 2 ? [] : [sample(s.items, depth + 1)];
  }
  const out = {};
  if (depth < 3) for (const name of s.required || []) out[name] = sample(s.properties[name], depth + 1);
  return out;
}

function curl(method, path, op) {
  const parts = [`curl -X ${method.toUpperCase()} ${location.origin}${path}`];
  if ((op.security || []).length) parts.push(`-H 'Authorization: Bearer fdk_…'`);
  const content = op.requestBody && op.requestBody.content;
  if (content && content["application/json"]) {
    parts.push(`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(sample(content["application/json"].schema, 0))}'`);
  } else if (content) {
    parts.push(`--data-binary @FILE`);
  }
  return parts.join(" \\\n  ");
}

// The inside of an operation is made when it is opened: a page of all of them would be slow.
function fill(box, method, path, op) {
  const w = words[language];
  const need = el("p", "quiet", op["x-permission"] ? `${w.needs}: ${op["x-permission"]}` : w.open);
  box.append(need);
  for (const where of ["path", "query", "header"]) {
    const params = (op.parameters || []).filter((p) => p.in === where);
    if (!params.length) continue;
    box.append(el("h3", "", w[where]));
    const t = el("table");
    for (const p of params) row(t, p.name, p.schema, p.required, p.description, 0);
    box.append(t);
  }
  const content = op.requestBody && op.requestBody.content;
  if (content) {
    box.append(el("h3", "", w.body));
    const t = el("table");
    if (content["application/json"]) rows(t, content["application/json"].schema, 0, []);
    box.append(t.rows.length ? t : el("p", "quiet", `${Object.keys(content)[0]}: ${w.file}`));
  }
  for (const [status, r] of Object.entries(op.responses || {})) {
    if (!/^2/.test(status)) continue;
    box.append(el("h3", "", `${w.answer} ${status}`));
    const t = el("table");
    if (r.content && r.content["application/json"]) rows(t, r.content["application/json"].schema, 0, []);
    if (t.rows.length) box.append(t);
  }
  box.append(el("h3", "", w.example), el("pre", "", curl(method, path, op)));
}

function operations() {
  const out = [];
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (item[method]) out.push({ path, method, op: item[method], group: (item[method].tags || ["other"])[0] });
    }
  }
  return out;
}

function show() {
  const w = words[language];
  document.documentElement.lang = language;
  $("title").textContent = document.title = w.title;
  $("search").placeholder = $("search").ariaLabel = w.search;
  $("language").textContent = w.other;
  if (!spec) return;
  const wanted = $("search").value.trim().toLowerCase();
  const groups = new Map(Object.keys(w.groups).map((g) => [g, []]));
  for (const o of operations()) {
    const text = `${o.method} ${o.path} ${o.op.summary} ${o.op["x-summary-zh"]} ${o.op["x-permission"]}`.toLowerCase();
    if (wanted && !text.includes(wanted)) continue;
    if (!groups.has(o.group)) groups.set(o.group, []);
    groups.get(o.group).push(o);
  }
  $("groups").replaceChildren();
  $("main").replaceChildren();
  for (const [group, list] of groups) {
    if (!list.length) continue;
    const name = w.groups[group] || group;
    const link = el("a", "", name);
    link.href = `#${group}`;
    link.append(el("span", "", list.length));
    $("groups").append(link);
    const title = el("h2", "", name);
    title.id = group;
    $("main").append(title);
    for (const o of list) {
      const d = el("details");
      d.id = o.op.operationId;
      const s = el("summary");
      s.append(el("span", `method ${o.method}`, o.method.toUpperCase()), el("span", "path", o.path), el("span", "doc", language === "zh" ? o.op["x-summary-zh"] : o.op.summary));
      d.append(s);
      d.addEventListener("toggle", () => {
        if (!d.open || d.children.length > 1) return;
        const box = el("div", "body");
        fill(box, o.method, o.path, o.op);
        d.append(box);
      });
      $("main").append(d);
    }
  }
  if (!$("main").children.length) $("main").append(el("p", "quiet", w.none));
}

function goTo() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

$("search").addEventListener("input", show);
$("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("docs-language", language);
  show();
});
addEventListener("hashchange", goTo);
addEventListener("keydown", (e) => {
  if (e.key === "/" && document.activeElement !== $("search")) {
    e.preventDefault();
    $("search").focus();
  } else if (e.key === "Escape" && document.activeElement === $("search")) {
    $("search").value = "";
    show();
  }
});

show();
$("state").textContent = words[language].loading;
fetch("/openapi.json").then((r) => (r.ok ? r.json() : Promise.reject(new Error(r.status)))).then((json) => {
  spec = json;
  show();
  goTo();
}).catch(() => { $("state").textContent = words[language].failed; });
