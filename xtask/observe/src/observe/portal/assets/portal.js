// Keeps a page fresh: asks for it again, and puts in what changed. Without this script the pages are the same, and stand still.
"use strict";

const PAUSE_MS = 5000;
const PAUSE_LOST_MS = 15000;

const live = document.getElementById("live");
let tag = null;

function say(text, lost) {
  // Said once for each change, so that a screen reader is not told the same every few seconds.
  if (live && live.textContent !== text) {
    live.textContent = text;
    live.classList.toggle("lost", lost);
  }
}

function isBusy() {
  const at = document.activeElement;
  const writes = at && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
  const selected = window.getSelection();
  return document.hidden || writes || (selected !== null && !selected.isCollapsed);
}

// Scrolled places and the focus are found again by their order: a page keeps its shape while its figures change.
function put(fresh) {
  const main = document.getElementById("content");
  const scrolled = [...main.querySelectorAll("[tabindex]")].map((one) => [one.scrollLeft, one.scrollTop]);
  const focusable = "a[href], button, input, select, [tabindex]";
  const focused = [...main.querySelectorAll(focusable)].indexOf(document.activeElement);
  main.replaceChildren(...fresh.getElementById("content").childNodes);
  [...main.querySelectorAll("[tabindex]")].forEach((one, place) => {
    if (scrolled[place]) [one.scrollLeft, one.scrollTop] = scrolled[place];
  });
  if (focused >= 0) {
    const again = main.querySelectorAll(focusable)[focused];
    if (again) again.focus({ preventScroll: true });
  }
  document.querySelector("footer").replaceChildren(...fresh.querySelector("footer").childNodes);
  document.title = fresh.title;
}

async function look() {
  if (isBusy()) return PAUSE_MS;
  try {
    const headers = tag ? { "If-None-Match": tag } : {};
    const answer = await fetch(location.href, { headers, cache: "no-store", credentials: "same-origin" });
    if (answer.status === 304) {
      say("Live", false);
      return PAUSE_MS;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (!isBusy()) {
      tag = answer.headers.get("ETag");
      put(new DOMParser().parseFromString(text, "text/html"));
    }
    say("Live", false);
    return PAUSE_MS;
  } catch {
    say("Not live: the server does not answer", true);
    return PAUSE_LOST_MS;
  }
}

async function go() {
  const pause = await look();
  setTimeout(go, pause);
}

if (live) go();
