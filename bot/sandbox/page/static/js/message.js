/** One message of the conversation: who, when, what, and what can be done with it. */

import { blocks } from "./blocks.js";
import { el, icon, onEscape } from "./dom.js";
import { asTyped, moment, mrkdwn } from "./mrkdwn.js";

const KINDS = { app: "App", guest: "Guest", other: "Other organisation" };

function avatar(author) {
  if (author.mark) return el("span", { class: "avatar app", "aria-hidden": "true" }, icon("mark"));
  const tint = [...author.id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 6, 7);
  return el("span", { class: `avatar tint-${tint}`, "aria-hidden": "true" }, author.name.slice(0, 1).toUpperCase());
}

/** The emoji that the sandbox's bot listens for. */
const REACTION = "card_index";

/**
 * `desk` does things: {editing, edit, remove, again, react}.
 * `shown` is {author, person, only, here, editing, note, card}.
 */
export function messageElement(message, shown, desk, isNew) {
  const gone = message.subtype === "tombstone";
  const only = shown.only && el("p", { class: "only" }, icon("eye"), `Only visible to ${shown.only}`);
  const body = shown.editing ? editor(message, shown, desk) : content(message, shown, gone);
  return el(
    "article",
    {
      class: `message${shown.only ? " private" : ""}${isNew ? " new" : ""}`,
      tabindex: "-1",
      "aria-label": `${shown.author.name}, ${moment(Number(message.ts))}`,
    },
    avatar(shown.author),
    el(
      "div",
      { class: "message-main" },
      only,
      el(
        "header",
        { class: "message-head" },
        el("b", {}, shown.author.name),
        KINDS[shown.author.kind] && el("span", { class: `tag ${shown.author.kind}` }, KINDS[shown.author.kind]),
        time(message.ts),
      ),
      message.subtype === "thread_broadcast" && el("p", { class: "faint" }, "Replied to a thread:"),
      body,
      reactions(message, shown, desk),
      shown.note && el("p", { class: "note", role: "alert" }, icon("warn"), shown.note),
    ),
    !gone && !shown.only && !shown.author.mark && menu(message, shown, desk),
  );
}

function time(ts) {
  const at = new Date(Number(ts) * 1000);
  return el("time", { datetime: at.toISOString(), title: at.toLocaleString() }, moment(Number(ts)));
}

function content(message, shown, gone) {
  const said = message.blocks?.length
    ? blocks(message.blocks, shown.here)
    : [el("div", { class: "said" }, el("p", {}, mrkdwn(message.text ?? "", shown.here.names)))];
  return el(
    "div",
    { class: `content${gone ? " faint" : ""}${shown.card ? " card" : ""}` },
    said,
    message.edited && !shown.author.mark && el("span", { class: "edited" }, "(edited)"),
    (message.attachments ?? []).map((one) => attachment(one, shown.here)),
  );
}

/** The emojis below a message, with how many set each; pressing one sets or takes off this person's own. */
function reactions(message, shown, desk) {
  if (!message.reactions?.length) return null;
  const chip = (one) =>
    el(
      "button",
      {
        type: "button",
        class: "chip",
        "aria-pressed": String(one.users.includes(shown.person)),
        title: one.users.map(shown.here.names.person).join(", "),
        "data-focus": one.name,
        on: { click: () => desk.react(message, one.name) },
      },
      `:${one.name}: ${one.count}`,
    );
  return el("div", { class: "reactions" }, message.reactions.map(chip));
}

function attachment(one, here) {
  const title = one.title && (one.title_link ? mrkdwn(`<${one.title_link}|${one.title}>`, here.names) : one.title);
  return el(
    "div",
    { class: "attachment" },
    one.service_name && el("p", { class: "faint" }, one.service_name),
    one.pretext && el("p", {}, mrkdwn(one.pretext, here.names)),
    title && el("p", {}, el("b", {}, title)),
    one.text && el("p", {}, mrkdwn(one.text, here.names)),
    (one.fields ?? []).map((field) =>
      el("p", {}, el("b", {}, `${field.title ?? ""} `), mrkdwn(String(field.value ?? ""), here.names)),
    ),
    one.blocks && blocks(one.blocks, here),
  );
}

function editor(message, shown, desk) {
  const field = el("textarea", {
    rows: "3",
    "aria-label": "Edit the message",
    value: asTyped(message.text, shown.here.names),
    "data-focus": "menu", // has the focus when it is closed
  });
  const save = () => desk.edit(message, field.value.trim());
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      save();
    }
  });
  const box = el(
    "div",
    { class: "editor" },
    field,
    el(
      "div",
      { class: "actions" },
      el("button", { type: "button", class: "button primary", on: { click: save } }, "Save"),
      el("button", { type: "button", class: "button", on: { click: () => desk.editing(null) } }, "Cancel"),
    ),
  );
  onEscape(box, () => desk.editing(null));
  setTimeout(() => field.focus(), 0);
  return box;
}

/** The ⋯ of a message, with the app's message shortcuts. */
function menu(message, shown, desk) {
  const acts = [
    ...desk.shortcuts.map((one) => [one.name, () => desk.shortcut(message, one.callback_id)]),
    ...(shown.author.kind === "app" ? [] : [["Edit message", () => desk.editing(message.ts)]]),
    [`React with :${REACTION}:`, () => desk.react(message, REACTION)],
    ["Send to the bot 10 more times", () => desk.again(message)],
    ["Delete message", () => desk.remove(message), "danger"],
  ];
  const box = el(
    "details",
    { class: "menu message-menu" },
    el("summary", { "aria-label": `More for the message of ${shown.author.name}`, "data-focus": "menu" }, icon("more")),
  );
  box.append(
    el(
      "div",
      { class: "menu-list" },
      acts.map(([label, run, kind = ""]) =>
        el("button", { type: "button", class: kind, on: { click: run } }, label),
      ),
    ),
  );
  return box;
}
