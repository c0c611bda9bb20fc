// Keep the page true: the server tells a mark whenever something changed, and the page fetches itself.

import { swap } from "./swap.js";

const FIRST_WAIT = 2000;
const LONGEST_WAIT = 60_000;

const page = document.querySelector("[data-live]");
let stream, again, missed;
let wait = FIRST_WAIT;

// A stream that opens tells the mark at once, so whatever was missed meanwhile is caught up.
function follow() {
  rest();
  if (document.visibilityState !== "visible") return;
  stream = new EventSource(page.dataset.live);
  stream.addEventListener("message", ({ data }) => {
    wait = FIRST_WAIT;
    look(data);
  });
  stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && retry());
}

// While an action is on its way its answer is waited for, which may have been drawn before what is told.
function look(mark) {
  missed = page.hasAttribute("aria-busy") ? mark : "";
  if (mark && !missed && mark !== page.dataset.mark) swap(location.href).catch(retry);
}

// A page nobody looks at holds no connection: a browser has only a few for each site.
function rest() {
  clearTimeout(again);
  stream?.close();
}

// The browser comes back by itself when a stream ends, but not when it is refused one.
function retry() {
  rest();
  again = setTimeout(() => swap(location.href).then(follow, retry), wait);
  wait = Math.min(2 * wait, LONGEST_WAIT);
}

new MutationObserver(() => look(missed)).observe(page, { attributeFilter: ["aria-busy"] });
addEventListener("pagehide", rest);
addEventListener("pageshow", ({ persisted }) => persisted && follow());
document.addEventListener("visibilitychange", follow);
follow();
