// The card about one delivery: a dialog whose content is fetched, kept fresh while it is open.
const card = document.getElementById("card");
let openerId = "";
let commentId = ""; // of the comment that the opener stands in: its warning may be gone when the card closes

async function show(url, opener) {
  openerId = opener?.id ?? "";
  commentId = opener?.closest("[data-comment]")?.id ?? "";
  try {
    await htmx.ajax("GET", url, { target: "#card", swap: "innerHTML" });
  } catch {
    return; // menus.js says that the server cannot be reached
  }
  if (card.childElementCount && !card.open) card.showModal();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-card]");
  if (opener) {
    event.preventDefault();
    show(opener.dataset.card, opener);
  } else if (event.target === card || event.target.closest("[data-card-close]")) card.close();
});

// Browsers give the focus back to the opener. The part that held it may have been swapped meanwhile: then it is found
// again by its id. Whoever has the focus by now keeps it: this event comes late, the composer is quicker.
card?.addEventListener("close", () => {
  card.replaceChildren();
  if (document.activeElement !== document.body) return;
  const back = [openerId, commentId, "log", "main"].map((id) => document.getElementById(id)).find((part) => part?.checkVisibility());
  back?.focus({ preventScroll: true });
});

// A suggestion is taken over into its field.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  const field = button && document.getElementById(button.dataset.fill);
  if (!field) return;
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

// A form inside a comment that is gone after its answer leaves the focus on the comment.
let answeredIn = "";
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches("form")) answeredIn = event.detail.elt.closest("[data-comment]")?.id ?? "";
});
document.addEventListener("htmx:afterSettle", () => {
  if (answeredIn && document.activeElement === document.body) document.getElementById(answeredIn)?.focus({ preventScroll: true });
  answeredIn = "";
});

// What was refused is read out and stands in view.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === card) document.getElementById("card-problem")?.focus();
});

document.addEventListener("card-done", () => card?.close());

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no clipboard on plain http: select it, so that Ctrl+C does it
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
  }
  const label = button.querySelector("[data-label]") ?? button;
  label.textContent = button.dataset.copied;
});

// The composer's "who gets what" is a form's answer: the dialog opens once it is there.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== card || !event.detail.requestConfig.elt.matches("[data-opens-card]")) return;
  openerId = event.detail.requestConfig.elt.id;
  if (!card.open) card.showModal();
});
