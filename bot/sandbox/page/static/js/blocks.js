/** Block Kit as elements: what a card shows is drawn from its real blocks. */

import { asking } from "./confirm.js";
import { el, icon } from "./dom.js";
import { mrkdwn, richText } from "./mrkdwn.js";

/**
 * `here` says whose eyes and hands these are: {names, ticked(block, action), tick(block, action, values),
 * click(block, action, option), busy}.
 */
export function blocks(list, here) {
  return list.map((block) => BLOCKS[block.type]?.(block, here) ?? el("p", { class: "faint" }, `[${block.type}]`));
}

const BLOCKS = {
  rich_text: (block, here) => el("div", { class: "said" }, richText(block, here.names)),
  header: (block, here) => el("p", { class: "block-header" }, text(block.text, here)),
  divider: () => el("hr"),
  image: (block) => el("p", { class: "faint" }, `[${block.alt_text}]`),
  context: (block, here) =>
    el(
      "p",
      { class: "context" },
      block.elements.map((one) => (one.alt_text ? `[${one.alt_text}]` : text(one, here))),
    ),
  actions: (block, here) => actions(block, block.elements, here),
  input: (block, here) =>
    el("div", {}, el("p", { class: "block-label" }, text(block.label, here)), actions(block, [block.element], here)),
  section: (block, here) =>
    el(
      "div",
      { class: "section" },
      block.text && el("p", {}, text(block.text, here)),
      block.fields &&
        el(
          "div",
          { class: "fields" },
          block.fields.map((field) => el("p", {}, text(field, here))),
        ),
      block.accessory && actions(block, [block.accessory], here),
    ),
};

function text(object, here) {
  return object.type === "mrkdwn" ? mrkdwn(object.text, here.names, object.verbatim) : object.text;
}

function actions(block, elements, here) {
  const choice = elements.every((one) => ["checkboxes", "radio_buttons"].includes(one.type));
  return el(
    "div",
    { class: choice ? "choices" : "actions" },
    elements.map((one) => ELEMENTS[one.type]?.(one, block, here) ?? el("span", { class: "faint" }, `[${one.type}]`)),
  );
}

const ELEMENTS = {
  button(button, block, here) {
    const label = text(button.text, here);
    const press = () => asking(button.confirm, () => here.click(block.block_id, button.action_id));
    const known = {
      class: `button ${button.style ?? ""}`.trim(),
      "data-focus": button.action_id,
      "data-action": button.action_id,
    };
    if (button.url) {
      return el(
        "a",
        { ...known, href: button.url, rel: "noreferrer noopener", target: "_blank", on: { click: press } },
        label,
      );
    }
    const busy = here.busy === button.action_id;
    return el(
      "button",
      {
        ...known,
        type: "button",
        "aria-label": button.accessibility_label,
        "aria-busy": busy && "true",
        "aria-disabled": Boolean(here.busy) && "true",
        on: { click: () => here.busy || press() },
      },
      label,
    );
  },
  checkboxes: (group, block, here) => choices("checkbox", group, block, here),
  radio_buttons: (group, block, here) => choices("radio", group, block, here),
  image: (image) => el("span", { class: "faint" }, `[${image.alt_text}]`),
  overflow(menu, block, here) {
    const choose = (option) => () => here.click(block.block_id, menu.action_id, option.value);
    return el(
      "details",
      { class: "menu" },
      el("summary", { class: "button", "aria-label": "More", "data-focus": menu.action_id }, icon("more")),
      el(
        "div",
        { class: "menu-list" },
        menu.options.map((option) =>
          el("button", { type: "button", on: { click: choose(option) } }, text(option.text, here)),
        ),
      ),
    );
  },
};

function choices(kind, group, block, here) {
  const initial = group.initial_options ?? (group.initial_option ? [group.initial_option] : []);
  const ticked = new Set(here.ticked(block.block_id, group.action_id) ?? initial.map((option) => option.value));
  const name = `${here.id}/${block.block_id}/${group.action_id}`;
  const field = el("fieldset", {}, el("legend", { class: "hidden" }, "What to add"));
  const change = () => {
    const chosen = [...field.querySelectorAll("input:checked")].map((input) => input.value);
    here.tick(block.block_id, group.action_id, chosen);
  };
  const options = group.options.map((option) =>
    el(
      "label",
      { class: "choice" },
      el("input", {
        type: kind,
        name,
        value: option.value,
        checked: ticked.has(option.value),
        "data-focus": `${block.block_id}/${option.value}`,
        on: { change },
      }),
      el(
        "span",
        { class: "choice-text" },
        el("span", {}, text(option.text, here)),
        option.description && el("small", {}, text(option.description, here)),
      ),
    ),
  );
  field.append(...options);
  return field;
}
