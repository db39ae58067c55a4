/** Channels, and the threads in them. */

import { byId, el, icon, onEscape, reconcile } from "./dom.js";
import { asTyped } from "./mrkdwn.js";

const TITLE_CHARS = 60;

export const signOf = (channel) => (channel.is_im ? "thread" : channel.is_private ? "lock" : "hash");

export class Sidebar {
  constructor(store, place) {
    Object.assign(this, { store, place });
    this.channels = el("ul", {});
    this.threads = el("ul", {});
    this.direct = el("ul", {});
    this.read = new Map();
    this.team = el("p", { class: "team" });
    byId("sidebar").append(this.team, el("h2", {}, "Channels"), this.channels, el("h2", {}, "Threads"), this.threads);
    byId("sidebar").append(el("h2", {}, "Direct messages"), this.direct);
    onEscape(byId("sidebar"), () => place.showChannels(false));
    store.watch(["messages", "people"], () => this.draw());
  }

  draw() {
    this.team.textContent = this.store.workspace.name;
    const channels = [...this.store.channels.values()];
    reconcile(
      this.channels,
      channels.filter((one) => !one.is_im).map((one) => this._entry(one.id, null, signOf(one), one.name)),
    );
    reconcile(
      this.threads,
      this._roots().map(([channel, root]) => this._entry(channel, root.ts, "thread", this._title(root))),
    );
    this._directMessages(channels.filter((one) => one.is_im && this.store.sees(one.id, this.place.person)));
  }

  /** Those of the person who speaks, with how many came since the last look. */
  _directMessages(channels) {
    const unread = (one) => {
      const came = [...this.store.messages.get(one.id).keys()];
      if (this.place.channel === one.id) this.read.set(one.id, came.length);
      return Math.max(0, came.length - (this.read.get(one.id) ?? 0));
    };
    const counts = channels.map(unread);
    reconcile(
      this.direct,
      channels.map((one, number) => this._entry(one.id, null, signOf(one), this.store.title(one.id), counts[number])),
    );
    this.direct.previousElementSibling.hidden = channels.length === 0;
    const all = counts.reduce((sum, count) => sum + count, 0);
    const toggle = document.querySelector(".to-channels .count");
    if (toggle) toggle.textContent = all || "";
  }

  _roots() {
    const seen = [...this.store.channels.keys()].filter((one) => this.store.sees(one, this.place.person));
    const roots = seen.flatMap((channel) =>
      this.store.rootsOf(channel).map((root) => [channel, root]),
    );
    return roots
      .filter(([channel, root]) => this.store.repliesTo(channel, root.ts).length > 0)
      .sort(([, one], [, other]) => (one.ts < other.ts ? 1 : -1));
  }

  _title(root) {
    const names = { person: (user) => this.store.name(user) };
    const plain = asTyped(root.text ?? "", names)
      .replace(/https?:\/\/\S+?\/cases\/([\w-]+)/g, "$1")
      .replace(/https?:\/\/(\S{1,24})\S*/g, "$1");
    return plain.length > TITLE_CHARS ? `${plain.slice(0, TITLE_CHARS).trimEnd()}…` : plain;
  }

  _entry(channel, thread, sign, words, unread = 0) {
    const current = this.place.channel === channel && this.place.thread === thread;
    const go = () => this.place.go(channel, thread);
    return {
      key: `${channel}/${thread ?? ""}`,
      signature: `${words}/${current}/${unread}`,
      make: () =>
        el(
          "li",
          {},
          el(
            "button",
            { type: "button", "aria-current": current && "page", "data-focus": "go", on: { click: go } },
            icon(sign),
            el("span", {}, words),
            unread > 0 && el("b", { class: "count" }, unread, el("span", { class: "hidden" }, " new")),
          ),
        ),
    };
  }
}
