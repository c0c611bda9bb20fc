// Entering a card in place, and confirming a payment: both are between this browser and Stripe, or its stand-in.

const told = (id) => (text) => (document.getElementById(id).textContent = text);
const BROKEN = "Stripe cannot be reached. Please try again in a moment.";
const pause = (seconds) => new Promise((resume) => setTimeout(resume, 1000 * seconds));

function pressed(form, act) {
  const button = form.querySelector("button.main");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    try {
      if (await act()) return form.submit();
    } catch {
      document.querySelector("#card-said, #confirm-said").textContent = BROKEN;
    }
    button.removeAttribute("aria-disabled");
  });
}

function look(field) {
  const { color, fontFamily } = getComputedStyle(field);
  const back = getComputedStyle(document.body).backgroundColor;
  return { theme: "flat", variables: { colorText: color, colorBackground: back, fontFamily, fontSizeBase: "17px" } };
}

/** Returns once there is a secret: if Stripe did not answer when the page was made, asks until it does. */
async function hasItsSecret(field) {
  for (let seconds = 2; !field.dataset.secret; seconds = Math.min(2 * seconds, 30)) {
    await pause(seconds);
    const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) continue;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-card]");
    if (!fresh) return location.assign(location.href); // signed out, or a card was entered elsewhere
    field.dataset.secret = fresh.dataset.secret;
  }
}

for (const field of document.querySelectorAll("[data-card]")) {
  const form = field.closest("form");
  const say = told("card-said");
  if (!window.Stripe) {
    say(BROKEN);
    break;
  }
  const stripe = window.Stripe(field.dataset.key);
  let elements = null;
  let isEmpty = true;
  pressed(form, async () => {
    if (!elements) return void say(BROKEN);
    if (isEmpty) return void say("Please enter your card.");
    const { error, setupIntent } = await stripe.confirmSetup({
      elements,
      redirect: "if_required",
      confirmParams: { return_url: location.href },
    });
    if (error) return void say(error.message || "This card was not accepted. Please look at its numbers.");
    say("");
    form.elements.setup.value = setupIntent.id;
    return true;
  });
  if (!field.dataset.secret) {
    await hasItsSecret(field);
    say("");
  }
  elements = stripe.elements({ clientSecret: field.dataset.secret, appearance: look(field) });
  const payment = elements.create("payment", { layout: "tabs" });
  payment.on("change", ({ empty, value }) => {
    isEmpty = empty && value?.type === "card";
    say("");
  });
  payment.on("loaderror", () => say(BROKEN));
  payment.mount(field);
}

for (const { form } of document.querySelectorAll("[data-again]")) pause(3).then(() => form.submit());

for (const form of document.querySelectorAll("[data-confirm]")) {
  const say = told("confirm-said");
  pressed(form, async () => {
    const clientSecret = form.dataset.secret;
    const { error, paymentIntent } = await window.Stripe(form.dataset.key).handleNextAction({ clientSecret });
    if (error) return void say(error.message || "It was not confirmed.");
    // Whatever came of it, the server asks Stripe.
    return Boolean(paymentIntent);
  });
}
