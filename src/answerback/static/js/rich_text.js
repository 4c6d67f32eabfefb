// The text field as an editor: bold, lists, links, quotes, code, pictures. Where this cannot be loaded the plain field
// stays. What it holds is cleaned on the way in, here, and again on the server.
import { uploadPicture, addFiles } from "./uploads.js";

const ALLOWED = {
  ALLOWED_TAGS: ["a", "b", "strong", "i", "em", "blockquote", "br", "code", "div", "img", "li", "ol", "p", "pre", "ul"],
  ALLOWED_ATTR: ["href", "src", "alt"],
  RETURN_DOM_FRAGMENT: true,
};
const TOGGLES = { bold: ["B", "bold", "removeBold"], italic: ["I", "italic", "removeItalic"] };
const BLOCKS = {
  bullets: ["UL", "makeUnorderedList", "removeList"],
  numbers: ["OL", "makeOrderedList", "removeList"],
  quote: ["BLOCKQUOTE", "increaseQuoteLevel", "decreaseQuoteLevel"],
};
let editor = null;
let loading = null;

export const richText = () => (editor?.getRoot().isConnected ? editor : null);

// QUIRK: a style attribute is refused by the page's policy even in a document that is never shown; Google Docs wraps
// all that it copies into a bold element that is not bold.
function strip(html) {
  return html
    .replace(/<b\b[^>]*font-weight:\s*normal[^>]*>/gi, "<span>")
    .replace(/<style\b[\s\S]*?<\/style>/gi, "")
    .replace(/\sstyle\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)/gi, "");
}

function load(bar) {
  loading ??= Promise.all([import(bar.dataset.editor), import(bar.dataset.purify)]);
  return loading;
}

async function open() {
  const bar = document.querySelector(".format");
  const field = document.getElementById("reply-text");
  if (!bar || !field?.matches("textarea")) return;
  const [{ default: Squire }, { default: purify }] = await load(bar);
  if (!field.isConnected || field.id !== "reply-text") return;
  const root = document.createElement("div");
  root.className = "composer__text composer__rich prose";
  for (const [name, value] of Object.entries({ role: "textbox", "aria-multiline": "true", "aria-label": field.placeholder, "data-placeholder": field.placeholder }))
    root.setAttribute(name, value);
  const focused = document.activeElement === field;
  const before = untouched(field) || toHtml(field.value);
  field.id = "reply-plain";
  field.hidden = true;
  root.id = "reply-text";
  field.after(root);
  editor = new Squire(root, { blockTag: "DIV", sanitizeToDOMFragment: (html) => clean(purify, html) });
  editor.setHTML(before);
  mark(root);
  bar.inert = false;
  editor.addEventListener("input", () => { field.value = plain(root); mark(root); });
  editor.addEventListener("pathChange", () => press(bar));
  editor.setKeyHandler("Ctrl-k", (_, event) => { event.preventDefault(); link(bar); });
  if (focused) focusEnd();
}

function clean(purify, html) {
  const fragment = purify.sanitize(strip(html), ALLOWED);
  return document.importNode(fragment, true);
}

// The formatted text that the page came with; "" where somebody has typed into the plain field meanwhile.
const untouched = (field) => (field.value === field.defaultValue ? document.getElementById("reply-html").innerHTML : "");

function toHtml(text) {
  const holder = document.createElement("div");
  for (const line of text.split("\n")) {
    const block = document.createElement("div");
    if (line) block.textContent = line.replace(/^ | $| (?= )/g, "\u00a0"); // else lost, as is a blank typed last
    else block.append(document.createElement("br"));
    holder.append(block);
  }
  return text ? holder.innerHTML : "";
}

const plain = (root) => (root.innerText.trim() || (root.querySelector("img") ? " " : ""));
const mark = (root) => root.classList.toggle("composer__rich--empty", !root.textContent && !root.querySelector("img, li, blockquote, pre"));

export function focusEnd() {
  if (!richText()) return false;
  editor.focus();
  editor.moveCursorToEnd();
  return true;
}

function press(bar) {
  for (const button of bar.querySelectorAll("[data-format]")) button.setAttribute("aria-pressed", String(has(button.dataset.format)));
}

function has(format) {
  if (format === "link") return editor.hasFormat("A");
  if (format === "code") return editor.hasFormat("PRE") || editor.hasFormat("CODE");
  return editor.hasFormat((TOGGLES[format] ?? BLOCKS[format])[0]);
}

function apply(format, bar) {
  if (format === "link") return link(bar);
  if (format === "code") return editor.toggleCode();
  const [, on, off] = TOGGLES[format] ?? BLOCKS[format];
  return has(format) ? editor[off]() : editor[on]();
}

function link(bar) {
  if (editor.hasFormat("A")) return editor.removeLink();
  const url = prompt(bar.dataset.link, "https://")?.trim();
  if (url && /^(https?:|mailto:|tel:)/i.test(url)) editor.makeLink(url);
  return editor.focus();
}

// What is selected in the conversation, also in the frame of a mail.
function selected() {
  const own = getSelection();
  if (own && !own.isCollapsed && own.anchorNode?.parentElement?.closest("[data-comment]")) return own.toString().trim();
  for (const frame of document.querySelectorAll("iframe.mail-frame")) {
    const inside = frame.contentWindow?.getSelection();
    if (inside && !inside.isCollapsed) return inside.toString().trim();
  }
  return "";
}

function quote(words) {
  focusEnd();
  editor.insertHTML(`<blockquote>${toHtml(words)}</blockquote><div><br></div>`);
  editor.moveCursorToEnd();
}

async function takePictures(files) {
  for (const file of files) {
    if (!/^image\/(png|jpeg|gif|webp)$/.test(file.type)) { addFiles([file]); continue; }
    editor.insertImage(await uploadPicture(file), { alt: file.name });
    editor.getRoot().dispatchEvent(new Event("input", { bubbles: true }));
  }
}

if (document.getElementById("composer")) {
  open().catch(() => {}); // the plain field stays
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target.id === "composer") open().catch(() => {}); });
  document.addEventListener("formdata", (event) => {
    if (event.target.id !== "reply-form") return;
    const field = document.querySelector("textarea#reply-text");
    if (field) return event.formData.set("html", untouched(field)); // sent before the editor has come
    if (!richText()) return;
    event.formData.set("html", editor.getHTML());
    event.formData.set("text", plain(editor.getRoot()));
  });
  document.addEventListener("mousedown", (event) => { if (event.target.closest("[data-format]")) event.preventDefault(); }); // the selection stays
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-format]");
    if (button && richText()) { apply(button.dataset.format, button.closest(".format")); editor.focus(); }
    const words = event.target.closest('[data-key-target="reply"]') && richText() ? selected() : "";
    if (words) quote(words);
  });
  document.addEventListener("composer-insert", (event) => { // a macro's text, where the caret is
    if (event.target !== richText()?.getRoot()) return;
    event.preventDefault();
    editor.focus();
    editor.insertHTML(toHtml(event.detail.text));
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!richText()?.getRoot().contains(event.target) || !files.length || event.clipboardData.types.includes("text/html")) return;
    event.preventDefault();
    event.stopPropagation();
    takePictures([...files]);
  }, true);
  document.addEventListener("drop", (event) => {
    const files = [...(event.dataTransfer?.files ?? [])];
    if (!richText()?.getRoot().contains(event.target) || !files.length) return;
    event.preventDefault();
    event.stopPropagation();
    takePictures(files);
  }, true);
}
