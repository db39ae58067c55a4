/** Channels, and the threads in them. */

import { byId, el, icon, reconcile } from "./dom.js";
import { asTyped } from "./mrkdwn.js";

const TITLE_CHARS = 60;

export class Sidebar {
  constructor(store, place) {
    Object.assign(this, { store, place });
    this.channels = el("ul", {});
    this.threads = el("ul", {});
    this.team = el("p", { class: "team" });
    byId("sidebar").append(this.team, el("h2", {}, "Channels"), this.channels, el("h2", {}, "Threads"), this.threads);
    store.watch(["messages", "people"], () => this.draw());
  }

  draw() {
    this.team.textContent = this.store.workspace.name;
    reconcile(
      this.channels,
      [...this.store.channels.values()].map((one) =>
        this._entry(one.id, null, one.is_private ? "lock" : "hash", one.name),
      ),
    );
    reconcile(
      this.threads,
      this._roots().map(([channel, root]) => this._entry(channel, root.ts, "thread", this._title(root))),
    );
  }

  _roots() {
    const roots = [...this.store.channels.keys()].flatMap((channel) =>
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

  _entry(channel, thread, sign, words) {
    const current = this.place.channel === channel && this.place.thread === thread;
    const go = () => this.place.go(channel, thread);
    return {
      key: `${channel}/${thread ?? ""}`,
      signature: `${words}/${current}`,
      make: () =>
        el(
          "li",
          {},
          el(
            "button",
            { type: "button", "aria-current": current && "page", "data-focus": "go", on: { click: go } },
            icon(sign),
            el("span", {}, words),
          ),
        ),
    };
  }
}
