// Entering a card in place, and confirming a payment: both are between this browser and Stripe, or its stand-in.

const told = (id) => (text) => (document.getElementById(id).textContent = text);
const BROKEN = "Stripe cannot be reached. Please try again in a moment.";

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

for (const field of document.querySelectorAll("[data-card]")) {
  const form = field.closest("form");
  const say = told("card-said");
  if (!window.Stripe) {
    say(BROKEN);
    break;
  }
  const stripe = window.Stripe(field.dataset.key);
  const elements = stripe.elements({ clientSecret: field.dataset.secret, appearance: look(field) });
  const payment = elements.create("payment", { layout: "tabs" });
  let isEmpty = true;
  payment.on("change", ({ empty, value }) => {
    isEmpty = empty && value?.type === "card";
    say("");
  });
  payment.on("loaderror", () => say(BROKEN));
  payment.mount(field);
  pressed(form, async () => {
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
}

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
