/* What the pages do beyond HTML and htmx. Every page works without this file. */
"use strict";

/* Counting down: <span data-countdown="540" data-format="{time} 남음" data-then="/pay/…/">09:41</span>
   or data-until and data-now, both from the server, so that the phone's clock does not matter.
   data-warn-60 and data-warn-10 are sentences for the live region; the figures are not read out.
   data-end is the sentence that takes the figures' place, said aloud too; data-nag names what comes to
   the front for the last two minutes.
   <p data-after="30" data-instead-of="…" hidden> is shown that many seconds later. */

const clocks = new Map();

function say(sentence) {
  const region = document.getElementById("live");
  if (region && sentence) region.textContent = sentence;
}

function startClocks(root) {
  for (const element of root.querySelectorAll("[data-countdown], [data-until]")) {
    if (element.dataset.started) continue;
    element.dataset.started = "yes";
    const { countdown, until, now } = element.dataset;
    const seconds = until ? (Date.parse(until) - Date.parse(now)) / 1000 : Number(countdown);
    if (!(seconds > 0)) continue;
    clocks.set(element, { ends: performance.now() + seconds * 1000, last: seconds });
  }
  for (const later of root.querySelectorAll("[data-after]")) {
    if (later.dataset.started) continue;
    later.dataset.started = "yes";
    setTimeout(() => {
      const former = document.getElementById(later.dataset.insteadOf);
      if (former) former.hidden = true;
      later.hidden = false;
    }, Number(later.dataset.after) * 1000);
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
    element.classList.toggle("is-short", left <= 120);
    if (element.dataset.nag) {
      document.getElementById(element.dataset.nag)?.classList.toggle("is-short", left <= 120);
    }
    for (const mark of [60, 10]) {
      if (clock.last > mark && left <= mark) say(element.getAttribute(`data-warn-${mark}`));
    }
    clock.last = left;
    if (left > 0) continue;
    clocks.delete(element);
    if (element.dataset.end) {
      element.textContent = element.dataset.end;
      element.classList.add("is-over");
      say(element.dataset.end);
    }
    if (element.dataset.then) setTimeout(() => location.assign(element.dataset.then), 1500);
  }
}

/* Where the keyboard goes: one wrong field → that field; several → the summary; else what the page
   names by data-focus (itself, or the id it holds), else the heading. Never nowhere. In a task of its
   own, between the swap and the frame: focus() lays the page out at once, and a slow phone would not
   answer while all three are one. */

function placeFocus(root, how) {
  setTimeout(() => root.isConnected && moveFocus(root, how));
}

function moveFocus(root, { heading }) {
  // A step begins at its beginning, amount and seller first: what was pressed stood far below.
  if (heading && root.dataset?.title) root.scrollIntoView();
  const summary = root.querySelector("[data-errors]");
  if (summary) {
    const links = summary.querySelectorAll("a[href^='#']");
    const field = links.length === 1 && document.getElementById(links[0].hash.slice(1));
    reach(field || summary);
    if (field && field.matches(".code")) field.select();
    return;
  }
  const wanted = heading ? "[data-focus]" : "[data-focus='']";
  const named = root.matches?.(wanted) ? root : root.querySelector(wanted);
  const title = root.querySelector("h1");
  const target = (named?.dataset.focus && document.querySelector(named.dataset.focus)) || named || (heading && title);
  if (!target) return;
  if (!target.matches("a, button, input, select, textarea, [tabindex]")) target.tabIndex = -1;
  reach(target);
  // The heading above it would go unheard.
  if (heading && target.matches("input")) say(`${title?.textContent ?? ""} ${root.querySelector("[data-say]")?.textContent ?? ""}`);
}

/* With its label, its error and what follows it (scroll-margin): focus() alone may leave it outside. */

function reach(target) {
  target.focus();
  target.scrollIntoView({ block: "nearest" });
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

/* A press and a poll may be answered side by side: the first answer stands, what has gone needs none.
   Whoever asked is listened to itself: nothing that has gone is heard by the document. */

function forgetWhenGone(event) {
  if (!event.currentTarget.isConnected) event.preventDefault();
}

/* The press is answered first, the request goes out in a task of its own. */

document.addEventListener("htmx:confirm", (event) => {
  event.detail.elt.addEventListener("htmx:beforeOnLoad", forgetWhenGone);
  if (event.detail.triggeringEvent?.type !== "submit") return;
  event.preventDefault();
  setTimeout(() => event.detail.issueRequest());
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { target, xhr } = event.detail;
  // What is about to be replaced stays pressed until then.
  const isLeaving = xhr?.getResponseHeader("HX-Redirect") || target?.classList.contains("htmx-swapping");
  if (event.target.matches?.("form") && !isLeaving) release(event.target);
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

/* After a swap. What a person pressed moves the keyboard to the answer. A poll moves it when the step
   is another one, or when the keyboard stood in what is now gone; otherwise it stays. */

let stoodInside = false;
let stoodNowhere = false;
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  // An answer that came before is about to stand there.
  if (target?.classList.contains("htmx-swapping")) event.detail.shouldSwap = false;
  const at = document.activeElement;
  stoodNowhere = at === document.body;
  stoodInside = Boolean(target?.contains(at));
});

/* htmx takes leave of every element of a step by two events that nobody here listens to: half of a
   swap. What goes is emptied once htmx has taken from it what the answer brings beside it. */

document.addEventListener("htmx:beforeCleanupElement", (event) => {
  if (event.target.id === "step") event.target.replaceChildren();
});

document.addEventListener("htmx:afterSwap", (event) => {
  const fresh = document.getElementById(event.detail.target?.id);
  if (!fresh) return;
  const { title } = fresh.dataset;
  if (title) document.title = title;
  const trouble = document.getElementById("trouble");
  if (trouble) trouble.hidden = true;
  const isPolled = event.detail.requestConfig?.elt.matches("[data-poll]");
  // An input that came back under its own id has kept the keyboard.
  const isKept = isPolled && document.activeElement !== document.body;
  if ((stoodInside && !isKept) || (stoodNowhere && (title || !isPolled))) placeFocus(fresh, { heading: true });
  else if (isPolled && title) say(title);
});

document.addEventListener("htmx:afterSettle", () => prepare(document));

/* Asking whether anything happened: every 2 s at first, then more and more seldom, or every so many
   seconds as data-poll="10" says; never while nobody looks, at once when somebody looks again. */

const asking = { poll: null, times: 0, timer: 0 };

function ask() {
  const poll = document.querySelector("[data-poll]");
  clearTimeout(asking.timer);
  if (poll !== asking.poll) Object.assign(asking, { poll, times: 0 });
  else if (poll && !document.hidden) poll.dispatchEvent(new Event("poll"));
  if (!poll) return;
  asking.times += 1;
  const wait = Number(poll.dataset.poll) * 1000 || (asking.times < 16 ? 2000 : asking.times < 46 ? 5000 : 15000);
  asking.timer = setTimeout(ask, wait);
}

document.addEventListener("visibilitychange", () => document.hidden || ask());

/* One tick for all consents of a group, showing how they stand; none of them is ticked by itself. */

function eachOf(row) {
  return [...row.closest("fieldset").querySelectorAll(`input[name^="${row.dataset.checkAll}"]`)];
}

function showAll(row) {
  const all = row.querySelector("input");
  const each = eachOf(row);
  all.checked = each.every((box) => box.checked);
  all.indeterminate = !all.checked && each.some((box) => box.checked);
}

document.addEventListener("change", (event) => {
  const row = event.target.closest("fieldset")?.querySelector("[data-check-all]");
  if (!row) return;
  const all = row.querySelector("input");
  if (event.target === all) for (const box of eachOf(row)) box.checked = all.checked;
  showAll(row);
});

window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sending]").forEach(release));

/* A second list of choices belongs to the radios above it, which Tab has passed by then: opening it
   leads in. */

document.addEventListener(
  "toggle",
  (event) => {
    const { target } = event;
    if (!target.matches(".more-choices[open]")) return;
    if (document.activeElement === target.querySelector("summary")) target.querySelector("input")?.focus();
  },
  true,
);

/* Saving the receipt needs the browser's own print. */

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});

/* htmx is the heaviest script: it comes when the page has been painted, in a task of its own. Until then,
   as without it, a form is sent as forms are. It must not come before `load` either: between the
   document's end and `load` it would wait for an event that has passed. Where it does not come at all,
   what a page waits for is still asked for, and comes as a page. */

addEventListener("load", () => {
  requestAnimationFrame(() => setTimeout(() => {
    for (const { href } of document.querySelectorAll("[data-script-later]")) {
      const script = Object.assign(document.createElement("script"), { src: href });
      script.addEventListener("error", () => document.addEventListener("poll", moveOn, true));
      document.head.append(script);
    }
  }));
});

async function moveOn({ target }) {
  const address = target.getAttribute("hx-get");
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  // A press that is on its way brings a page of its own.
  if (answer?.status === 200 && !document.querySelector("form[data-sending]")) location.replace(address);
}

/* The font has the letters that are most written. A page that brings any other, or a person who types
   one, gets the sheet with all of them; looked for once the page has been painted. */

const everyLetter = document.querySelector("[data-every-letter]");
let otherLetter = null;

function lookForLetters(text) {
  if (!everyLetter?.disabled) return;
  if (!otherLetter) {
    const [ours] = document.fonts;
    const ranges = ours.unicodeRange.split(", ").map((range) => range.slice(2).split("-"));
    const letters = ranges.map((ends) => ends.map((point) => `\\u{${point}}`).join("-")).join("");
    otherLetter = new RegExp(`(?![${letters}])\\p{L}`, "u");
  }
  if (otherLetter.test(text)) everyLetter.disabled = false;
}

document.addEventListener("input", (event) => lookForLetters(event.target.value));

function prepare(root) {
  startClocks(root);
  document.querySelectorAll("[data-check-all]").forEach(showAll);
  if (document.querySelector("[data-poll]") !== asking.poll) ask();
  requestAnimationFrame(() => setTimeout(() => lookForLetters(document.body.textContent)));
}

prepare(document);
placeFocus(document, { heading: false });
setInterval(tick, 1000);
