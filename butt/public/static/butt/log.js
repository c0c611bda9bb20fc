// Follow a bot's log while somebody looks: new lines come on top, as the server draws them.

const log = document.getElementById("log");
const AGAIN = 5000;
let stream, again;

function follow() {
  rest();
  if (document.visibilityState !== "visible") return;
  stream = new EventSource(`${log.dataset.follows}?read=${log.dataset.read}`);
  stream.addEventListener("message", ({ data, lastEventId }) => {
    log.dataset.read = lastEventId;
    log.insertAdjacentHTML("afterbegin", data);
    while (log.children.length > log.dataset.most) log.lastElementChild.remove();
    document.getElementById("silence").hidden = true;
  });
  // The browser comes back by itself when a stream ends, but not when it is refused one.
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) again = setTimeout(follow, AGAIN);
  });
}

function rest() {
  clearTimeout(again);
  stream?.close();
}

addEventListener("pagehide", rest);
addEventListener("pageshow", ({ persisted }) => persisted && follow());
document.addEventListener("visibilitychange", follow);
follow();
