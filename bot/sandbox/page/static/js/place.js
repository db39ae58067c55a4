import { byId } from "./dom.js";

/** The current channel, thread and person. The place is in the address, so a reload keeps it; the person is per window. */

const PERSON = "speaking-as";

export class Place {
  constructor(store) {
    this.store = store;
    this.person = sessionStorage.getItem(PERSON) ?? "U0ANA";
    this._read();
    window.addEventListener("hashchange", () => {
      this._read();
      this.settle();
      store.touch("messages");
    });
  }

  _read() {
    const [channel, thread] = location.hash.slice(1).split("/");
    this.channel = channel || null;
    this.thread = thread || null;
  }

  /** Stay here if this place still exists; otherwise go to the thread about the case. */
  settle() {
    const messages = this.store.messages.get(this.channel);
    if (messages && this._seen(this.channel) && (!this.thread || messages.has(this.thread))) return;
    for (const channel of [...this.store.channels.keys()].filter((one) => this._seen(one))) {
      const root = this.store.rootsOf(channel).find((one) => one.text?.includes("/cases/"));
      if (root) {
        this._be(channel, root.ts);
        return;
      }
    }
    const first = this.store.channels.keys().next().value;
    if (first) this._be(first, null);
  }

  _seen(channel) {
    return this.store.sees(channel, this.person);
  }

  go(channel, thread = null) {
    this.showChannels(false);
    this._be(channel, thread);
  }

  /** Where there is no room for both, channels and threads are shown instead of the conversation. */
  showChannels(shown) {
    const focused = byId("sidebar").contains(document.activeElement);
    const toggle = document.querySelector(".to-channels");
    document.body.classList.toggle("show-sidebar", shown);
    toggle?.setAttribute("aria-expanded", String(shown));
    if (shown) byId("sidebar").querySelector("[aria-current], button").focus();
    else if (focused) toggle?.focus();
  }

  _be(channel, thread) {
    this.channel = channel;
    this.thread = thread;
    history.replaceState(null, "", `#${channel}${thread ? `/${thread}` : ""}`);
    this.store.touch("messages");
  }

  speakAs(person) {
    this.person = person;
    sessionStorage.setItem(PERSON, person);
    this.settle();
    this.store.touch("messages", "people");
  }
}
