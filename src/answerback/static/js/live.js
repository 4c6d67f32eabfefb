// Changes told by /events become DOM events on <body>: "ticket:42" -> live-ticket-42, and for lists live-tickets.
// One line per browser, not per tab (browsers allow six connections to a host): the first tab that gets the lock
// listens and tells the others. Without locks (plain http on a network) each tab listens for itself while visible.

const channel = "BroadcastChannel" in window ? new BroadcastChannel("answerback-live") : null;
let source = null;

function hear(topics) {
  for (const topic of topics) {
    if (topic === "*") hearAnything();
    else hearOf(topic);
  }
}

// A part that puts its answer in its own place takes along what it hears meanwhile, and the new one hears nothing until
// htmx has settled it. So it asks once more then: else a job was seen to stand at "300 of 300" for good.
const BEING_REPLACED = '[hx-swap="outerHTML"]:is(.htmx-request, .htmx-added, .htmx-settling)';
const behind = new Set(); // ids of parts

document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (behind.delete(target.id)) readAgain(target);
});

function readAgain(part) {
  const url = part.getAttribute("hx-get");
  if (url && part.isConnected) htmx.ajax("GET", url, { source: part }).catch(() => {}); // menus.js says why
}

// Everything on the page that follows anything reads itself again after a gap.
function hearAnything() {
  for (const topic of new Set([...document.querySelectorAll("[data-follows]")].flatMap((part) => part.dataset.follows.split(" "))))
    hearOf(topic);
}

// While a job of thousands or a busy queue goes on, no page asks without a break: of lists, counts and jobs it hears once
// in SPACING at most. What comes in between is heard at its end.
const SPACING = 1000; // milliseconds; longer than any delay in an hx-trigger, or that would begin anew each time
const OF_MANY = /^[^:]+$|^job:/;
const resting = new Map(); // topic -> whether it was heard again

function hearOf(topic) {
  if (resting.has(topic)) resting.set(topic, true);
  else if (OF_MANY.test(topic)) { rest(topic); say(topic); }
  else say(topic);
}

function rest(topic) {
  resting.set(topic, false);
  setTimeout(() => {
    const again = resting.get(topic);
    resting.delete(topic);
    if (again) hearOf(topic);
  }, SPACING);
}

function say(topic) {
  const name = `live-${topic.replace(":", "-")}`;
  for (const part of document.querySelectorAll(`${BEING_REPLACED}[hx-trigger*="${name} from"]`)) behind.add(part.id);
  document.body.dispatchEvent(new CustomEvent(name, { bubbles: true }));
}

function listen() {
  if (source) return;
  source = new EventSource("/events");
  let greeted = false;
  source.addEventListener("message", (event) => tell(event.data.split(" ")));
  source.addEventListener("hello", () => {
    if (greeted) tell(["*"]); // the line was cut: something may have been missed
    else hear(["*"]); // something may have happened between the page's making and now
    greeted = true;
    document.documentElement.dataset.live = "on";
  });
  source.addEventListener("error", () => { document.documentElement.dataset.live = "off"; });
}

function hush() {
  source?.close();
  source = null;
}

function tell(topics) {
  hear(topics);
  channel?.postMessage(topics);
}

if (document.querySelector("[data-live-page]")) {
  channel?.addEventListener("message", (event) => hear(event.data));
  if (navigator.locks && channel) {
    navigator.locks.request("answerback-live", () => {
      listen();
      return new Promise(() => {}); // until the tab is closed
    });
  } else {
    listen();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) hush();
      else { listen(); hear(["*"]); }
    });
  }
}

// While the pointer is pressed nothing comes or moves below it: the click would be lost. It is asked for again afterwards.
const postponed = new Set(); // parts
let pressed = false;

addEventListener("pointerdown", (event) => { pressed = event.button === 0; }, true);
addEventListener("pointerup", release, true);
addEventListener("pointercancel", release, true);
addEventListener("blur", release);

function release() {
  pressed = false;
  for (const part of postponed) readAgain(part);
  postponed.clear();
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.requestConfig.elt;
  if (!pressed || !part.matches('[hx-get][hx-trigger*="live-"]')) return;
  event.detail.shouldSwap = false;
  postponed.add(part);
});

// A part that comes as it is stays: focus and screen readers are left in peace. Where people choose or type, the
// server's word counts, whatever the page looks like.
const bare = (part) => {
  const copy = part.cloneNode(true);
  copy.removeAttribute("hx-swap-oob");
  for (const token of copy.querySelectorAll("[name=csrfmiddlewaretoken]")) token.removeAttribute("value"); // masked anew each time
  return copy;
};
document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail, fresh = fragment.firstElementChild;
  if (target.querySelector("input:not([type=hidden]), select, textarea, details, [contenteditable]")) return;
  if (fresh && bare(target).isEqualNode(bare(fresh))) event.detail.shouldSwap = false;
});
