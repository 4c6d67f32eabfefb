// The keyboard: j k Enter in lists and conversations, x * a to select, r n m e u on a ticket, / for search, ? for help.
const rows = () => [...document.querySelectorAll("[data-row]")];
const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");

function move(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.indexOf(document.activeElement.closest("[data-row]"));
  const next = all[now < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + step, 0), all.length - 1)];
  (next.querySelector("[data-row-link]") ?? next).focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(name) {
  const target = document.querySelector(`[data-key-target="${name}"]`);
  if (!target) return false;
  if (target.matches("input, textarea")) { target.focus(); target.select?.(); } else target.click();
  // At once: the composer's own focus comes a moment later, and what is typed in between would be lost.
  if (target.matches("[data-focus-text]")) document.getElementById("reply-text")?.focus();
  return true;
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  r: () => press("reply"),
  n: () => press("note"),
  m: () => press("macros"),
  e: () => press("events"),
  u: () => press("undo"),
  x: () => document.activeElement.closest("[data-row]")?.querySelector("[data-select]")?.click(),
  "*": () => document.querySelector("[data-select-all]")?.click(),
  a: () => document.querySelector("[data-first-action]")?.focus(),
  "/": () => press("search"),
  "?": () => document.getElementById("keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target)) return;
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-open-keys]")) document.getElementById("keys")?.showModal();
});
