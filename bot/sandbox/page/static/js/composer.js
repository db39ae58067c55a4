/** Where one writes: what to say, as whom, and sample links to paste. */

import { byId, el } from "./dom.js";
import { SAMPLES } from "./samples.js";

const AT_HAND = 6;
const KINDS = { guest: "guest", other: "other organisation", app: "alert bot" };

export class Composer {
  constructor(store, place, desk) {
    Object.assign(this, { store, place, desk });
    this.text = byId("text");
    this.speaker = byId("speaker");
    this._samples();
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    this.text.addEventListener("input", () => this._fit());
    this.speaker.addEventListener("change", () => place.speakAs(this.speaker.value));
    store.watch(["people", "messages"], () => this.draw());
  }

  _samples() {
    const button = (sample, look, ...more) =>
      el("button", { type: "button", ...look, on: { click: () => this.paste(sample.link) } }, sample.name, ...more);
    const chip = (sample) => button(sample, { class: "chip", title: sample.says });
    const entry = (sample) =>
      button(sample, { "aria-label": sample.name }, el("small", { class: "faint" }, ` ${sample.says}`));
    byId("samples").append(
      el("span", { class: "samples-label" }, "Paste"),
      ...SAMPLES.slice(0, AT_HAND).map(chip),
      el(
        "details",
        { class: "menu" },
        el("summary", { class: "chip" }, "More"),
        el("div", { class: "menu-list" }, SAMPLES.slice(AT_HAND).map(entry)),
      ),
    );
  }

  paste(link) {
    const { selectionStart: start, selectionEnd: end, value } = this.text;
    const glue = start > 0 && !/\s$/.test(value.slice(0, start)) ? " " : "";
    this.text.setRangeText(`${glue}${link} `, start, end, "end");
    this._fit();
    this.text.focus();
  }

  get _talks() {
    const channel = this.store.channels.get(this.place.channel);
    return channel && !channel.is_im && channel.members.includes(this.place.person);
  }

  async send() {
    const text = this.text.value.trim();
    if (!text || !this._talks) return;
    this.text.value = "";
    this._fit();
    const sent = text.startsWith("/") ? this.desk.command(text) : this.desk.say(text);
    if (!(await sent)) this.text.value ||= text;
    this._fit();
  }

  draw() {
    this._people();
    const channel = this.store.channels.get(this.place.channel);
    if (!channel) return;
    const talks = this._talks;
    const title = this.store.title(channel.id);
    this.text.disabled = byId("send").disabled = !talks;
    this.text.placeholder = this.place.thread ? "Reply…" : `Message ${title}`;
    const absent = `${this.store.name(this.place.person)} is not in ${title}`;
    const silent = channel.is_im ? `${title} reads no direct messages` : absent;
    byId("composer-hint").textContent = talks ? "Shift + Enter: new line" : silent;
  }

  _people() {
    const people = [...this.store.people.values()].filter(
      (one) => one.id !== this.store.workspace.our_user && one.id !== "USLACKBOT",
    );
    const signature = people.map((one) => one.id).join();
    if (this.speaker.dataset.people !== signature) {
      this.speaker.dataset.people = signature;
      const words = (one) =>
        KINDS[this.store.kindOf(one)] ? `${one.real_name} (${KINDS[this.store.kindOf(one)]})` : one.real_name;
      this.speaker.replaceChildren(...people.map((one) => el("option", { value: one.id }, words(one))));
    }
    this.speaker.value = this.place.person;
  }

  _fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 140)}px`;
  }
}
