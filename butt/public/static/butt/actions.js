// Send an action without leaving the page; without this script the same forms are sent as they are.

import { swap } from "./swap.js";

const page = document.querySelector("main");
const said = document.getElementById("said");

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-swaps]")) return;
  event.preventDefault();
  if (page.hasAttribute("aria-busy")) return;

  page.setAttribute("aria-busy", "true");
  event.submitter?.setAttribute("aria-disabled", "true");
  said.replaceChildren();
  try {
    await swap(form.action, { method: "POST", body: new FormData(form) });
  } catch {
    say("That did not get through. Please try again.");
  } finally {
    page.removeAttribute("aria-busy");
    event.submitter?.removeAttribute("aria-disabled");
  }
});

function say(text) {
  const message = document.createElement("p");
  message.className = "message";
  message.textContent = text;
  said.append(message);
}
