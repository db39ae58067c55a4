/** The page's state: people, channels, messages, cases, calls and trouble. Views learn which topic changed. */

import { plainText } from "./mrkdwn.js";

const KEPT_CALLS = 300;

export class Store {
  constructor() {
    this.people = new Map();
    this.channels = new Map();
    this.messages = new Map();
    this.privates = new Map();
    this.cases = new Map();
    this.calls = new Map();
    this.rules = [];
    this.switches = {};
    this.bot = { state: "starting" };
    this.connections = 0;
    this.repeats = 0;
    this.workspace = { name: "", our_user: "" };
    this.ticks = new Map();
    this.fresh = new Set();
    this.modals = new Map();
    this.homes = new Map();
    this.shortcuts = [];
    this.commands = [];
    this._views = [];
    this._due = new Set();
  }

  watch(topics, view) {
    this._views.push({ topics, view });
  }

  touch(...topics) {
    if (this._due.size === 0) setTimeout(() => this._draw(), 0);
    for (const topic of topics) this._due.add(topic);
  }

  _draw() {
    const due = this._due;
    this._due = new Set();
    for (const { topics, view } of this._views) if (topics.some((topic) => due.has(topic))) view();
  }

  load({ state, cases, calls, rules, switches }, bot) {
    this.workspace = state.workspace;
    this.people = new Map(state.people.map((person) => [person.id, person]));
    this.channels = new Map(state.channels.map(({ messages: _, ...channel }) => [channel.id, channel]));
    this.messages = new Map(state.channels.map((channel) => [channel.id, this._messagesOf(channel)]));
    this.privates = new Map(state.private.map((one) => [one.ts, one]));
    this.shortcuts = state.shortcuts;
    this.commands = state.commands;
    this.modals = new Map(Object.entries(state.modals));
    this.homes = new Map(Object.entries(state.homes));
    this.connections = state.connections;
    this.repeats = state.repeat_events;
    this.cases = new Map(cases.map((one) => [one.id, one]));
    this.calls = new Map(calls.map((call) => [call.n, call]));
    this.rules = rules;
    this.switches = switches;
    this.bot = bot;
    this.touch("people", "messages", "cases", "calls", "trouble", "bot", "view");
  }

  _messagesOf(channel) {
    const flat = new Map();
    for (const { replies = [], ...message } of channel.messages) {
      for (const one of [message, ...replies]) {
        const { ticks = {}, ...kept } = one;
        flat.set(kept.ts, kept);
        this._keepTicks(channel.id, kept.ts, ticks);
      }
    }
    return flat;
  }

  _keepTicks(channel, ts, byPerson) {
    for (const [person, blocks] of Object.entries(byPerson)) {
      for (const [block, actions] of Object.entries(blocks)) {
        for (const [action, chosen] of Object.entries(actions)) {
          const options = chosen.selected_options ?? (chosen.selected_option ? [chosen.selected_option] : []);
          this.setTicks(
            { person, channel, ts, block, action },
            options.map((option) => option.value),
          );
        }
      }
    }
  }

  setTicks({ person, channel, ts, block, action }, values) {
    this.ticks.set([person, channel, ts, block, action].join("|"), values);
  }

  ticked({ person, channel, ts, block, action }) {
    return this.ticks.get([person, channel, ts, block, action].join("|"));
  }

  /** Apply one event; returns what changed in words, for screen readers. */
  hear(kind, data) {
    const words = this[`_${kind}`]?.(data);
    return words ?? "";
  }

  _message({ channel, message }) {
    const messages = this.messages.get(channel);
    if (messages === undefined) return "";
    const before = messages.get(message.ts);
    messages.set(message.ts, message);
    this.touch("messages");
    return before?.text === message.text ? "" : this.spoken(message);
  }

  /** What a screen reader says of a message. */
  spoken(message) {
    return `${this.author(message).name}: ${plainText(message.text ?? "", this.names)}`;
  }

  _message_deleted({ channel, ts }) {
    this.messages.get(channel)?.delete(ts);
    this.touch("messages");
  }

  _private(one) {
    if (one.deleted) this.privates.delete(one.ts);
    else this.privates.set(one.ts, one);
    this.touch("messages");
    return one.deleted ? "" : `Only visible to ${this.name(one.user)}: ${plainText(one.text, this.names)}`;
  }

  _case(one) {
    const before = this.cases.get(one.id);
    this.cases.set(one.id, one);
    this.touch("cases");
    const came = newInsights(before, one);
    for (const key of came) this.fresh.add(`${one.id}/${key}`);
    return came.length
      ? `${came.length === 1 ? "An insight is" : `${came.length} insights are`} on ${one.key} now.`
      : "";
  }

  _call(call) {
    this.calls.set(call.n, call);
    for (const n of this.calls.keys()) {
      if (this.calls.size <= KEPT_CALLS) break;
      this.calls.delete(n);
    }
    this.touch("calls");
  }

  _view({ user, view }) {
    if (view) this.modals.set(user, view);
    else this.modals.delete(user);
    this.touch("view");
  }

  _home({ user, view }) {
    this.homes.set(user, view);
    this.touch("view");
  }

  _rules({ rules }) {
    this.rules = rules;
    this.touch("trouble");
  }

  _datadog(switches) {
    this.switches = switches;
    this.touch("trouble");
  }

  _socket({ connections }) {
    this.connections = connections;
    this.touch("bot");
  }

  _bot(bot) {
    this.bot = bot;
    this.touch("bot");
  }

  name(user) {
    return this.people.get(user)?.real_name ?? "Somebody";
  }

  /** Where a channel's name is said; direct messages are called by the app's. */
  title(channel) {
    const one = this.channels.get(channel);
    return one.is_im ? this.name(this.workspace.our_user) : `#${one.name}`;
  }

  get names() {
    return { person: (user) => this.name(user), channel: (id) => this.channels.get(id)?.name ?? id };
  }

  /** Direct messages are seen by their person alone; all else is shown, whoever looks. */
  sees(channel, person) {
    const one = this.channels.get(channel);
    return one !== undefined && (!one.is_im || one.members.includes(person));
  }

  /** Who a message is from: {id, name, kind}, kind being "person", "guest", "other" or "app". */
  author(message) {
    const person =
      this.people.get(message.user) ?? [...this.people.values()].find((one) => one.profile?.bot_id === message.bot_id);
    if (person === undefined) return { id: "", name: message.username ?? "Somebody", kind: "app" };
    return { id: person.id, name: message.username ?? person.real_name, kind: this.kindOf(person) };
  }

  kindOf(person) {
    if (person.is_bot) return "app";
    if (person.is_stranger) return "other";
    return person.is_restricted || person.is_ultra_restricted ? "guest" : "person";
  }

  get everyMessage() {
    return [...this.messages.values()].flatMap((messages) => [...messages.values()]);
  }

  rootsOf(channel) {
    const messages = [...(this.messages.get(channel)?.values() ?? [])];
    const shown = messages.filter((one) => !isReply(one) || one.subtype === "thread_broadcast");
    return shown.sort(byTime);
  }

  repliesTo(channel, ts) {
    const messages = [...(this.messages.get(channel)?.values() ?? [])];
    return messages.filter((one) => isReply(one) && one.thread_ts === ts).sort(byTime);
  }
}

export const isReply = (message) => message.thread_ts !== undefined && message.thread_ts !== message.ts;

/** A ts has as many digits before the dot for the next two centuries: as text it sorts by time. */
export const byTime = (one, other) => (one.ts < other.ts ? -1 : one.ts > other.ts ? 1 : 0);

/** Insights by a key that tells two equal ones apart: Datadog may list one twice. */
export function keyed(one) {
  const seen = new Map();
  return one.insights.map((insight) => {
    const triple = `${insight.type} ${insight.resource_id} ${insight.ref}`;
    seen.set(triple, (seen.get(triple) ?? 0) + 1);
    return { key: `${triple} ${seen.get(triple)}`, ...insight };
  });
}

function newInsights(before, now) {
  const known = new Set(before ? keyed(before).map((insight) => insight.key) : []);
  return before
    ? keyed(now)
        .map((insight) => insight.key)
        .filter((key) => !known.has(key))
    : [];
}
