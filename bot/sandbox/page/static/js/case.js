/** The case beside the conversation: what Datadog keeps, as it changes. */

import { byId, el, icon, reconcile } from "./dom.js";
import { keyed } from "./store.js";

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
  constructor(store) {
    this.store = store;
    this.chosen = null;
    store.watch(["cases"], () => this.draw());
  }

  get current() {
    return this.store.cases.get(this.chosen) ?? this.store.cases.values().next().value;
  }

  draw() {
    const one = this.current;
    if (!one) return;
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
    reconcile(byId("comments"), one.comments.length ? one.comments.map(comment) : [NO_COMMENTS]);
    byId("tab-count").textContent = insights.length || "";
  }

  _head(one) {
    const choose = (event) => {
      this.chosen = event.target.value;
      this.store.touch("cases");
    };
    const cases = [...this.store.cases.values()];
    const many =
      cases.length > 1 &&
      el(
        "select",
        { "aria-label": "Case", on: { change: choose } },
        cases.map((other) => el("option", { value: other.id, selected: other.id === one.id }, other.key)),
      );
    return el(
      "header",
      {},
      el(
        "p",
        { class: "eyebrow" },
        many || el("span", { class: "case-key" }, one.key),
        el("span", { class: `state ${STATES[one.status] ?? ""}` }, one.status_name),
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
