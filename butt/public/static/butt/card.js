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
  return { base: { color, iconColor: color, fontFamily, fontSize: "17px" } };
}

for (const field of document.querySelectorAll("[data-card]")) {
  const form = field.closest("form");
  const say = told("card-said");
  if (!window.Stripe) {
    say(BROKEN);
    break;
  }
  const stripe = window.Stripe(field.dataset.key);
  const card = stripe.elements().create("card", { style: look(field), hidePostalCode: true });
  let isTyped = false;
  card.mount(field);
  // The stand-in's field is made of plain inputs, and people type a number as it is printed: in groups.
  field.addEventListener("input", ({ target }) => (target.value = target.value.replaceAll(" ", "")), true);
  card.on("change", (event) => {
    isTyped = true;
    say(event?.error?.message ?? "");
  });
  pressed(form, async () => {
    if (!isTyped) return void say("Please enter your card.");
    const { error, setupIntent } = await stripe.confirmCardSetup(field.dataset.secret, { payment_method: { card } });
    if (error) return void say(error.message || "This card was not accepted. Please look at its numbers.");
    say("");
    form.elements.setup.value = setupIntent.id;
    return true;
  });
}

for (const form of document.querySelectorAll("[data-confirm]")) {
  const say = told("confirm-said");
  pressed(form, async () => {
    const { error, paymentIntent } = await window.Stripe(form.dataset.key).confirmCardPayment(form.dataset.secret);
    if (error) return void say(error.message || "It was not confirmed.");
    // Whatever came of it, the server asks Stripe.
    return Boolean(paymentIntent);
  });
}
