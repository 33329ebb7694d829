// Keeps the page up to date: the gateway sends every element that has changed,
// rendered and escaped, which replaces the element with the same id.
"use strict";

const connection = document.getElementById("connection");
const filter = document.getElementById("filter");
const wanted = filter.querySelector("input");

function applyFilter(room) {
  room.hidden = !room.textContent.toLowerCase().includes(wanted.value.trim().toLowerCase());
}

let pendingFilter = 0;

function filterRooms() {
  pendingFilter = 0;
  document.querySelectorAll(".room").forEach(applyFilter);
  document.querySelectorAll(".group").forEach((group) => {
    group.hidden = !group.querySelector(".room:not([hidden])");
  });
}

function swap(event) {
  const { id, html } = JSON.parse(event.data);
  const template = document.createElement("template");
  template.innerHTML = html;
  const old = document.getElementById(id);
  const form = old?.querySelector("form"); // kept, with its answer and the focus
  const focused = form?.contains(document.activeElement);
  if (form) template.content.querySelector("form")?.replaceWith(form);
  old?.replaceWith(template.content);
  if (focused) form.querySelector("input").focus();
  if (wanted.value && !pendingFilter) pendingFilter = requestAnimationFrame(filterRooms);
}

function connect() {
  const source = new EventSource("/events");
  source.addEventListener("fragment", swap);
  source.onopen = () => {
    connection.textContent = "";
    document.body.classList.remove("old");
  };
  source.onerror = () => {
    connection.textContent = "The gateway does not answer. What is shown may be out of date.";
    document.body.classList.add("old");
    // The browser reconnects automatically, but not after an HTTP error.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 30000);
  };
}

// Requests a reading of a room without leaving the page. The form also works without
// JavaScript; the API has the same path.
async function read(event) {
  event.preventDefault();
  const answer = event.target.querySelector("output");
  answer.textContent = "";
  try {
    const response = await fetch("/api/v1" + event.target.getAttribute("action"), { method: "POST" });
    const { error, next } = await response.json();
    answer.textContent = response.ok ? "Requested." : [error, next].filter(Boolean).join("; ");
  } catch {
    answer.textContent = "The gateway does not answer.";
  }
  setTimeout(() => { answer.textContent = ""; }, 10000);
}

filter.hidden = false;
document.addEventListener("submit", read);
wanted.addEventListener("input", filterRooms);
connect();
