/** The case beside the conversation: what Datadog keeps, as it changes. */

import { byId, el, icon, reconcile } from "./dom.js";
import { byTime, isReply, keyed } from "./store.js";

const TYPES = {
  MONITOR: ["Monitor", "bell"],
  ERROR_TRACKING: ["Error Tracking issue", "bug"],
  INCIDENT: ["Incident", "flame"],
  EVENT: ["Event", "flag"],
  WIDGET: ["Widget", "chart"],
  SCM_URL: ["Code change", "merge"],
};
const STATES = { OPEN: "open", IN_PROGRESS: "progress", CLOSED: "closed" };

export class CasePane {
  constructor(store, place) {
    Object.assign(this, { store, place, chosen: null });
    store.watch(["cases", "messages"], () => this.draw());
  }

  /** The case chosen by hand while this place is shown, else the one that the app or the first message names. */
  get current() {
    const { channel, thread } = this.place;
    const place = `${channel}/${thread}`;
    if (this.shown !== place) this.chosen = null;
    this.shown = place;
    return this.store.cases.get(this.chosen) ?? this._namedIn(channel, thread);
  }

  /** What is said later counts more, and what is said in the thread more than what is said in its channel. */
  _namedIn(channel, thread) {
    const said = [...(this.store.messages.get(channel)?.values() ?? [])].sort(byTime).reverse();
    const our = (one) => one.user === this.store.workspace.our_user;
    const inThread = said.filter((one) => one.thread_ts === thread || one.ts === thread);
    const outside = said.filter((one) => !isReply(one) && (!thread || our(one)));
    const telling = [...inThread.filter((one) => our(one) || one.ts === thread), ...outside];
    return first(telling, (one) => this._named(JSON.stringify([one.text, one.blocks, one.attachments])));
  }

  _named(words) {
    const ids = (one) => new RegExp(`\\b(${one.key}|${one.id})\\b`, "i");
    return [...this.store.cases.values()].find((one) => ids(one).test(words));
  }

  draw() {
    const one = this.current ?? NO_CASE;
    reconcile(byId("case-head"), [
      {
        key: one.id,
        signature: JSON.stringify([
          one.key,
          one.title,
          one.description,
          one.status,
          one.archived_at,
          this.store.cases.size,
        ]),
        make: () => this._head(one),
      },
    ]);
    const insights = keyed(one);
    byId("insight-count").textContent = insights.length;
    reconcile(
      byId("insights"),
      insights.length ? insights.map((insight) => this._insight(one, insight)) : [NO_INSIGHTS],
    );
    for (const list of ["insights", "comments"]) byId(list).parentElement.hidden = one === NO_CASE;
    reconcile(byId("comments"), one.comments.length ? one.comments.map(comment) : [NO_COMMENTS]);
    byId("tab-count").textContent = insights.length || "";
  }

  _head(one) {
    const choose = (event) => {
      this.chosen = event.target.value;
      this.store.touch("cases");
    };
    const cases = [...(one === NO_CASE ? [one] : []), ...this.store.cases.values()];
    const many =
      cases.length > 1 &&
      el(
        "select",
        { "aria-label": "Case", on: { change: choose } },
        cases.map((other) => el("option", { value: other.id, selected: other === one }, other.key)),
      );
    return el(
      "header",
      {},
      el(
        "p",
        { class: "eyebrow" },
        many || el("span", { class: "case-key" }, one.key),
        one.status_name && el("span", { class: `state ${STATES[one.status] ?? ""}` }, one.status_name),
        one.archived_at && el("span", { class: "state closed" }, "Archived"),
      ),
      el("h2", {}, one.title),
      one.description && el("p", { class: "description" }, one.description),
    );
  }

  _insight(one, insight) {
    const fresh = this.store.fresh.has(`${one.id}/${insight.key}`);
    const [name, sign] = TYPES[insight.type] ?? [insight.type.replaceAll("_", " ").toLowerCase(), "spark"];
    const make = () =>
      el(
        "li",
        { class: `insight${fresh ? " fresh" : ""}`, "data-type": insight.type },
        el("span", { class: "glyph" }, icon(sign)),
        el(
          "div",
          {},
          el("p", { class: "insight-name" }, el("b", {}, name), el("code", { class: "type" }, insight.type)),
          el("dl", {}, field("id", insight.resource_id), field("ref", insight.ref)),
        ),
      );
    return { key: insight.key, signature: "", make };
  }
}

const NO_CASE = {
  id: "none",
  key: "No case",
  title: "No case here yet",
  description: "The app ties this place to a case when somebody names one. Or choose one to look at.",
  insights: [],
  comments: [],
};

function first(items, found) {
  for (const item of items) {
    const result = found(item);
    if (result) return result;
  }
  return undefined;
}

const field = (name, value) => [el("dt", {}, name), el("dd", { title: value }, value)];

const NO_INSIGHTS = {
  key: "none",
  signature: "",
  make: () =>
    el(
      "li",
      { class: "none" },
      el("b", {}, "No insights yet."),
      " They appear here the moment the bot puts them on the case.",
    ),
};
const NO_COMMENTS = { key: "none", signature: "", make: () => el("li", { class: "faint" }, "None.") };

const comment = (text, number) => ({ key: String(number), signature: text, make: () => el("li", {}, text) });
