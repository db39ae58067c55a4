/** The log of the calls that the bot made, newest first. */

import { byId, el, reconcile } from "./dom.js";
import { moment } from "./mrkdwn.js";

const MOST_SHOWN = 120;
const SERVICES = { "": "All", slack: "Slack", datadog: "Datadog" };

export class Calls {
  constructor(store) {
    this.store = store;
    this.service = "";
    this._filter();
    store.watch(["calls"], () => this.draw());
  }

  _filter() {
    const buttons = Object.entries(SERVICES).map(([service, name]) =>
      el("button", { type: "button", "aria-pressed": String(service === this.service), "data-service": service }, name),
    );
    for (const button of buttons) {
      button.addEventListener("click", () => {
        this.service = button.dataset.service;
        for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
        this.draw();
      });
    }
    byId("call-filter").append(...buttons);
  }

  draw() {
    // What Slack sends over the websocket is journalled too, but the bot did not call it.
    const made = [...this.store.calls.values()].filter(
      (call) => !call.method.startsWith("socket:") && (!this.service || call.service === this.service),
    );
    const shown = made.slice(-MOST_SHOWN).reverse();
    reconcile(
      byId("calls"),
      shown.length
        ? shown.map((call) => ({
            key: String(call.n),
            signature: `${call.done}${call.status}${call.held}`,
            make: (old) => row(call, old),
          }))
        : [NONE],
    );
  }
}

const NONE = { key: "none", signature: "", make: () => el("li", { class: "faint none-called" }, "No calls yet.") };

function row(call, old) {
  const open = old?.querySelector("details")?.open ?? false;
  const [kind, words] = outcome(call);
  const details = el(
    "details",
    { open },
    el(
      "summary",
      { "data-focus": "call" },
      el("time", {}, moment(call.at, "time_secs")),
      el("span", { class: `service to-${call.service}` }, SERVICES[call.service] ?? call.service),
      el("span", { class: "method" }, call.method),
      el("span", { class: `status ${kind}` }, words),
    ),
  );
  // Bodies are long and seldom read: they are written out when somebody looks.
  details.addEventListener(
    "toggle",
    () =>
      details.open &&
      details.childElementCount === 1 &&
      details.append(body("Asked", call.arguments), body("Answered", call.answer)),
  );
  return el("li", {}, details);
}

function outcome(call) {
  if (call.held) return ["wait", "held"];
  if (!call.done) return ["wait", "…"];
  if (call.status === null) return ["bad", "no answer"];
  const refused = call.service === "slack" && call.answer?.ok === false;
  if (refused) return ["bad", call.answer.error];
  return [call.status < 400 ? "good" : "bad", String(call.status)];
}

function body(title, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return el("div", { class: "body" }, el("p", {}, title), el("pre", { tabindex: "0", "aria-label": title }, text));
}
