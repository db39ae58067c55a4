/** The Trouble tray: rules and switches of the two servers, and buttons for the bot. */

import { byId, el, onEscape, reconcile } from "./dom.js";

const every = { service: "datadog", method: "*" };
const DATADOG = [
  { id: "fine", name: "Works", words: "Answers at once." },
  { id: "slow", name: "Slow", words: "Takes 2 seconds for each answer.", rules: [{ ...every, delay: 2 }] },
  {
    id: "429",
    name: "Too many requests (429)",
    words: "Asks the bot to wait 12 seconds.",
    rules: [{ ...every, status: 429, headers: { "X-RateLimit-Reset": "12", "Retry-After": "12" } }],
  },
  {
    id: "500",
    name: "Server error (500)",
    words: "Fails every call and does nothing.",
    rules: [{ ...every, status: 500 }],
  },
  { id: "down", name: "Down", words: "Closes every connection without an answer.", rules: [{ ...every, drop: "before" }] },
  {
    id: "keys",
    name: "Wrong keys (403)",
    words: "Refuses the bot's keys, as after a rotation.",
    switches: { keys_valid: false },
  },
];
const LIMITED = ["chat.postMessage", "chat.update"].map((method) => ({
  service: "slack",
  method,
  status: 429,
  headers: { "Retry-After": "3" },
}));
const REPEATS = 2;
const BOT = { running: "Runs.", starting: "Is starting …", stopped: "Does not run." };

const same = (rule, other) =>
  ["service", "method"].every((name) => rule[name] === other[name]) &&
  ["status", "drop"].every((name) => (rule[name] ?? null) === (other[name] ?? null)) &&
  (rule.delay ?? 0) === (other.delay ?? 0);

export class Trouble {
  constructor(store, desk) {
    Object.assign(this, { store, desk });
    this.columns = { datadog: column("Datadog"), slack: column("Slack"), bot: column("The bot") };
    byId("trouble").append(...Object.values(this.columns).map((one) => one.section));
    byId("trouble-toggle").addEventListener("click", () => this.show(byId("trouble").hidden));
    for (const part of ["trouble", "trouble-toggle"])
      onEscape(byId(part), () => {
        this.show(false);
        byId("trouble-toggle").focus();
      });
    store.watch(["trouble", "bot"], () => this.draw());
  }

  show(open) {
    byId("trouble").hidden = !open;
    byId("trouble-toggle").setAttribute("aria-expanded", String(open));
  }

  get datadog() {
    if (this.store.switches.keys_valid === false) return "keys";
    return DATADOG.find((one) => one.rules?.every((rule) => this._on(rule)))?.id ?? "fine";
  }

  get limited() {
    return LIMITED.every((rule) => this._on(rule));
  }

  _on(rule) {
    return this.store.rules.some((one) => same(one, rule));
  }

  draw() {
    const on = [
      ...(this.datadog === "fine" ? [] : [`Datadog: ${DATADOG.find((one) => one.id === this.datadog).name}`]),
      ...(this.limited ? ["Slack: 429"] : []),
      ...(this.store.repeats ? ["Slack repeats"] : []),
      ...(this.store.bot.state === "stopped" ? ["Bot stopped"] : []),
    ];
    const toggle = byId("trouble-toggle");
    toggle.classList.toggle("on", on.length > 0);
    toggle.querySelector("span").textContent = on.length ? on.join(" · ") : "Trouble";
    toggle.setAttribute("aria-label", on.length ? `Trouble, switched on: ${on.join(", ")}` : "Trouble");
    this._datadogColumn();
    this._slackColumn();
    this._botColumn();
  }

  _datadogColumn() {
    const now = this.datadog;
    const items = DATADOG.map((one) => ({
      key: one.id,
      signature: String(now === one.id),
      make: () => option("radio", one, now === one.id, () => this._choose(one)),
    }));
    reconcile(this.columns.datadog.list, items);
  }

  async _choose(chosen) {
    const others = DATADOG.flatMap((one) => one.rules ?? []);
    const going = this.store.rules.filter((rule) => others.some((one) => same(rule, one)));
    await this.desk.switches({ going, rules: chosen.rules ?? [], datadog: { keys_valid: true, ...chosen.switches } });
  }

  _slackColumn() {
    const repeats = this.store.repeats > 0;
    const limit = () =>
      this.desk.switches(
        this.limited
          ? { going: this.store.rules.filter((rule) => LIMITED.some((one) => same(rule, one))) }
          : { rules: LIMITED },
      );
    reconcile(this.columns.slack.list, [
      {
        key: "repeat",
        signature: String(repeats),
        make: () =>
          option(
            "checkbox",
            { id: "repeat", name: "Repeats every event", words: "Sends each event three times." },
            repeats,
            () => this.desk.repeat(repeats ? 0 : REPEATS),
          ),
      },
      {
        key: "limit",
        signature: String(this.limited),
        make: () =>
          option(
            "checkbox",
            {
              id: "limit",
              name: "Too many requests (429)",
              words: "Cards are not posted or changed; asks to wait 3 seconds.",
            },
            this.limited,
            limit,
          ),
      },
      {
        key: "drop",
        signature: "",
        make: () =>
          actionButton("Drop the connection", "Closes the bot's websocket. It reconnects within about ten seconds.", () =>
            this.desk.dropSocket(),
          ),
      },
    ]);
  }

  _botColumn() {
    const { state } = this.store.bot;
    const act = (name) => () => this.desk.bot(name);
    const actions = [
      ["Restart", "Stops the bot cleanly and starts it again, as a deployment does.", "restart"],
      ["Kill", "Ends the bot's process at once, in the middle of its work.", "kill"],
    ];
    const start = ["Start", "Starts the bot, which continues its work.", "start"];
    const shown = state === "stopped" ? [start] : actions;
    reconcile(this.columns.bot.list, [
      { key: "state", signature: state, make: () => el("p", { class: `bot-now ${state}` }, BOT[state]) },
      ...shown.map(([name, words, verb]) => ({
        key: verb,
        signature: state,
        make: () => actionButton(name, words, act(verb), state === "starting"),
      })),
    ]);
  }
}

function column(title) {
  const list = el("div", { class: "switches" });
  return { list, section: el("section", { class: "trouble-column" }, el("h2", {}, title), list) };
}

function option(type, { id, name, words }, on, change) {
  return el(
    "label",
    { class: `switch${on && id !== "fine" ? " on" : ""}` },
    el("input", {
      type,
      name: type === "radio" ? "datadog" : id,
      role: type === "checkbox" && "switch",
      checked: on,
      "data-focus": id,
      on: { change },
    }),
    el("span", {}, el("b", {}, name), el("small", {}, words)),
  );
}

function actionButton(name, words, run, disabled = false) {
  return el(
    "div",
    { class: "bot-action" },
    el("button", { type: "button", class: "button", disabled, "data-focus": name, on: { click: run } }, name),
    el("small", {}, words),
  );
}
