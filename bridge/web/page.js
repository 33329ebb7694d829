// Keeps the page up to date: the gateway sends every element that has changed,
// rendered and escaped, and it takes the place of the one with the same id.
"use strict";

const connection = document.getElementById("connection");
const filter = document.getElementById("filter");
const wanted = filter.querySelector("input");

function sift(room) {
  room.hidden = !room.textContent.toLowerCase().includes(wanted.value.trim().toLowerCase());
}

let sifting = 0;

function siftAll() {
  sifting = 0;
  document.querySelectorAll(".room").forEach(sift);
  document.querySelectorAll(".group").forEach((group) => {
    group.hidden = !group.querySelector(".room:not([hidden])");
  });
}

function swap(event) {
  const { id, html } = JSON.parse(event.data);
  const template = document.createElement("template");
  template.innerHTML = html;
  document.getElementById(id)?.replaceWith(template.content);
  if (wanted.value && !sifting) sifting = requestAnimationFrame(siftAll);
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
    // The browser tries again by itself, but not after a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 30000);
  };
}

filter.hidden = false;
wanted.addEventListener("input", siftAll);
connect();
