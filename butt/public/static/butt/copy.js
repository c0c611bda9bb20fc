// Copy a text that is shown, like an address. Where it cannot be done, the buttons go and their place stays.

const LONG_ENOUGH = 2000;

if (!navigator.clipboard) document.documentElement.classList.add("copies-not");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
  button.textContent = "copied";
  document.getElementById("announcer").textContent = "copied";
  setTimeout(() => (button.textContent = "copy"), LONG_ENOUGH);
});
