for (const button of document.querySelectorAll("button"))
  button.addEventListener("click", () => {
    const error = { type: "card_error", message: "The wallet refused." };
    opener?.postMessage(button.value ? { number: button.value } : { error }, location.origin);
    close();
  });
