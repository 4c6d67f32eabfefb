// The columns left and right, as drawers where the window is narrow.
let opener = null;

function close() {
  const open = document.querySelector("[data-open]");
  if (!open) return;
  delete open.dataset.open;
  document.querySelector(".scrim")?.remove();
  opener?.setAttribute("aria-expanded", "false");
  opener?.focus();
  opener = null;
}

function open(button) {
  close();
  const drawer = document.getElementById(button.dataset.drawer);
  if (!drawer) return;
  drawer.dataset.open = "";
  opener = button;
  button.setAttribute("aria-expanded", "true");
  const scrim = document.createElement("div");
  scrim.className = "scrim";
  scrim.addEventListener("click", close);
  document.body.append(scrim);
  drawer.querySelector("a, button, input, select")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-drawer]");
  if (button) {
    if (button.getAttribute("aria-expanded") === "true") close();
    else open(button);
  } else if (event.target.closest("[data-drawer-close]")) close();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
