// The search field suggests keys and values while one types: arrows choose, Enter or Tab takes, Escape closes.
const input = document.getElementById("search");
const list = document.getElementById("search-suggestions");
let waiting = 0;
let asked = 0;

const options = () => [...list.querySelectorAll("[role=option]")];
const chosen = () => list.querySelector('[aria-selected="true"]');

function show(open) {
  list.hidden = !open;
  input.setAttribute("aria-expanded", String(open));
  if (!open) input.removeAttribute("aria-activedescendant");
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  if (!option) return;
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", option.id);
}

function take(option) {
  const rest = input.value.slice(input.selectionStart);
  const text = option.dataset.text + (/[:<>=]$/.test(option.dataset.text) ? "" : " ");
  input.value = text + rest.trimStart();
  input.setSelectionRange(text.length, text.length);
  show(false);
  if (/:$/.test(text)) ask();
}

async function ask() {
  const mine = ++asked;
  const text = input.value.slice(0, input.selectionStart);
  if (!text.trim()) { show(false); return; }
  const response = await fetch(`/search/suggest?q=${encodeURIComponent(text)}`).catch(() => null);
  if (!response?.ok || mine !== asked || document.activeElement !== input) return;
  list.innerHTML = await response.text();
  show(options().length > 0);
}

if (input && list) {
  input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 120); });
  input.addEventListener("blur", () => { clearTimeout(waiting); asked += 1; setTimeout(() => show(false), 150); });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const all = options();
    const at = all.indexOf(chosen());
    if (event.key === "ArrowDown") choose(all[(at + 1) % all.length]);
    else if (event.key === "ArrowUp") choose(all[(at <= 0 ? all.length : at) - 1]);
    else if (event.key === "Escape") show(false);
    else if ((event.key === "Enter" || event.key === "Tab") && chosen()) take(chosen());
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) { event.preventDefault(); take(option); }
  });
}
