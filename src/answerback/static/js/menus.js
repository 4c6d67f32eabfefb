// Menus close on a click elsewhere and on Escape; messages can be put away and go by themselves unless they warn.
const READ_FOR = 6000;

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]"))
    if (!menu.contains(event.target)) menu.open = false;
  event.target.closest("[data-dismiss]")?.parentElement.remove();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

function expire(root) {
  for (const message of root.querySelectorAll(".message--success, .message--info"))
    setTimeout(() => message.remove(), READ_FOR);
}
expire(document);
document.addEventListener("htmx:oobAfterSwap", (event) => { if (event.detail.target.id === "messages") expire(document); });

// Fields that send their form as soon as they change.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-submit-on-change]")) event.target.form.requestSubmit();
});

document.addEventListener("click", (event) => { event.target.closest("[data-remove-row]")?.closest("[data-condition]").remove(); });

// A request that came to nothing is told; what was typed stays where it is.
for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, () => {
    const messages = document.getElementById("messages");
    if (messages.querySelector("[data-trouble]")) return;
    messages.append(document.getElementById("trouble").content.cloneNode(true));
  });
}
document.addEventListener("htmx:afterOnLoad", () => document.querySelector("#messages [data-trouble]")?.remove());
