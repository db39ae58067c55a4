/** Sends what people do on the page to the sandbox, and shows its refusals. */

import { byId } from "./dom.js";
import { Refused } from "./sandbox.js";
import { isReply } from "./store.js";

const TOAST_MS = 6000;
const UNANSWERED = "Case Insights did not answer in time. Press it again once it is connected.";

export class Desk {
  constructor(sandbox, store, place) {
    Object.assign(this, { sandbox, store, place });
    this._ticking = Promise.resolve();
  }

  say(text) {
    const { channel, person, thread } = this.place;
    const bot = this.store.people.get(person)?.is_bot;
    const body = {
      channel,
      as_user: person,
      text: bot ? asMrkdwn(text) : text,
      ...(thread ? { thread_ts: thread } : {}),
    };
    return this._try(() => this.sandbox.tell("slack", "message", body));
  }

  edit(channel, message, text) {
    return this._try(() => this.sandbox.tell("slack", "edit", { channel, ts: message.ts, text }));
  }

  remove(channel, message) {
    return this._try(() => this.sandbox.tell("slack", "delete", { channel, ts: message.ts }));
  }

  /** Set this person's reaction, or take it off, as a second press does in Slack. */
  react(channel, message, name) {
    const as_user = this.place.person;
    const take_off = (message.reactions ?? []).some((one) => one.name === name && one.users.includes(as_user));
    return this._try(() => this.sandbox.tell("slack", "react", { channel, ts: message.ts, as_user, name, take_off }));
  }

  again(message) {
    return this._try(async () => {
      const { sent } = await this.sandbox.tell("slack", "redeliver", { event: message.ts, copies: 10 });
      this.toast(
        sent
          ? `Slack sent this message to the bot ${sent} more times.`
          : "The bot never got this message, so Slack does not repeat it.",
      );
    });
  }

  /** As in Slack, a tick is sent at once and counts for one person; a click waits for the ticks before it. */
  tick({ person, channel, ts, block, action }, values) {
    this.store.setTicks({ person, channel, ts, block, action }, values);
    this.store.touch("messages");
    const body = { channel, ts, as_user: person, action_id: action, block_id: block, values };
    this._ticking = this._ticking.then(() => this._try(() => this.sandbox.tell("slack", "tick", body)));
  }

  async click({ person, channel, ts, block, action, option }) {
    this.conversation.setNote(ts, null);
    this.conversation.setBusy(ts, action);
    await this._ticking;
    // Another window may have changed the card since: Slack sends such a click too.
    const body = {
      channel,
      ts,
      as_user: person,
      action_id: action,
      block_id: block,
      late: true,
      ...(option ? { option } : {}),
    };
    const answer = await this._try(() => this.sandbox.tell("slack", "click", body));
    this.conversation.setBusy(ts, null);
    if (answer && !answer.acknowledged) this.conversation.setNote(ts, UNANSWERED);
  }

  /** A slash command. Slack has none in threads. */
  command(text) {
    const { channel, person, thread } = this.place;
    const [command, ...rest] = text.split(" ");
    if (!this.store.commands.includes(command)) {
      this.toast(`${command} is not a command here. Commands: ${this.store.commands.join(", ") || "none"}.`);
      return null;
    }
    if (thread) {
      this.toast(`${command} is not supported in threads. Mention @Case Insights here instead.`);
      return null;
    }
    const body = { channel, as_user: person, command, text: rest.join(" ") };
    return this._answered(() => this.sandbox.tell("slack", "command", body));
  }

  shortcut(channel, message, callback_id) {
    const body = { channel, ts: message.ts, as_user: this.place.person, callback_id };
    return this._answered(() => this.sandbox.tell("slack", "shortcut", body));
  }

  home() {
    return this._try(() => this.sandbox.tell("slack", "home", { as_user: this.place.person }));
  }

  submit(view_id, values) {
    return this._answered(() => this.sandbox.tell("slack", "submit", { view_id, as_user: this.place.person, values }));
  }

  press(view_id, action_id, block_id, values) {
    const pressed = { view_id, as_user: this.place.person, action_id, block_id, values };
    return this._answered(() => this.sandbox.tell("slack", "press", pressed));
  }

  dismiss(view_id) {
    return this._try(() => this.sandbox.tell("slack", "dismiss", { view_id, as_user: this.place.person }));
  }

  async suggest(view_id, action_id, value) {
    const body = { view_id, as_user: this.place.person, action_id, value };
    const answer = await this._try(() => this.sandbox.tell("slack", "suggest", body));
    return answer?.options ?? [];
  }

  async _answered(act) {
    const answer = await this._try(act);
    if (answer && answer.acknowledged === false) this.toast(UNANSWERED);
    return answer;
  }

  switches({ going = [], rules = [], datadog }) {
    return this._try(async () => {
      for (const one of going) await this.sandbox.dropRule(one.rule);
      for (const rule of rules) await this.sandbox.tell("datadog", "rules", rule);
      if (datadog && datadog.keys_valid !== this.store.switches.keys_valid)
        await this.sandbox.tell("datadog", "datadog", datadog);
    });
  }

  repeat(copies) {
    return this._try(async () => {
      const { repeat_events } = await this.sandbox.tell("slack", "repeat_events", { copies });
      this.store.repeats = repeat_events;
      this.store.touch("trouble");
    });
  }

  dropSocket() {
    return this._try(async () => {
      const { dropped } = await this.sandbox.tell("slack", "drop_socket");
      this.toast(dropped ? "Slack closed the bot's connection." : "The bot is not connected.");
    });
  }

  bot(action) {
    return this._try(() => this.sandbox.tell("page", "bot", { do: action }));
  }

  startOver() {
    return this._try(async () => {
      await this.sandbox.tell("page", "bot", { do: "start_over" });
      this.toast("Everything is back to the start.");
    });
  }

  /** Follow a link as far as the sandbox goes. */
  follow(address) {
    const url = new URL(address);
    const message = url.pathname.match(/^\/archives\/(\w+)\/p(\d+)(\d{6})$/);
    const known = [...this.store.cases.values()].find(
      (one) => url.pathname.toUpperCase() === `/CASES/${one.key}` || url.pathname === `/cases/${one.id}`,
    );
    if (message) this._toMessage(message[1], `${message[2]}.${message[3]}`);
    else if (known) this._toCase(known);
    else this.toast(`Outside the sandbox, this link opens ${url.host}${url.pathname}`);
  }

  _toMessage(channel, ts) {
    const message = this.store.messages.get(channel)?.get(ts);
    if (!message) {
      this.toast("That message no longer exists.");
      return;
    }
    const thread = isReply(message) ? message.thread_ts : this.place.thread === ts ? ts : null;
    this.place.go(channel, thread);
    setTimeout(() => this.conversation.reveal(ts), 0);
  }

  _toCase(one) {
    this.casePane.chosen = one.id;
    this.store.touch("cases");
    byId("tab-case").click();
    const pane = byId("case");
    pane.classList.remove("found");
    void pane.offsetWidth;
    pane.classList.add("found");
    pane.focus({ preventScroll: true });
  }

  toast(words) {
    const toast = byId("toast");
    toast.textContent = words;
    toast.hidden = false;
    clearTimeout(this._toasting);
    this._toasting = setTimeout(() => (toast.hidden = true), TOAST_MS);
  }

  async _try(act) {
    try {
      return (await act()) ?? true;
    } catch (error) {
      // fetch throws a TypeError when there is no server; the page then says so itself.
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
      this.toast(error instanceof Refused ? error.message : "The sandbox does not answer.");
      return null;
    }
  }
}

/** A bot posts mrkdwn: its links stand in angle brackets. */
function asMrkdwn(text) {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return escaped.replace(/https?:\/\/[^\s|]+/g, "<$&>");
}
