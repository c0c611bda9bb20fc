// The frame in which a card is entered. Its page is told whether it is complete, and gets the id of a payment method.
const settings = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const form = document.querySelector("form");
const said = document.getElementById("said");
const NAMES = { card: "Card", sepa_debit: "SEPA Direct Debit", google_pay: "Google Pay" };
let kind = "card";

const tell = (message) => parent.postMessage(message, "*");
const fields = () => [...form.elements].filter((each) => each.name && !each.closest("label").hidden);
const isEmpty = () => fields().every((each) => each.name === "country" || !each.value);

function isComplete() {
  return kind === "google_pay" || fields().every((each) => each.value.trim());
}

function choose(chosen) {
  kind = chosen;
  for (const label of form.querySelectorAll("label")) label.hidden = !label.classList.contains(kind);
  for (const button of form.querySelectorAll("button")) button.ariaPressed = String(button.value === kind);
  changed();
}

function changed() {
  said.textContent = "";
  tell({ kind: "change", event: { complete: isComplete(), empty: isEmpty(), value: { type: kind } } });
}

async function ask(what, body) {
  const answer = await fetch(`/elements/${what}`, {
    method: "POST",
    body: new URLSearchParams({ key: settings.key, ...body }),
  });
  return answer.json();
}

// A wallet is a window of its own, so that its page can be nobody's but the wallet's.
function wallet() {
  return new Promise((resolve) => {
    const there = open("/v3/wallet", "wallet", "popup,width=400,height=500");
    if (!there) return resolve({ error: { type: "validation_error", message: "The wallet could not be opened." } });
    const closed = setInterval(() => there.closed && end({ error: { type: "card_error", message: "The wallet was closed." } }), 200);
    const listen = ({ source, origin, data }) => source === there && origin === location.origin && end(data);
    const end = (answer) => {
      clearInterval(closed);
      removeEventListener("message", listen);
      resolve(answer);
    };
    addEventListener("message", listen);
  });
}

async function method() {
  if (kind === "google_pay") {
    const { error, number } = await wallet();
    return error ? { error } : ask("method", { type: "card", number, expiry: "12/34", country: "NZ" });
  }
  if (!isComplete()) return { error: { type: "validation_error", message: "Your card number is incomplete." } };
  return ask("method", { type: kind, ...Object.fromEntries(fields().map((each) => [each.name, each.value])) });
}

addEventListener("message", async ({ source, data }) => {
  if (source !== parent || data?.kind !== "method?") return;
  const answer = await method();
  if (answer.error) said.textContent = answer.error.message;
  tell({ kind: "method", ...answer });
});

form.addEventListener("input", changed);
form.addEventListener("submit", (event) => event.preventDefault());
new ResizeObserver(() => tell({ kind: "height", height: document.documentElement.offsetHeight })).observe(document.body);

(async () => {
  const { variables = {} } = settings.appearance ?? {};
  if (variables.colorText) document.body.style.setProperty("--text", variables.colorText);
  if (variables.fontFamily) document.body.style.fontFamily = variables.fontFamily;
  const intent = await ask("look", { client_secret: settings.clientSecret });
  if (intent.error) return tell({ kind: "loaderror", event: { error: intent.error } });
  const kinds = intent.payment_method_types.filter((each) => each in NAMES);
  if (settings.options?.wallets?.googlePay !== "never" && kinds.includes("card")) kinds.push("google_pay");
  const group = form.querySelector(".kinds");
  group.hidden = kinds.length < 2;
  for (const each of kinds) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", value: each, textContent: NAMES[each], ariaPressed: String(each === kind) });
    button.addEventListener("click", () => choose(each));
    group.append(button);
  }
  tell({ kind: "ready" });
})();
