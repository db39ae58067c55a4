/** The three steps of a first visit, ticked off by what has happened, so a reload keeps them. */

import { byId } from "./dom.js";

export class Guide {
  constructor(store) {
    this.store = store;
    store.watch(["messages", "cases"], () => this.draw());
  }

  draw() {
    const cards = this.store.everyMessage.some((one) => one.metadata?.event_type);
    const added = [...this.store.cases.values()].some((one) => one.insights.length > 0);
    const pressed =
      added || this.store.everyMessage.some((one) => one.metadata?.event_type && !one.blocks?.some(offers));
    const done = [cards, cards && pressed, added];
    document.body.dataset.step = ["paste", "press", "see"][done.indexOf(false)] ?? "done";
    [...byId("guide").children].forEach((step, number) => {
      step.classList.toggle("done", done[number]);
      step.classList.toggle("next", !done[number] && (number === 0 || done[number - 1]));
      step.toggleAttribute("aria-current", false);
      if (step.classList.contains("next")) step.setAttribute("aria-current", "step");
    });
  }
}

const offers = (block) => block.elements?.some((one) => one.type === "checkboxes");
