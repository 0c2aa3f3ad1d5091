// The editor of a mapping: line numbers, mistakes beside their lines, Ctrl+S. The page works without it.
"use strict";

{
  const form = document.getElementById("editor");
  const text = form && form.querySelector("textarea");
  const gutter = form && form.querySelector(".gutter");
  const problems = document.getElementById("problems");
  const changed = document.getElementById("changed");
  if (text && gutter && problems) {
    let saved = text.value;

    const marks = () => {
      const found = new Map();
      for (const item of problems.querySelectorAll("[data-line]")) {
        const line = Number(item.dataset.line);
        if (found.get(line) !== "error") found.set(line, item.dataset.level === "error" ? "error" : "notice-line");
      }
      return found;
    };

    const number = () => {
      const lines = text.value.split("\n").length;
      const known = marks();
      const rows = document.createDocumentFragment();
      for (let line = 1; line <= lines; line += 1) {
        const row = document.createElement("span");
        row.textContent = String(line);
        if (known.has(line)) row.className = known.get(line);
        rows.append(row, "\n");
      }
      gutter.replaceChildren(rows);
      gutter.scrollTop = text.scrollTop;
    };

    const tell = () => {
      changed.textContent = text.value === saved ? "" : `· ${form.dataset.changedSays}`;
    };

    const go = (line, column) => {
      const lines = text.value.split("\n");
      const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
      const at = start + Math.min(Math.max(column - 1, 0), (lines[line - 1] || "").length);
      text.focus();
      text.setSelectionRange(at, start + (lines[line - 1] || "").length);
      const height = text.scrollHeight / lines.length;
      text.scrollTop = Math.max(0, (line - 4) * height);
      text.scrollIntoView({ block: "nearest" });
    };

    gutter.hidden = false;
    new ResizeObserver(() => { gutter.style.height = `${text.offsetHeight}px`; }).observe(text);
    number();
    text.addEventListener("input", () => { number(); tell(); });
    text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });
    problems.addEventListener("click", (event) => {
      const link = event.target.closest("[data-go]");
      if (!link) return;
      event.preventDefault();
      const item = link.closest("[data-line]");
      go(Number(item.dataset.line), Number(item.dataset.column));
    });
    const named = /^#L(\d+)$/.exec(window.location.hash);
    if (named) go(Number(named[1]), 1);
    document.addEventListener("htmx:afterSwap", number);
    const sent = new WeakMap();
    document.addEventListener("htmx:beforeRequest", (event) => { sent.set(event.detail.xhr, text.value); });
    document.addEventListener("htmx:afterRequest", (event) => {
      if (!event.detail.xhr.responseText.includes("data-saved")) return;
      saved = sent.get(event.detail.xhr);
      tell();
    });
    document.addEventListener("keydown", (event) => {
      if (event.code !== "KeyS" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      event.preventDefault();
      form.requestSubmit(form.querySelector("[data-save]"));
    });
    window.addEventListener("beforeunload", (event) => {
      if (text.value !== saved) event.preventDefault();
    });
  }
}
