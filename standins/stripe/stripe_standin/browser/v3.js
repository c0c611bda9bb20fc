// What a page loads: Stripe(key) with the Payment Element, confirmations and the bank's frame. Card numbers stay in a frame of
// this origin; the page gets ids.
(() => {
  const ORIGIN = new URL(document.currentScript.src).origin;

  async function ask(what, body) {
    const answer = await fetch(`${ORIGIN}/elements/${what}`, { method: "POST", body: new URLSearchParams(body) });
    return answer.json();
  }

  function frame(path, title, style) {
    const made = document.createElement("iframe");
    made.src = ORIGIN + path;
    made.title = title;
    made.allow = "payment *";
    Object.assign(made.style, { border: "0", width: "100%", ...style });
    return made;
  }

  // One answer to one question, from this frame and no other.
  function answerOf(window_, kind) {
    return new Promise((resolve) => {
      const listen = (event) => {
        if (event.source !== window_() || event.origin !== ORIGIN || event.data?.kind !== kind) return;
        removeEventListener("message", listen);
        resolve(event.data);
      };
      addEventListener("message", listen);
    });
  }

  class PaymentElement {
    constructor(group, options) {
      Object.assign(this, { group, options, told: {}, height: 0 });
    }

    on(kind, tell) {
      (this.told[kind] ??= []).push(tell);
      return this;
    }

    tell(kind, event) {
      for (const each of this.told[kind] ?? []) each(event);
    }

    mount(where) {
      const place = typeof where === "string" ? document.querySelector(where) : where;
      const { key, clientSecret, appearance } = this.group;
      const look = encodeURIComponent(JSON.stringify({ key, clientSecret, appearance, options: this.options }));
      this.frame = frame(`/v3/payment#${look}`, "Secure payment input frame", { height: "10rem", display: "block" });
      addEventListener("message", ({ source, origin, data }) => {
        if (source !== this.frame.contentWindow || origin !== ORIGIN) return;
        if (data.kind === "height") this.frame.style.height = `${data.height}px`;
        else if (["ready", "change", "loaderror"].includes(data.kind)) this.tell(data.kind, data.event ?? {});
      });
      place.replaceChildren(this.frame);
    }

    unmount() {
      this.frame.remove();
    }

    destroy() {
      this.unmount();
    }

    async method() {
      const answer = answerOf(() => this.frame.contentWindow, "method");
      this.frame.contentWindow.postMessage({ kind: "method?" }, ORIGIN);
      return answer;
    }
  }

  class Elements {
    constructor(key, { clientSecret, appearance, locale }) {
      if (!clientSecret) throw new Error("In order to create a payment element, you must pass a clientSecret.");
      Object.assign(this, { key, clientSecret, appearance, locale });
    }

    create(kind, options = {}) {
      if (kind !== "payment") throw new Error(`This stand-in has no element called ${kind}.`);
      this.payment = new PaymentElement(this, options);
      return this.payment;
    }

    getElement(kind) {
      return kind === "payment" ? this.payment : null;
    }

    async submit() {
      const { error } = await this.payment.method();
      return error ? { error } : { selectedPaymentMethod: "card" };
    }
  }

  async function challenge(key, secret) {
    const over = frame("/v3/challenge", "Secure authentication frame", {
      position: "fixed",
      inset: "0",
      height: "100%",
      zIndex: "2147483647",
      background: "rgb(0 0 0 / 50%)",
    });
    const answer = answerOf(() => over.contentWindow, "challenge");
    document.body.append(over);
    const { success } = await answer;
    over.remove();
    return ask("authenticate", { key, client_secret: secret, success });
  }

  async function confirmed(key, secret, method) {
    const said = await ask("confirm", { key, client_secret: secret, ...(method ? { payment_method: method } : {}) });
    if (said.error || said.status !== "requires_action") return said;
    return challenge(key, secret);
  }

  // What Stripe's promise resolves with: an error, or the intent under its own name.
  function outcome(said) {
    if (said.error) return { error: said.error };
    const error = said.last_setup_error ?? said.last_payment_error;
    if (error && said.status === "requires_payment_method") return { error };
    return said.object === "setup_intent" ? { setupIntent: said } : { paymentIntent: said };
  }

  window.Stripe = (key) => {
    async function confirm({ elements, clientSecret, redirect }) {
      if (redirect !== "if_required") throw new Error("This stand-in only knows redirect: if_required.");
      let method = "";
      if (elements?.payment) {
        const { id, error } = await elements.payment.method();
        if (error) return { error };
        method = id;
      }
      return outcome(await confirmed(key, clientSecret ?? elements.clientSecret, method));
    }

    return {
      elements: (options) => new Elements(key, options),
      confirmSetup: confirm,
      confirmPayment: confirm,
      retrieveSetupIntent: async (secret) => outcome(await ask("look", { key, client_secret: secret })),
      retrievePaymentIntent: async (secret) => outcome(await ask("look", { key, client_secret: secret })),
      async handleNextAction({ clientSecret }) {
        const said = await ask("look", { key, client_secret: clientSecret });
        return outcome(said.status === "requires_action" ? await challenge(key, clientSecret) : said);
      },
    };
  };
  window.Stripe.version = 3;
})();
