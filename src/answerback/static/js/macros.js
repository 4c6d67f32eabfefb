// Macros in the composer: the menu's filter, what a macro fills in, and the chips that say what sending will change.
const composer = () => document.getElementById("composer");
const box = () => composer().querySelector("[data-macros-applied]");
const ids = () => box().querySelector("[data-macro-ids]");

function insert(text) {
  const field = document.getElementById("reply-text");
  const taken = !field.dispatchEvent(new CustomEvent("composer-insert", { bubbles: true, cancelable: true, detail: { text } }));
  if (taken) return; // a richer editor has put it in
  const before = field.selectionStart === field.selectionEnd ? field.selectionStart : field.value.length;
  field.setRangeText(text, before, before, "end");
  field.focus();
}

// Drafts are saved on input: the text and the chosen macros together.
const changed = () => document.getElementById("reply-text").dispatchEvent(new Event("input", { bubbles: true }));

function note(macro) {
  const chosen = new Set(ids().value.split(",").filter(Boolean));
  if (chosen.has(String(macro.id))) return;
  ids().value = [...chosen, macro.id].join(",");
  if (!macro.lines.length) return;
  const chip = box().querySelector("[data-macro-chip]").content.firstElementChild.cloneNode(true);
  chip.dataset.id = macro.id;
  chip.querySelector("[data-name]").textContent = macro.title;
  chip.querySelector("[data-lines]").textContent = macro.lines.join(" · ");
  box().append(chip);
}

// The form of a new ticket shows the fields itself, tells the server what it knows, and keeps what is still open.
const ABOUT_NEW = ["requester", "requester_name", "subject", "support_address", "assignee", "group"];

function address(button) {
  const form = document.getElementById("reply-form");
  if (!form.querySelector("[data-placeholders]")) return button.dataset.macro;
  const known = ABOUT_NEW.map((name) => [name, form.elements[name]?.value ?? ""]);
  return `${button.dataset.macro}?${new URLSearchParams(known)}`;
}

function fillForm(macro) {
  const form = document.getElementById("reply-form");
  for (const [name, value] of Object.entries(macro.fields)) form.elements[name].value = value;
  const open = box().querySelector("[data-placeholders]");
  open.value = [...new Set([...open.value.split(" "), ...macro.later])].filter(Boolean).join(" ");
  box().querySelector("[data-placeholders-note]").hidden = !open.value;
}

let coming = null; // a macro that was chosen; in the end whether it is in the composer
let pressed = false; // a button that sends, meanwhile

async function apply(button) {
  const answer = await fetch(address(button), { headers: { Accept: "application/json" } }).catch(() => null);
  button.closest("details").open = false;
  if (!answer?.ok) {
    document.body.dispatchEvent(new CustomEvent("htmx:responseError", { bubbles: true }));
    return false;
  }
  const macro = await answer.json();
  if (macro.public !== null) {
    const radio = composer().querySelector(`[name="public"][value="${macro.public ? 1 : 0}"]`);
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const send = composer().querySelector("[data-send]");
  if (macro.send_label) {
    send.value = macro.status;
    send.textContent = macro.send_label;
  }
  if (macro.fields) fillForm(macro);
  note(macro);
  if (macro.text) insert(macro.text);
  changed();
  return true;
}

function choose(button) {
  const chosen = apply(button);
  coming = chosen;
  chosen.finally(() => { if (coming === chosen) coming = null; });
}

// Who sends at once sends with the macro. Where it does not come, nothing is sent, and the error is there to be read.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!coming || button?.type !== "submit" || button.form?.id !== "reply-form") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (pressed) return; // a second press is not a second answer
  pressed = true;
  coming.finally(() => { pressed = false; }).then((here) => { if (here) button.click(); });
}, true);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-macro]");
  if (button) return choose(button);
  const chip = event.target.closest("[data-drop-macro]")?.closest(".macro-chip");
  if (!chip) return;
  ids().value = ids().value.split(",").filter((id) => id !== chip.dataset.id).join(",");
  chip.remove();
  changed();
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-macro-filter]")) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const section of event.target.closest(".menu__sheet").querySelectorAll("[data-macro-section]")) {
    const buttons = [...section.querySelectorAll("[data-macro]")];
    for (const button of buttons) button.hidden = !button.textContent.toLowerCase().includes(wanted);
    section.hidden = buttons.every((button) => button.hidden);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("[data-macro-filter]")) {
    event.preventDefault();
    event.target.closest(".menu__sheet").querySelector("[data-macro]:not([hidden])")?.click();
  }
});
const focusFilter = (event) => event.target.querySelector?.("[data-macro-filter]")?.focus();
document.addEventListener("htmx:afterSwap", focusFilter);
document.addEventListener("toggle", (event) => { if (event.target.matches("[data-macros][open]")) focusFilter(event); }, true);
