// Send an action without leaving the page; without this script the same forms are sent as they are.

import { Refused, swap } from "./swap.js";

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
  } catch (no) {
    say(wordsOf(no));
  } finally {
    page.removeAttribute("aria-busy");
    event.submitter?.removeAttribute("aria-disabled");
  }
});

function wordsOf(no) {
  if (no instanceof Refused && no.message) return no.message;
  if (no.name === "TimeoutError") return "We do not know whether that got through. Look how it is, and try again.";
  return "That did not get through. Please try again.";
}

function say(text) {
  const message = document.createElement("p");
  message.className = "message";
  message.textContent = text;
  said.append(message);
}
