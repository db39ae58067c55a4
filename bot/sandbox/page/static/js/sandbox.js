/** Calls the control routes of both servers and of the page's own server, and listens to their events. */

export class Refused extends Error {}

async function ask(method, url, body) {
  const options =
    body === undefined
      ? { method }
      : { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const response = await fetch(url, options);
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer.error ?? `The sandbox answered ${response.status}.`);
  return answer;
}

export class Sandbox {
  constructor(servers) {
    this.id = servers.sandbox;
    this.bot = servers.bot;
    this.urls = { slack: servers.slack, datadog: servers.datadog, page: "" };
  }

  static async find() {
    return new Sandbox(await ask("GET", "/_sandbox/servers"));
  }

  read(server, path) {
    return ask("GET", `${this.urls[server]}/_sandbox/${path}`);
  }

  tell(server, verb, body = {}) {
    return ask("POST", `${this.urls[server]}/_sandbox/${verb}`, body);
  }

  dropRule(rule) {
    return ask("DELETE", `${this.urls.slack}/_sandbox/rules?rule=${rule}`);
  }

  /** The whole state; it includes every event up to the number `event`. */
  async all() {
    // Read before the rest, so that no event is missed: getting one twice changes nothing.
    const { event } = await this.read("slack", "rules");
    const [state, cases, calls, rules, switches] = await Promise.all([
      this.read("slack", "state"),
      this.read("datadog", "cases"),
      this.read("slack", "calls"),
      this.read("slack", "rules"),
      this.tell("datadog", "datadog"),
    ]);
    return { state, cases: cases.cases, calls: calls.calls, rules: rules.rules, switches, event };
  }

  /** Both servers share one stream. The browser reconnects by itself and says where it stopped. */
  listen(after, kinds, { heard, lost, back }) {
    const stream = new EventSource(`${this.urls.slack}/_sandbox/events?after=${after}`);
    for (const kind of kinds)
      stream.addEventListener(kind, (event) => heard(kind, JSON.parse(event.data), Number(event.lastEventId)));
    stream.addEventListener("error", () => lost(stream));
    stream.addEventListener("open", back);
  }
}
