// Buttons that ask the browser for a passkey, by allauth's own script.

for (const form of document.querySelectorAll("[data-needs-script]")) form.hidden = !window.PublicKeyCredential;

for (const button of document.querySelectorAll("[data-passkey]")) {
  const ids = { add: button.id, login: button.id, authenticate: button.id, credential: "credential" };
  if (document.getElementById("passwordless")) ids.passwordless = "passwordless";
  const data = button.dataset.options && JSON.parse(button.dataset.options);
  window.allauth.webauthn.forms[button.dataset.passkey]({ ids, data });
}

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("passkey-said").textContent = "That did not work. Please try again.";
});
