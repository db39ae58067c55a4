/** The page: finds the sandbox, draws what there is, and keeps up with what happens. */

import { Calls } from "./calls.js";
import { CasePane } from "./case.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Desk } from "./desk.js";
import { byId } from "./dom.js";
import { Guide } from "./guide.js";
import { watchMenus } from "./menus.js";
import { Place } from "./place.js";
import { Sandbox } from "./sandbox.js";
import { Sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { Trouble } from "./trouble.js";
import { Views } from "./views.js";

const KINDS = [
  "message",
  "message_deleted",
  "private",
  "case",
  "call",
  "rules",
  "datadog",
  "socket",
  "view",
  "home",
  "bot",
  "people",
  "reset",
];
const LOOK_AGAIN_MS = 1500;

const sandbox = await Sandbox.find();
const store = new Store();
const place = new Place(store);
const desk = new Desk(sandbox, store, place);
desk.conversation = new Conversation(store, desk, place);
desk.casePane = new CasePane(store, place);
new Sidebar(store, place);
new Composer(store, place, desk);
new Calls(store);
new Trouble(store, desk);
new Guide(store);
new Views(store, place, desk);
store.watch(["bot"], drawBot);
store.watch(["messages"], () => place.settle());
watchTabs();
watchLinks();
watchMenus();
byId("start-over").addEventListener("click", () => desk.startOver());

let lastHeard = 0;
let saying = Promise.resolve();
const first = await loadAll();
sandbox.listen(first, KINDS, { heard, lost, back });
// Another window may have changed what has no event.
window.addEventListener("focus", () => loadAll());

/** Events that came meanwhile are newer than the answer: then read it again. */
async function loadAll() {
  let all, servers;
  do {
    [all, servers] = await Promise.all([sandbox.all(), Sandbox.find()]);
  } while (all.event < lastHeard);
  store.load(all, servers.bot);
  place.settle();
  return all.event;
}

function heard(kind, data, number) {
  lastHeard = number;
  const sees = () => !data.channel || store.sees(data.channel, place.person);
  let words = "";
  if (kind === "reset" || kind === "people") loadAll();
  // Direct messages are opened by the first of them.
  else if (kind === "message" && !store.channels.has(data.channel))
    words = loadAll().then(() => sees() && store.spoken(data.message));
  else words = store.hear(kind, data);
  saying = saying.then(() => words).then((said) => sees() && announce(said));
}

function announce(words) {
  if (words) byId("announce").append(Object.assign(document.createElement("p"), { textContent: words }));
  while (byId("announce").childElementCount > 5) byId("announce").firstElementChild.remove();
}

/** The sandbox stopped, or started again on other ports: then this page is reloaded. */
async function lost(stream) {
  byId("lost").hidden = false;
  byId("lost").textContent = "The sandbox does not answer. If it has stopped, start it again: case-insights sandbox";
  try {
    const now = await Sandbox.find();
    if (now.id !== sandbox.id) location.reload();
  } catch {
    setTimeout(() => byId("lost").hidden || lost(stream), LOOK_AGAIN_MS);
  }
}

function back() {
  byId("lost").hidden = true;
}

function drawBot() {
  const connected = store.bot.state === "running" && store.connections > 0;
  const words = {
    running: connected ? "Bot connected" : "Bot reconnecting",
    starting: "Bot starting",
    stopped: "Bot stopped",
  };
  byId("bot-pill").textContent = words[store.bot.state];
  byId("bot-pill").dataset.state = connected ? "good" : store.bot.state === "stopped" ? "bad" : "wait";
}

function watchTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const choose = (tab) => {
    document.body.dataset.pane = tab.getAttribute("aria-controls");
    for (const one of tabs) {
      one.setAttribute("aria-selected", String(one === tab));
      one.tabIndex = one === tab ? 0 : -1;
    }
    byId(document.body.dataset.pane).scrollIntoView({ block: "start" }); // under the tabs, where the page scrolls
  };
  tabs.forEach((tab, number) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const other = tabs[(number + 1) % tabs.length];
      choose(other);
      other.focus();
    });
  });
  choose(tabs[0]);
}

/** Links lead nowhere outside: to the case beside, to a message here, or to a word about where they would lead. */
function watchLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[target=_blank]");
    if (link) {
      event.preventDefault();
      desk.follow(link.href);
    }
  });
}
