/** The app's modals and its Home tab: drawn from their real blocks, filled in here, sent as Slack would. */

import { blocks } from "./blocks.js";
import { byId, el, focusNow } from "./dom.js";

const SEARCH_FROM = 3;

export class Views {
  constructor(store, place, desk) {
    Object.assign(this, { store, place, desk });
    this.box = byId("view");
    this.box.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    byId("home").addEventListener("click", () => this.openHome());
    store.watch(["view", "people"], () => this.draw());
  }

  async openHome() {
    this.home = true;
    await this.desk.home();
    this.draw();
  }

  get shown() {
    const modal = this.store.modals.get(this.place.person);
    return modal ?? (this.home ? this.store.homes.get(this.place.person) : null);
  }

  close() {
    const modal = this.store.modals.get(this.place.person);
    if (modal) this.desk.dismiss(modal.id);
    this.home = false;
    this.draw();
  }

  /** A view that only brings errors keeps what was typed; any other is drawn anew. */
  draw() {
    const view = this.shown;
    if (!view) {
      if (this.box.open) {
        this.box.close();
        this.giveBack();
      }
      this.drawn = null;
      return;
    }
    const signature = `${view.id}/${view.hash}`;
    if (this.drawn !== signature) {
      this.drawn = signature;
      this.ticks = {};
      this.box.replaceChildren(this.form(view));
    }
    this.complain(view.errors ?? {});
    if (this.box.open) return;
    this.giveBack = focusNow();
    this.box.showModal();
  }

  form(view) {
    const modal = view.type === "modal";
    const title = modal ? view.title.text : "Case Insights, Home";
    this.box.setAttribute("aria-label", title);
    const submit = (event) => {
      event.preventDefault();
      this.desk.submit(view.id, this.values());
    };
    return el(
      "form",
      { class: "view", on: { submit } },
      el("h2", {}, title),
      view.blocks.map((block) => this.block(block, view)),
      el(
        "div",
        { class: "view-end" },
        el("button", { type: "button", class: "button", on: { click: () => this.close() } }, view.close?.text ?? "Close"),
        view.submit && el("button", { class: "button primary" }, view.submit.text),
      ),
    );
  }

  block(block, view) {
    if (block.type !== "input") {
      const here = {
        id: view.id,
        names: this.store.names,
        ticked: (block, action) => kept(view, block, action)?.selected_options?.map((option) => option.value),
        tick: (block, action, values) => (this.ticks[block] = { [action]: values }),
        click: (block, action) => this.desk.press(view.id, action, block, this.values()),
      };
      return el("div", {}, blocks([block], here));
    }
    const id = `view-${block.block_id}`;
    const fields = FIELDS[block.element.type]({ element: entered(block, view) }, id, this);
    const group = block.element.type === "checkboxes";
    const label = group ? el("legend", {}, block.label.text) : el("label", { for: id }, block.label.text);
    const wrong = el("p", { class: "wrong", role: "alert", hidden: true });
    const hint = block.hint && el("small", { class: "faint" }, block.hint.text);
    return el(group ? "fieldset" : "div", { class: "field", "data-block": block.block_id }, label, fields, hint, wrong);
  }

  complain(errors) {
    for (const field of this.box.querySelectorAll("[data-block]")) {
      const words = errors[field.dataset.block];
      const said = field.querySelector(".wrong");
      said.textContent = words ?? "";
      said.hidden = !words;
    }
    this.box.querySelector(".wrong:not([hidden])")?.parentElement.querySelector("input, select, textarea")?.focus();
  }

  /** Every field as it stands: {block: {action: text, value, or values}}. */
  values() {
    const all = { ...this.ticks };
    for (const field of this.box.querySelectorAll("[data-block] [data-action]")) {
      const block = field.closest("[data-block]").dataset.block;
      const value = field.dataset.kind === "choices" ? picked(field) : (field.dataset.value ?? field.value);
      if (value !== "") all[block] = { [field.dataset.action]: value };
      else if (field.dataset.kind === "text") all[block] = { [field.dataset.action]: "" };
    }
    return all;
  }
}

const kept = (view, block, action) => view.state?.values?.[block]?.[action];

/** A field's element, filled in with what was entered before the view was updated. */
function entered({ block_id, element }, view) {
  const entry = kept(view, block_id, element.action_id);
  if (!entry) return element;
  const filled = { initial_value: entry.value, initial_option: entry.selected_option, initial_options: entry.selected_options };
  return { ...element, ...Object.fromEntries(Object.entries(filled).map(([name, value]) => [name, value ?? undefined])) };
}

/** As in Slack, a select in which nothing is chosen yet. */
const NOTHING = { value: "", text: { text: "Choose…" } };

const picked = (group) => [...group.querySelectorAll("input:checked")].map((input) => input.value);

const FIELDS = {
  plain_text_input: ({ element }, id) =>
    el(element.multiline ? "textarea" : "input", {
      id,
      value: element.initial_value ?? "",
      placeholder: element.placeholder?.text,
      "data-action": element.action_id,
      "data-kind": "text",
    }),
  static_select: ({ element }, id) =>
    el(
      "select",
      { id, "data-action": element.action_id, "data-kind": "choice" },
      [...(element.initial_option ? [] : [NOTHING]), ...element.options].map((option) =>
        el(
          "option",
          { value: option.value, selected: option.value === element.initial_option?.value },
          option.text.text,
        ),
      ),
    ),
  checkboxes: ({ element }) => {
    const ticked = new Set((element.initial_options ?? []).map((option) => option.value));
    return el(
      "div",
      { class: "choices", "data-action": element.action_id, "data-kind": "choices" },
      element.options.map((option) =>
        el(
          "label",
          { class: "choice" },
          el("input", { type: "checkbox", value: option.value, checked: ticked.has(option.value) }),
          el("span", {}, option.text.text),
        ),
      ),
    );
  },
  external_select: ({ element }, id, views) => {
    const list = el("div", { class: "suggested", role: "listbox", "aria-label": "Found" });
    const field = el("input", {
      id,
      value: element.initial_option?.text.text ?? "",
      placeholder: element.placeholder?.text,
      autocomplete: "off",
      "data-action": element.action_id,
      "data-kind": "search",
    });
    field.dataset.value = element.initial_option?.value ?? "";
    const choose = (option) => () => {
      field.value = option.text.text;
      field.dataset.value = option.value;
      list.replaceChildren();
    };
    const search = async () => {
      field.dataset.value = "";
      if (field.value.length < (element.min_query_length ?? SEARCH_FROM)) return;
      const typed = field.value;
      const options = await views.desk.suggest(views.shown.id, element.action_id, typed);
      if (field.value !== typed) return;
      list.replaceChildren(
        ...options.map((option) =>
          el("button", { type: "button", role: "option", on: { click: choose(option) } }, option.text.text),
        ),
      );
    };
    field.addEventListener("input", search);
    if (element.min_query_length === 0) field.addEventListener("focus", () => field.value || search());
    return [field, list];
  },
};
