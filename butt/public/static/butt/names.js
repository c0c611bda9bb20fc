// Tell while a bot's name is typed whether it may be called so.

const PAUSE = 250;

for (const field of document.querySelectorAll("[data-check]")) {
  const said = document.getElementById(`${field.id}-said`);
  let timer, asking;

  const say = (text, fine) => {
    said.textContent = text;
    said.classList.toggle("fine", fine);
    if (text && !fine) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  };

  const ask = async () => {
    asking = new AbortController();
    try {
      const query = new URLSearchParams({ name: field.value });
      const response = await fetch(`${field.dataset.check}?${query}`, { signal: asking.signal });
      const { name, message } = await response.json();
      say(message || `${name}${field.dataset.domain} is free`, !message);
    } catch {
      // Not told now; the server says it when the form is sent.
    }
  };

  field.addEventListener("input", () => {
    clearTimeout(timer);
    asking?.abort();
    document.getElementById(`${field.id}-error`)?.remove();
    if (!field.value.trim()) say("", true);
    else timer = setTimeout(ask, PAUSE);
  });
}
