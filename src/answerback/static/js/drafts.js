// What stands in the composer is saved on the server while it is typed, and in this browser only while the server
// cannot be reached. One save at a time, each naming the version it began from: the server keeps both where they part.
const SAVE_AFTER = 700; // milliseconds without a key
const SAVE_LATEST = 4000;

const composer = () => document.getElementById("composer");
const form = () => document.getElementById("reply-form");
const text = () => form()?.elements.text;
const key = () => `answerback-draft:${composer().dataset.net}`;

let timer = 0;
let dirtySince = 0;
let saving = null;

export function touch() {
  const now = Date.now();
  dirtySince ||= now;
  clearTimeout(timer);
  timer = setTimeout(flush, Math.max(0, Math.min(SAVE_AFTER, dirtySince + SAVE_LATEST - now)));
}

// Whatever is typed by now is on its way, or saved, when this comes back.
async function flush(leaving = false) {
  clearTimeout(timer);
  if (saving && !leaving) await saving;
  if (!dirtySince || !form()) return;
  dirtySince = 0;
  saving = save(form(), leaving);
  await saving;
  saving = null;
}

async function save(from, leaving) {
  const data = new FormData(from);
  data.delete("files");
  data.delete("csrfmiddlewaretoken");
  try {
    const answer = await fetch(composer().dataset.save, {
      method: "POST",
      body: new URLSearchParams(data),
      keepalive: leaving,
      headers: { "X-CSRFToken": csrfToken() },
    });
    if (!answer.ok) throw new Error(answer.statusText);
    localStorage.removeItem(key());
    if (from.isConnected) note(from, await answer.json());
  } catch {
    remember(data);
  }
}

function note(from, saved) {
  from.elements.draft.value = saved.draft ?? "";
  from.elements.version.value = saved.version;
  const state = document.getElementById("draft-state");
  if (state.contains(document.activeElement)) return;
  state.innerHTML = saved.said;
  htmx.process(state);
}

const csrfToken = () => JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];

function remember(data) {
  dirtySince ||= Date.now(); // the next key tries again
  try {
    localStorage.setItem(key(), new URLSearchParams(data).toString());
  } catch { /* storage is full or switched off: the text is still in the field */ }
}

// What could not be saved then is saved now, as a draft of its own: nobody knows what happened since.
async function recall() {
  const kept = localStorage.getItem(key());
  if (!kept) return;
  const data = new URLSearchParams(kept);
  data.set("draft", "");
  try {
    const answer = await fetch(composer().dataset.save, { method: "POST", body: data, headers: { "X-CSRFToken": csrfToken() } });
    if (!answer.ok) return;
    localStorage.removeItem(key());
    const { draft } = await answer.json();
    const url = `${composer().dataset.open}${draft}`;
    if (!draft || text().value) return;
    if (composer().hasAttribute("data-page")) location.href = url;
    else htmx.ajax("GET", url, { target: "#composer", swap: "outerHTML" });
  } catch { /* still out of reach: it stays where it is */ }
}

// Before anything takes the composer's place, or sends it: no save may be under way, or it would meet a newer version.
async function settle(event) {
  const { elt, target, question, issueRequest } = event.detail;
  const sends = elt.id === "reply-form";
  if (!form() || !(sends || target?.id === "composer")) return;
  event.preventDefault();
  if (question && !confirm(question)) return;
  if (sends) { clearTimeout(timer); dirtySince = 0; await saving; }
  else if (!elt.matches("[data-discard]")) await flush();
  issueRequest(true);
}

async function settleAndSubmit(event) {
  if (event.target.id !== "reply-form" || event.target.hasAttribute("hx-post")) return;
  clearTimeout(timer);
  dirtySince = 0;
  if (!saving) return;
  event.preventDefault();
  await saving;
  event.target.requestSubmit(event.submitter);
}

if (composer()) {
  recall();
  for (const kind of ["input", "change"])
    document.addEventListener(kind, (event) => { if (event.target.closest("#reply-form")) touch(); });
  document.addEventListener("focusout", (event) => { if (event.target.closest("#reply-form")) flush(); });
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target.closest("#reply-form #composer-recipients")) touch(); });
  addEventListener("pagehide", () => flush(true));
  document.addEventListener("visibilitychange", () => { if (document.hidden) flush(true); });
  document.addEventListener("htmx:confirm", settle);
  document.addEventListener("submit", settleAndSubmit);
}
