/** Slack's mrkdwn and rich text as elements: docs.slack.dev/messaging/formatting-message-text. */

import { el } from "./dom.js";

// Links, dates and mentions are read first: what stands in one is no mark.
const styledBy = (mark) =>
  `(?<![\\w${mark}])[${mark}](?!\\s)((?:<[^<>]*>|[^${mark}\\n<])+)(?<!\\s)[${mark}](?![\\w${mark}])`;

const TOKEN = new RegExp(
  [
    "```([\\s\\S]+?)```",
    "`([^`\\n]+)`",
    "<([^<>|\\s][^<>|]*)(?:\\|([^<>]*))?>",
    styledBy("*"),
    styledBy("_"),
    styledBy("~"),
  ].join("|"),
  "g",
);

export const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** What Slack makes of plain text by itself, where it is not `verbatim`. */
const BY_ITSELF = /(https?:\/\/[^\s<>|]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[@](?:here|channel|everyone)\b|#[\p{L}\d_-]+)/u;

/** Of the thousands, those with which a name is likely to be tried; other names stay as they are, as unknown ones do. */
const EMOJI = { tada: "🎉", fire: "🔥", rotating_light: "🚨", warning: "⚠️", white_check_mark: "✅", x: "❌", "+1": "👍" };

/** A mrkdwn string as nodes. `names`: {person(id), channel(id)}. */
export function mrkdwn(text, names, verbatim = true) {
  if (text.includes("```")) return inline(text, names, verbatim);
  return text
    .split(/^((?:&gt;|＞).*)(?:\n|$)/m)
    .flatMap((part, place) =>
      place % 2
        ? el("blockquote", {}, inline(part.replace(/^(?:&gt;|＞) ?/, ""), names, verbatim))
        : inline(part, names, verbatim),
    );
}

/** A mrkdwn string as it is read aloud: dates as times, links as their labels, no marks. */
export const plainText = (text, names) => el("p", {}, mrkdwn(text, names)).textContent;

function plain(text, verbatim) {
  const shown = (part) => unescape(part.replace(/:([\w+-]+):/g, (whole, name) => EMOJI[name] ?? whole));
  if (verbatim) return [shown(text)];
  return text.split(BY_ITSELF).map((part, place) => {
    if (place % 2 === 0) return shown(part);
    if (part.startsWith("http")) return link(unescape(part));
    if (/^[@#]/.test(part)) return el("span", { class: "mention" }, part);
    return link(`mailto:${part}`, part);
  });
}

function inline(text, names, verbatim) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    nodes.push(...plain(text.slice(at, found.index), verbatim), token(found, names, verbatim));
    at = found.index + found[0].length;
  }
  nodes.push(...plain(text.slice(at), verbatim));
  return nodes.filter((node) => node !== "");
}

function token([, pre, code, target, label, bold, italic, struck], names, verbatim) {
  if (pre !== undefined) return el("pre", {}, unescape(pre.replace(/^\n|\n$/g, "")));
  if (code !== undefined) return el("code", {}, unescape(code));
  if (target !== undefined) return control(target, label, names);
  if (bold !== undefined) return el("strong", {}, inline(bold, names, verbatim));
  if (italic !== undefined) return el("em", {}, inline(italic, names, verbatim));
  return el("s", {}, inline(struck, names, verbatim));
}

function control(target, label, names) {
  switch (target[0]) {
    case "@":
      return el("span", { class: "mention" }, `@${label || names.person(target.slice(1))}`);
    case "#":
      return el("span", { class: "mention" }, `#${label || names.channel(target.slice(1))}`);
    case "!":
      return target.startsWith("!date^")
        ? date(target, label)
        : el("span", { class: "mention" }, `@${target.slice(1)}`);
    default:
      return link(unescape(target), label === undefined ? undefined : unescape(label));
  }
}

export const link = (url, text) => el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, text ?? url);

const FORMATS = {
  time: { hour: "2-digit", minute: "2-digit" },
  time_secs: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  date: { day: "numeric", month: "long", year: "numeric" },
  date_num: { day: "2-digit", month: "2-digit", year: "numeric" },
  date_short: { day: "numeric", month: "short", year: "numeric" },
  date_long: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
};

export function moment(seconds, format = "time") {
  return new Intl.DateTimeFormat(undefined, FORMATS[format]).format(new Date(seconds * 1000));
}

/** `!date^1795460162^{time}^link`: in the reader's own time zone; the fallback for a format that is not known. */
function date(target, fallback) {
  const [, seconds, format = "{time}"] = target.split("^");
  const words = unescape(format).replace(/\{(\w+?)(_pretty)?\}/g, (whole, name) =>
    FORMATS[name] ? moment(Number(seconds), name) : whole,
  );
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime()) || words.includes("{")) return fallback ?? "";
  return el("time", { datetime: at.toISOString(), title: at.toLocaleString() }, words);
}

/** A `rich_text` block. */
export function richText(block, names) {
  return block.elements.map((part) => richPart(part, names));
}

function richPart(part, names) {
  const inside = (part.elements ?? []).map((one) =>
    one.elements ? el("li", {}, richPart(one, names)) : richInline(one, names),
  );
  switch (part.type) {
    case "rich_text_list":
      return el(part.style === "ordered" ? "ol" : "ul", {}, inside);
    case "rich_text_quote":
      return el("blockquote", {}, inside);
    case "rich_text_preformatted":
      return el("pre", {}, inside);
    default:
      return el("p", {}, inside);
  }
}

function richInline(one, names) {
  switch (one.type) {
    case "link":
      return styled(link(one.url, one.text), one.style);
    case "user":
      return el("span", { class: "mention" }, `@${names.person(one.user_id)}`);
    case "channel":
      return el("span", { class: "mention" }, `#${names.channel(one.channel_id)}`);
    case "broadcast":
      return el("span", { class: "mention" }, `@${one.range}`);
    case "emoji":
      return `:${one.name}:`;
    default:
      return styled(one.text ?? "", one.style);
  }
}

function styled(node, style = {}) {
  const tags = { bold: "strong", italic: "em", strike: "s", code: "code" };
  return Object.entries(tags).reduce((inner, [name, tag]) => (style[name] ? el(tag, {}, inner) : inner), node);
}

/** What a person would type to say this mrkdwn: for editing. */
export function asTyped(text, names) {
  const plain = text.replace(/<([^<>|\s][^<>|]*)(?:\|([^<>]*))?>/g, (_, target) =>
    target[0] === "@" ? `@${names.person(target.slice(1))}` : target,
  );
  return unescape(plain);
}
