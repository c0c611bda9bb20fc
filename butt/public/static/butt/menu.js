// The menu closes with Escape, and when attention goes elsewhere.

const menu = document.querySelector("details.menu");

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && menu.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

for (const elsewhere of ["pointerdown", "focusin"]) {
  document.addEventListener(elsewhere, (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
}
