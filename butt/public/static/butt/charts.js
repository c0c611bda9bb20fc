// The values under the pointer, or under the arrow keys: the table beneath the charts has them all.

const LEAPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
const WIDTH = 600;
const NEAR = 4;

const charts = document.getElementById("charts");
let chosen = Infinity;
let held = "";

const rows = () => [...document.querySelectorAll("#table tbody tr")];

function prepare() {
  for (const plot of document.querySelectorAll(".plot:not([role])")) {
    const count = rows().length;
    if (!count) continue;
    plot.tabIndex = 0;
    const said = { role: "slider", "aria-label": `${plot.dataset.chart} over time`, "aria-valuemin": 0, "aria-valuemax": count - 1, "aria-valuenow": count - 1 };
    for (const [name, value] of Object.entries(said)) plot.setAttribute(name, value);
    plot.setAttribute("aria-valuetext", plot.querySelector("svg").getAttribute("aria-label"));
  }
  // New figures replace the charts; who held one before holds it after.
  if (held && document.activeElement === document.body) document.getElementById(held).focus({ preventScroll: true });
}

function show(plot, index) {
  const all = rows();
  if (!all.length) return;
  chosen = Math.min(all.length - 1, Math.max(0, index));
  const row = all[chosen];
  const values = plot.dataset.cells.split(" ").map((cell) => row.cells[cell].textContent);
  const happened = [...plot.querySelectorAll(".event")].filter(({ dataset }) => Math.abs(dataset.x - row.dataset.x) < NEAR);
  const text = [row.cells[0].textContent, ...values, ...happened.map(({ dataset }) => dataset.what)].join(" ");
  plot.querySelector(".there").setAttribute("d", `M${row.dataset.x} 0V120`);
  document.getElementById(`${plot.id}-there`).textContent = text;
  plot.setAttribute("aria-valuenow", chosen);
  plot.setAttribute("aria-valuetext", text);
}

function hide(plot) {
  plot.querySelector(".there").setAttribute("d", "");
  document.getElementById(`${plot.id}-there`).textContent = "";
}

const plotOf = ({ target }) => target.closest?.(".plot");

document.addEventListener("pointermove", (event) => {
  const plot = plotOf(event);
  for (const other of document.querySelectorAll(".plot")) if (other !== plot && other !== document.activeElement) hide(other);
  if (!plot) return;
  const box = plot.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * WIDTH;
  const far = rows().map((row) => Math.abs(row.dataset.x - x));
  show(plot, far.indexOf(Math.min(...far)));
});

document.addEventListener("keydown", (event) => {
  const plot = plotOf(event);
  if (!plot || !(event.key in LEAPS)) return;
  event.preventDefault();
  show(plot, Math.min(chosen, rows().length - 1) + LEAPS[event.key]);
});

document.addEventListener("focusin", (event) => {
  const plot = plotOf(event);
  if (plot) show(plot, chosen);
  held = plot?.id ?? "";
});
document.addEventListener("pointerdown", (event) => (held = plotOf(event)?.id ?? ""));
document.addEventListener("focusout", (event) => plotOf(event) && hide(plotOf(event)));
new MutationObserver(prepare).observe(charts, { childList: true });
prepare();
