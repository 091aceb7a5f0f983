/* What the pages do beyond HTML and htmx. Every page works without this file. */
"use strict";

/* Counting down: <span data-countdown="540" data-format="{time} 남음" data-then="/pay/…/">09:41</span>
   or data-until and data-now, both from the server, so that the phone's clock does not matter.
   data-warn-60 and data-warn-10 are sentences for the live region; the figures are not read out.
   data-reveal names what is hidden while counting and takes this element's place at the end. */

const clocks = new Map();

function say(sentence) {
  const region = document.getElementById("live");
  if (region && sentence) region.textContent = sentence;
}

function startClocks(root) {
  for (const element of root.querySelectorAll("[data-countdown], [data-until]")) {
    if (element.dataset.started) continue;
    element.dataset.started = "yes";
    const { countdown, until, now, reveal } = element.dataset;
    const seconds = until ? (Date.parse(until) - Date.parse(now)) / 1000 : Number(countdown);
    if (!(seconds > 0)) continue;
    clocks.set(element, { ends: performance.now() + seconds * 1000, last: seconds });
    const later = reveal && document.getElementById(reveal);
    if (later) later.hidden = true;
  }
  tick();
}

function tick() {
  for (const [element, clock] of clocks) {
    if (!element.isConnected) {
      clocks.delete(element);
      continue;
    }
    const left = Math.max(0, Math.ceil((clock.ends - performance.now()) / 1000));
    const two = (number) => String(number).padStart(2, "0");
    const format = element.dataset.format || "{time}";
    const time = `${two(Math.floor(left / 60))}:${two(left % 60)}`;
    element.textContent = format.replace("{time}", time).replace("{seconds}", String(left));
    element.classList.toggle("is-short", left <= 60);
    for (const mark of [60, 10]) {
      if (clock.last > mark && left <= mark) say(element.getAttribute(`data-warn-${mark}`));
    }
    clock.last = left;
    if (left > 0) continue;
    clocks.delete(element);
    const shown = element.dataset.reveal && document.getElementById(element.dataset.reveal);
    if (shown) {
      shown.hidden = false;
      element.hidden = true;
    }
    if (element.dataset.then) setTimeout(() => location.assign(element.dataset.then), 1500);
  }
}

/* Where the keyboard goes: one wrong field → that field; several → the summary; else the heading. */

function placeFocus(root, { heading }) {
  const summary = root.querySelector("[data-errors]");
  if (summary) {
    const links = summary.querySelectorAll("a[href^='#']");
    const field = links.length === 1 && document.getElementById(links[0].hash.slice(1));
    (field || summary).focus();
    if (field && field.matches(".code")) field.select();
    return;
  }
  const target = root.querySelector("[data-focus]") || (heading && root.querySelector("h1"));
  if (!target) return;
  if (!target.matches("a, button, input, select, textarea, [tabindex]")) target.tabIndex = -1;
  target.focus();
}

/* One press, one request: a form being sent says so and takes no second press. */

function release(form) {
  delete form.dataset.sending;
  for (const button of form.querySelectorAll("[aria-disabled]")) {
    button.removeAttribute("aria-disabled");
    if (button.dataset.label) button.textContent = button.dataset.label;
  }
}

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sending) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sending = "yes";
    const button = event.submitter;
    if (!button) return;
    button.setAttribute("aria-disabled", "true");
    if (!button.dataset.sending) return;
    button.dataset.label = button.textContent;
    button.textContent = button.dataset.sending;
    say(button.dataset.sending);
  },
  true,
);

document.addEventListener("htmx:afterRequest", (event) => {
  const redirected = event.detail.xhr?.getResponseHeader("HX-Redirect");
  if (event.target.matches?.("form") && !redirected) release(event.target);
});

/* A form whose answer was lost or refused outright; a poll simply asks again. */

for (const kind of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, (event) => {
    const trouble = document.getElementById("trouble");
    if (!trouble || !event.target.matches?.("form")) return;
    trouble.hidden = false;
    trouble.focus();
  });
}

document.addEventListener("htmx:afterSettle", () => startClocks(document));

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "step") return;
  const trouble = document.getElementById("trouble");
  if (trouble) trouble.hidden = true;
  const step = document.getElementById("step");
  if (step?.dataset.title) document.title = step.dataset.title;
  if (step) placeFocus(step, { heading: true });
});

window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sending]").forEach(release));

/* Saving the receipt needs the browser's own print. */

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

startClocks(document);
placeFocus(document, { heading: false });
setInterval(tick, 1000);
