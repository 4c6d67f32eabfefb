// Lists that a form sends in the order they stand in: buttons move an item one place; focus stays on the button.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  const item = button.closest("[data-sortable-item]");
  if (button.dataset.move === "up") item.previousElementSibling?.before(item);
  else item.nextElementSibling?.after(item);
  button.focus();
  item.closest("form")?.dispatchEvent(new Event("change", { bubbles: true }));
});
