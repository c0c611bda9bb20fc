// Fetch this page anew and take over what changed, without disturbing whoever uses it.

const PATIENCE = 15_000;

let turn = 0;

/** What was sent was not done; the message is the server's own. */
export class Refused extends Error {}

/** Show the answer to a request in this page's regions; if another page answers, go there. */
export async function swap(url, options = {}) {
  const mine = ++turn;
  const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (mine !== turn) return; // a newer answer is on its way
  if (!response.ok && options.method) throw new Refused(fresh.querySelector("main p")?.textContent ?? "");
  if (new URL(response.url).pathname !== location.pathname) return location.assign(response.url);
  if (response.status === 404) return location.reload(); // what it showed is gone
  if (!response.ok) throw new Error(`${response.status} ${response.url}`);
  takeOver(fresh);
}

function takeOver(fresh) {
  const news = tellings(fresh).filter(({ id, tell }) => tell !== document.getElementById(id)?.dataset.tell);
  for (const region of document.querySelectorAll("[data-region]")) {
    const next = fresh.getElementById(region.id);
    if (next && !isTypedIn(region) && !isKept(region, next)) replace(region, next);
  }
  document.title = fresh.title;
  document.querySelector("[data-mark]").dataset.mark = fresh.querySelector("[data-mark]").dataset.mark;
  if (news.length) document.getElementById("announcer").textContent = news.map(({ tell }) => tell).join(", ");
}

function replace(region, next) {
  const focused = region.contains(document.activeElement) && document.activeElement;
  const opened = [...region.querySelectorAll("details[open][id]")].map(({ id }) => id);
  region.replaceChildren(...next.childNodes);
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  if (focused) (document.getElementById(focused.id) ?? region).focus({ preventScroll: true });
}

const tellings = (page) =>
  [...page.querySelectorAll("[data-tell]")].map(({ id, dataset }) => ({ id, tell: dataset.tell }));

const isTypedIn = (region) =>
  region.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");

const isKept = (region, next) => "keep" in region.dataset && !next.textContent.trim();
