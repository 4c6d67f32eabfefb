// Choosing rows of a list: by click, a run of them with Shift, by x and *. What is chosen survives the list's renewal;
// a whole view is chosen by name, not by its rows.
const form = document.getElementById("selection");
const chosen = new Set();
let last = null;

const boxes = () => [...document.querySelectorAll("[data-select]")];
const whole = () => form.querySelector("[data-select-whole]");

function show() {
  for (const box of boxes()) box.checked = chosen.has(box.value);
  const all = boxes(), marked = all.filter((box) => box.checked).length;
  const head = document.querySelector("[data-select-all]");
  if (head) {
    head.checked = all.length > 0 && marked === all.length;
    head.indeterminate = marked > 0 && marked < all.length;
  }
  const everything = !whole().disabled;
  const count = form.querySelector("[data-selection-count]");
  const words = everything ? form.querySelector("[data-whole-chosen]").textContent : String(chosen.size);
  count.textContent = form.dataset.words.replace("{n}", words);
  const offer = form.querySelector("[data-choose-whole]");
  if (offer) offer.hidden = everything;
}

function choose(box, on) {
  if (on) chosen.add(box.value);
  else chosen.delete(box.value);
  if (!on) whole().disabled = true;
}

function clear() {
  chosen.clear();
  whole().disabled = true;
  show();
}

if (form) {
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-select]");
    if (box) {
      const all = boxes(), from = all.findIndex((one) => one.value === last), to = all.indexOf(box);
      const run = event.shiftKey && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [box];
      for (const one of run) choose(one, box.checked);
      last = box.value;
      show();
    } else if (event.target.closest("[data-select-all]")) {
      for (const one of boxes()) choose(one, event.target.checked);
      show();
    } else if (event.target.closest("[data-choose-whole]")) {
      for (const one of boxes()) choose(one, true);
      whole().disabled = false;
      show();
      form.querySelector("[data-first-action]").focus();
    } else if (event.target.closest("[data-clear-selection]")) clear();
  });
  // rows that have left the list are chosen no more
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "tickets" && event.detail.elt?.id !== "tickets") return;
    const there = new Set(boxes().map((box) => box.value));
    for (const value of [...chosen]) if (!there.has(value)) chosen.delete(value);
    show();
  });
  for (const box of boxes()) if (box.checked) chosen.add(box.value); // the browser remembers marks after going back
  show();
}
