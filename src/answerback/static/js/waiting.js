// What was sent a moment ago, and how long it can be taken back: u, or Ctrl+Z in the empty composer.
const ends = new Map(); // draft -> when it goes, on this machine's own running clock

function tick() {
  for (const place of document.querySelectorAll("[data-waiting]")) {
    const shown = place.querySelector("[data-countdown]");
    const draft = place.dataset.waiting;
    if (!ends.has(draft)) ends.set(draft, performance.now() + Number(shown.textContent) * 1000);
    shown.textContent = Math.max(0, Math.ceil((ends.get(draft) - performance.now()) / 1000));
  }
}

function say() {
  const said = document.getElementById("waiting-said");
  const newest = [...document.querySelectorAll("[data-waiting]")].at(-1);
  if (said && newest) said.textContent = newest.dataset.say;
}

if (document.querySelector("#waiting, [data-waiting]")) {
  tick();
  setInterval(tick, 250);
  document.body.addEventListener("composer-sent", () => setTimeout(say, 100));
  document.body.addEventListener("composer-opened", () => ends.clear());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
    const button = [...document.querySelectorAll("[data-waiting] [type=submit]")].at(-1);
    const field = event.target.closest("input, textarea, [contenteditable=true]");
    if (!button || (field && (field.value ?? field.textContent).trim())) return;
    event.preventDefault();
    button.click();
  });
}
