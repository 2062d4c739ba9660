// Draws the shop from texts.js and turns it between Chinese and English. The chat follows the page's language by itself.
"use strict";

const saved = (() => {
  try {
    return localStorage.getItem("shop:language");
  } catch {
    return null;
  }
})();
let language = saved === "en" || saved === "zh" ? saved : navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
let category = "";

function el(tag, props, ...children) {
  const e = document.createElement(tag);
  Object.assign(e, props);
  e.append(...children);
  return e;
}

function drawing(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(ns, "use");
  use.setAttribute("href", `#p-${name}`);
  svg.append(use);
  return svg;
}

function draw() {
  const t = texts[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = t.pageTitle;
  for (const e of document.querySelectorAll("[data-text]")) e.textContent = t[e.dataset.text];
  for (const e of document.querySelectorAll("[data-label]")) e.setAttribute("aria-label", t[e.dataset.label]);
  document.querySelector(".brand").setAttribute("aria-label", t.brand);

  const toggle = document.getElementById("language");
  toggle.textContent = language === "zh" ? "English" : "中文";
  toggle.lang = language === "zh" ? "en" : "zh-CN";

  const money = new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en", { style: "currency", currency: "CNY", maximumFractionDigits: 0 });
  document.querySelector(".filters").replaceChildren(
    ...["", ...Object.keys(categories)].map((key) => {
      const b = el("button", { type: "button", onclick: () => choose(key) }, key ? categories[key][language] : t.all);
      b.setAttribute("aria-pressed", String(key === category));
      return b;
    }),
  );
  document.querySelector(".grid").replaceChildren(
    ...products
      .filter((p) => !category || p.category === category)
      .map((p) =>
        el(
          "li",
          {},
          el("div", { className: "drawing" }, drawing(p.draw)),
          el("h3", {}, p[language][0]),
          el("p", {}, p[language][1]),
          el("p", { className: "buy" }, el("span", { className: "price" }, money.format(p.price)), askButton(p, t)),
        ),
      ),
  );
  document.querySelector(".promises").replaceChildren(
    ...promises.map((p) => el("li", {}, el("h3", {}, p[language][0]), el("p", {}, p[language][1]))),
  );
}

/** Opens the chat with the beginning of a question in its box, and notes which product it was about. */
function askButton(p, t) {
  const name = p[language][0];
  const b = el("button", { type: "button", className: "about", onclick: () => ask(p, t.question.replace("{name}", name)) }, t.askAbout);
  b.setAttribute("aria-label", `${t.askAbout}: ${name}`);
  return b;
}

function ask(p, text) {
  window.Frontdesk?.track("product.asked", { product: p.zh[0], price: p.price });
  window.Frontdesk?.open(text);
}

function choose(key) {
  category = key;
  draw();
  document.querySelector('.filters [aria-pressed="true"]').focus();
}

document.getElementById("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem("shop:language", language);
  } catch {
    // Forbidden storage: the choice lasts for this page.
  }
  draw();
});
for (const b of document.querySelectorAll("[data-ask]")) b.addEventListener("click", () => window.Frontdesk?.open());
draw();
document.documentElement.classList.add("drawn");
