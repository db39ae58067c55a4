/** Makes elements. Text is always text: nothing from outside is ever read as HTML. */

const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "open", "hidden"]);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (PROPERTIES.has(name)) {
      node[name] = value;
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name, more = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${more}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

/**
 * Brings a list's elements in line with `items`: an element is made anew only when its item's `signature` changed,
 * so that animations run once, and focus and open details stay. Each item: {key, signature, make}.
 */
export function reconcile(parent, items) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && { key: focused.closest("[data-key]")?.dataset.key, part: focused.dataset.focus };
  const wanted = new Set(items.map((item) => item.key));
  const there = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  for (const [key, node] of there) if (!wanted.has(key)) node.remove();
  let next = parent.firstElementChild;
  for (const { key, signature, make } of items) {
    const old = there.get(key);
    if (old?.dataset.signature === signature) {
      if (old === next) next = next.nextElementSibling;
      else parent.insertBefore(old, next);
      continue;
    }
    const made = make(old);
    made.dataset.key = key;
    made.dataset.signature = signature;
    parent.insertBefore(made, next);
    if (old === next) next = next?.nextElementSibling ?? null;
    old?.remove();
  }
  if (place && !parent.contains(document.activeElement)) refocus(parent, place);
}

/** Remembers what has the focus; the function returned gives it back, also to what was drawn anew meanwhile. */
export function focusNow() {
  const node = document.activeElement;
  const item = node.closest("[data-key]");
  const place = item && { parent: item.parentElement, key: item.dataset.key, part: node.dataset.focus };
  return () => (node.isConnected || !place ? node.focus() : refocus(place.parent, place));
}

export function onEscape(node, close) {
  node.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && close());
}

function refocus(parent, { key, part }) {
  const item = [...parent.children].find((node) => node.dataset.key === key);
  const same = item && [...item.querySelectorAll("[data-focus]")].find((node) => node.dataset.focus === part);
  (same ?? item ?? parent).focus({ preventScroll: true });
}
