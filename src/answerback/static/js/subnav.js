// On a narrow page a row of tabs scrolls sideways: the current one is brought to its middle.
for (const tabs of document.querySelectorAll(".subnav")) {
  const current = tabs.querySelector("[aria-current]")?.getBoundingClientRect();
  if (current) tabs.scrollLeft += current.left + current.width / 2 - innerWidth / 2;
}
