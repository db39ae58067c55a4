/** The conversation in the middle: a channel's messages, or one thread. */

import { byId, el, icon, onEscape, reconcile } from "./dom.js";
import { messageElement } from "./message.js";
import { moment } from "./mrkdwn.js";
import { signOf } from "./sidebar.js";
import { byTime } from "./store.js";

const NEAR_THE_END = 140;

export class Conversation {
  constructor(store, desk, place) {
    Object.assign(this, { store, desk, place });
    this.list = byId("messages");
    this.notes = new Map();
    this.busy = new Map();
    this.editing = null;
    this.atEnd = true;
    // The page scrolls instead of the list where the window is low.
    for (const one of [this.list, document])
      one.addEventListener("scroll", () => this.list.clientHeight && (this.atEnd = this._isAtEnd()));
    new ResizeObserver(() => this.atEnd && this._toEnd()).observe(this.list);
    store.watch(["messages", "people"], () => this.draw());
  }

  draw() {
    const { channel, thread } = this.place;
    if (!this.store.channels.has(channel)) return;
    const shown = `${channel}/${thread ?? ""}`;
    const moved = this.shown !== shown;
    const atEnd = this._isAtEnd();
    const focused = document.activeElement !== document.body;
    this.shown = shown;
    this._head(channel, thread);
    if (moved) this.list.replaceChildren();
    reconcile(this.list, thread ? this._thread(channel, thread) : this._channel(channel));
    if (moved || atEnd) this._toEnd();
    if (focused && document.activeElement === document.body) this.list.focus({ preventScroll: true });
  }

  get _scrolling() {
    return getComputedStyle(this.list).overflowY === "auto" ? this.list : document.scrollingElement;
  }

  _isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this._scrolling;
    return scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
  }

  _toEnd() {
    if (this.list.clientHeight) this._scrolling.scrollTop = this._scrolling.scrollHeight;
  }

  _head(channel, thread) {
    const where = this.store.channels.get(channel);
    const key = `${channel}/${thread}/${where.is_member}`;
    if (byId("place").dataset.key === key) return;
    byId("place").dataset.key = key;
    const back = el(
      "button",
      {
        type: "button",
        class: "back",
        "aria-label": `Back to ${this.store.title(channel)}`,
        on: { click: () => this.place.go(channel) },
      },
      icon("back"),
    );
    const channels = el(
      "button",
      {
        type: "button",
        class: "to-channels quiet",
        "aria-controls": "sidebar",
        "aria-expanded": "false",
        on: { click: () => this.place.showChannels(!document.body.classList.contains("show-sidebar")) },
      },
      "Channels",
      el("span", { class: "count" }),
    );
    onEscape(channels, () => this.place.showChannels(false));
    byId("place").replaceChildren(
      ...(thread
        ? [back, el("h2", {}, "Thread", el("small", {}, this.store.title(channel)))]
        : [el("h2", {}, icon(signOf(where)), this.store.title(channel).replace("#", ""))]),
      ...remarks(where),
      channels,
    );
  }

  _channel(channel) {
    const alone = [...this.store.privates.values()].filter((one) => one.channel === channel && !one.thread_ts);
    const items = [
      ...this.store.rootsOf(channel),
      ...alone.map((one) => ({ ...one, only: one.user, user: this.store.workspace.our_user })),
    ];
    const shown = items
      .sort(byTime)
      .flatMap((message) => [this._item(channel, message), ...this._replies(channel, message)]);
    return shown.length
      ? shown
      : [{ key: "empty", signature: "", make: () => el("p", { class: "empty" }, "No messages yet.") }];
  }

  _replies(channel, message) {
    const replies = this.store.repliesTo(channel, message.ts);
    if (!replies.length) return [];
    const words = `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`;
    const last = moment(Number(replies.at(-1).ts));
    const make = () =>
      el(
        "p",
        { class: "thread-link" },
        el(
          "button",
          { type: "button", "data-focus": "thread", on: { click: () => this.place.go(channel, message.ts) } },
          icon("thread"),
          words,
          el("small", {}, `last at ${last}`),
        ),
      );
    return [{ key: `replies-${message.ts}`, signature: words + last, make }];
  }

  _thread(channel, thread) {
    const root = this.store.messages.get(channel)?.get(thread);
    const alone = [...this.store.privates.values()].filter(
      (one) => one.channel === channel && one.thread_ts === thread,
    );
    const replies = [
      ...this.store.repliesTo(channel, thread),
      ...alone.map((one) => ({ ...one, only: one.user, user: this.store.workspace.our_user })),
    ];
    const words = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
    const line = { key: "line", signature: words, make: () => el("p", { class: "rule" }, el("span", {}, words)) };
    const items = replies.sort(byTime).map((message) => this._item(channel, message));
    return [...(root ? [this._item(channel, root)] : []), ...(items.length ? [line] : []), ...items];
  }

  _item(channel, message) {
    const person = this.place.person;
    const author = this.store.author(message);
    author.mark = author.id === this.store.workspace.our_user;
    const at = { person, channel, ts: message.ts };
    const editing = this.editing === message.ts;
    const note = this.notes.get(message.ts);
    const busy = this.busy.get(message.ts);
    const ticked = (block, action) => this.store.ticked({ ...at, block, action });
    const ticks = (message.blocks ?? []).flatMap((block) =>
      (block.elements ?? []).map((one) => one.action_id && ticked(block.block_id, one.action_id)),
    );
    const here = {
      id: message.ts,
      names: this.store.names,
      busy,
      ticked,
      tick: (block, action, values) => this.desk.tick({ ...at, block, action }, values),
      click: (block, action, option) => this.desk.click({ ...at, block, action, option }),
    };
    const only = message.only && this.store.name(message.only);
    const card = author.mark && !only && Boolean(message.blocks?.length);
    const shown = { author, person, only, here, editing, note, card };
    const desk = {
      shortcuts: this.store.shortcuts,
      shortcut: (one, callback_id) => this.desk.shortcut(channel, one, callback_id),
      editing: (ts) => this.edit(ts),
      edit: (one, text) => this._save(channel, one, text),
      remove: (one) => this.desk.remove(channel, one),
      again: (one) => this.desk.again(one),
      react: (one, name) => this.desk.react(channel, one, name),
    };
    return {
      key: message.ts,
      signature: JSON.stringify([
        message.text,
        message.blocks,
        message.attachments,
        message.edited,
        message.reactions,
        message.subtype,
        author,
        only,
        editing,
        note,
        busy,
        ticks,
        person,
      ]),
      make: (old) => messageElement(message, shown, desk, old === undefined),
    };
  }

  edit(ts) {
    this.editing = ts;
    this.store.touch("messages");
  }

  _save(channel, message, text) {
    this.edit(null);
    if (text) this.desk.edit(channel, message, text);
  }

  /** While a click is under way its card takes no other. */
  setBusy(ts, action) {
    if (action) this.busy.set(ts, action);
    else this.busy.delete(ts);
    this.store.touch("messages");
  }

  setNote(ts, words) {
    if (words) this.notes.set(ts, words);
    else this.notes.delete(ts);
    this.store.touch("messages");
  }

  /** Bring a message into view, as when somebody follows a link to it. */
  reveal(ts) {
    const found = [...this.list.children].find((node) => node.dataset.key === ts);
    if (!found) return;
    found.scrollIntoView({ block: "center" });
    found.classList.remove("found");
    void found.offsetWidth;
    found.classList.add("found");
    found.focus({ preventScroll: true });
  }
}

function remarks(where) {
  const words = [];
  if (!where.is_member) words.push("The bot is not in this channel");
  if (where.is_ext_shared) words.push("Shared with another organisation: the bot ignores links here");
  return words.map((one) => el("span", { class: "remark" }, one));
}
