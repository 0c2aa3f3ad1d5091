// Decisions by keyboard; every page works without it. Keys are those of the place on the board, in any layout.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const key = event.code.replace(/^(Key|Digit|Numpad)/, "").toLowerCase();
  const list = document.querySelector("[data-list]");
  if (list && (key === "j" || key === "k")) {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement) + (key === "j" ? 1 : -1);
    if (links[at]) { event.preventDefault(); links[at].focus(); }
    return;
  }
  if (key.length !== 1) return;
  const found = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (found) { event.preventDefault(); found.click(); }
});

// "Tick all" is a comfort of the script, and shown only where it runs.
for (const button of document.querySelectorAll("[data-tick]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const box of button.form.querySelectorAll("input[type=checkbox]")) box.checked = true;
  });
}
