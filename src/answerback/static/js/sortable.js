// Lists that a form sends in the order they stand in: buttons move an item one place, the mouse drags it by its grip.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  const item = button.closest("[data-sortable-item]");
  if (button.dataset.move === "up") item.previousElementSibling?.before(item);
  else item.nextElementSibling?.after(item);
  button.focus();
  moved(item);
});

// Either the item tells its new place by a form of its own, or the form around the list is told that it changed.
function moved(item) {
  const place = item.querySelector("[data-place]");
  if (!place) return item.closest("form")?.dispatchEvent(new Event("change", { bubbles: true }));
  place.value = [...item.parentElement.children].filter((one) => one.matches("[data-sortable-item]")).indexOf(item);
  place.form.requestSubmit(place.form.querySelector("[data-place-button]"));
}

// Only the grip makes an item draggable: its words can still be selected.
let dragged = null;
let stoodBefore = null; // the neighbour that comes back where the drag is given up
document.addEventListener("pointerdown", (event) => {
  const item = event.target.closest("[data-grip]")?.closest("[data-sortable-item]");
  if (item) item.draggable = true;
});
document.addEventListener("pointerup", () => document.querySelector("[data-sortable-item][draggable]")?.removeAttribute("draggable"));
document.addEventListener("dragstart", (event) => {
  if (!event.target.matches?.("[data-sortable-item]")) return;
  dragged = event.target;
  stoodBefore = dragged.nextElementSibling;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", "");
});
document.addEventListener("dragover", (event) => {
  const over = dragged && event.target.closest?.("[data-sortable-item]");
  if (!over || over.parentElement !== dragged.parentElement) return;
  event.preventDefault();
  const box = over.getBoundingClientRect();
  if (over === dragged) return;
  if (event.clientY > box.top + box.height / 2) over.after(dragged);
  else over.before(dragged);
});
document.addEventListener("drop", (event) => dragged && event.preventDefault());
document.addEventListener("dragend", (event) => {
  if (!dragged) return;
  const item = dragged;
  dragged = null;
  item.removeAttribute("draggable");
  if (event.dataTransfer.dropEffect === "none") item.parentElement.insertBefore(item, stoodBefore);
  else if (item.nextElementSibling !== stoodBefore) moved(item);
});
