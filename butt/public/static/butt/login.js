// Go on by itself as soon as the app has confirmed.

const form = document.getElementById("confirmed");
let stream;

function follow() {
  stream?.close();
  if (document.visibilityState !== "visible") return;
  stream = new EventSource(form.dataset.live);
  stream.addEventListener("message", () => {
    stream.close();
    form.requestSubmit();
  });
}

document.getElementById("confirmed-said").textContent = "This page goes on by itself once you have confirmed.";
addEventListener("pagehide", () => stream?.close());
document.addEventListener("visibilitychange", follow);
follow();
