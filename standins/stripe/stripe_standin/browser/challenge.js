for (const button of document.querySelectorAll("button"))
  button.addEventListener("click", () => parent.postMessage({ kind: "challenge", success: button.value }, "*"));
