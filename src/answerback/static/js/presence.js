// Says that this page is open, and whether somebody writes on it. A hidden page says nothing, and so leaves by itself.
const WRITES_FOR = 60000; // after the last key
const place = document.querySelector("[data-presence]");
let lastKey = -Infinity;
let told = false;

const writing = () => performance.now() - lastKey < WRITES_FOR;

if (place) {
  document.addEventListener("input", (event) => {
    if (!event.target.closest("#reply-form")) return;
    lastKey = performance.now();
    if (!told) { told = true; place.dispatchEvent(new Event("presence-changed")); }
  });
  document.body.addEventListener("composer-sent", () => { lastKey = -Infinity; place.dispatchEvent(new Event("presence-changed")); });
  place.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== place) return;
    if (document.hidden) { event.preventDefault(); return; }
    told = writing();
    event.detail.parameters.set("writing", told ? "1" : "0");
  });
  addEventListener("pagehide", () => {
    const token = JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];
    fetch(`/tickets/${place.dataset.presence}/presence`, {
      method: "POST", body: new URLSearchParams({ gone: "1" }), keepalive: true, headers: { "X-CSRFToken": token },
    }).catch(() => {});
  });
}
