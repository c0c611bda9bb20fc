// Fetch this page anew and take over what changed, without disturbing whoever uses it.

let turn = 0;

/** Show the answer to a request in this page's regions; if another page answers, go there. */
export async function swap(url, options = {}) {
  const mine = ++turn;
  const response = await fetch(url, { cache: "no-store", ...options });
  const text = await response.text();
  if (mine !== turn) return; // a newer answer is on its way
  if (new URL(response.url).pathname !== location.pathname) return location.assign(response.url);
  if (!response.ok) throw new Error(`${response.status} ${response.url}`);
  takeOver(new DOMParser().parseFromString(text, "text/html"));
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
