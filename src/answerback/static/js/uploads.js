// Files go to the server as soon as they are chosen, dropped or pasted: each with its progress, to be cancelled or tried
// again. What is sent then only names them.
import { touch } from "./drafts.js";

const composer = () => document.getElementById("composer");
const list = () => composer().querySelector("[data-files]");
const input = () => composer().querySelector("[data-file-input]");
const csrfToken = () => JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];

export function uploading() {
  return Boolean(composer()?.querySelector(".file--under-way progress:not([hidden])"));
}

// One request. Answers the row of the list that the server made, null where it was cancelled.
function send(file, inline, onProgress, onStart = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const data = new FormData();
    data.append("file", file, file.name || "picture.png");
    if (inline) data.append("inline", "1");
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); });
    request.addEventListener("load", () => (request.status === 201 ? resolve(request.responseText) : reject(new Error(request.status))));
    request.addEventListener("error", () => reject(new Error("network")));
    request.addEventListener("abort", () => resolve(null));
    request.open("POST", "/uploads");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.send(data);
    onStart(request);
  });
}

function add(file) {
  const row = document.getElementById("file-under-way").content.firstElementChild.cloneNode(true);
  const bar = row.querySelector("progress");
  const trouble = row.querySelector(".file__trouble");
  const retry = row.querySelector("[data-retry]");
  let request = null;
  row.querySelector("[data-name]").textContent = file.name;
  bar.setAttribute("aria-label", file.name);
  row.querySelector("[data-cancel]").addEventListener("click", () => { request?.abort(); row.remove(); weigh(); });
  const start = async () => {
    bar.hidden = false;
    retry.hidden = true;
    trouble.textContent = "";
    try {
      const made = await send(file, false, (share) => { bar.value = share; }, (begun) => { request = begun; });
      if (made === null || !row.isConnected) return;
      row.insertAdjacentHTML("afterend", made);
      row.remove();
      touch();
    } catch {
      bar.hidden = true;
      retry.hidden = false;
      trouble.textContent = input().dataset.failed;
    }
    weigh();
  };
  retry.addEventListener("click", start);
  list().append(row);
  start();
}

export async function uploadPicture(file) {
  const made = await send(file, true, () => {});
  list().insertAdjacentHTML("beforeend", made);
  touch();
  weigh();
  return list().lastElementChild.dataset.picture;
}

function weigh() {
  const asLinks = composer().querySelector("[name=as_links]")?.checked;
  const carried = list().querySelectorAll(asLinks ? "[data-picture]" : "[data-size]"); // pictures stay in the mail
  const size = [...carried].reduce((sum, row) => sum + Number(row.dataset.size), 0);
  document.getElementById("files-too-large").hidden = size <= Number(input().dataset.limit);
}

export const addFiles = (files) => [...files].forEach(add);

if (composer()) {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-file-input]")) {
      addFiles(event.target.files);
      event.target.value = "";
    }
    if (event.target.name === "as_links") weigh();
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-drop-file]")?.closest("li");
    if (row) {
      fetch(`/uploads/${row.dataset.file}/drop`, { method: "POST", headers: { "X-CSRFToken": csrfToken() } }).catch(() => {});
      row.remove();
      touch();
      weigh();
    }
    if (event.target.closest("[data-use-links]")) composer().querySelector("[name=as_links]").click();
  });
  document.addEventListener("dragover", (event) => { if (event.target.closest("#composer")) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!event.target.closest("#composer") || !event.dataTransfer.files.length) return;
    event.preventDefault();
    addFiles(event.dataTransfer.files);
  });
}
