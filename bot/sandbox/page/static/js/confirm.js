/** The dialog with which Slack asks before it sends a press, where a button has a `confirm`. */

import { byId, el, focusNow } from "./dom.js";

/** Calls `go` when the person agrees; without anything to ask, at once. */
export function asking(confirm, go) {
  if (!confirm) {
    go();
    return;
  }
  const box = byId("confirm");
  const giveBack = focusNow();
  const end = (agreed) => () => {
    box.close();
    giveBack();
    if (agreed) go();
  };
  const button = (words, agreed) =>
    el("button", { type: "button", class: agreed ? `button ${confirm.style ?? ""}`.trim() : "quiet", on: { click: end(agreed) } }, words.text);
  box.setAttribute("aria-label", confirm.title.text);
  box.oncancel = (event) => {
    event.preventDefault();
    end(false)();
  };
  box.replaceChildren(
    el(
      "div",
      { class: "view" },
      el("h2", {}, confirm.title.text),
      el("p", {}, confirm.text.text),
      el("div", { class: "view-end" }, button(confirm.deny, false), button(confirm.confirm, true)),
    ),
  );
  box.showModal();
}
