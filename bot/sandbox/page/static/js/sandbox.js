/** Talks to the two control servers and to the stage, and listens to what happens. */

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
  constructor(stage) {
    this.stage = stage.stage;
    this.bot = stage.bot;
    this.urls = { slack: stage.slack, datadog: stage.datadog, stage: "" };
  }

  static async find() {
    return new Sandbox(await ask("GET", "/_sandbox/stage"));
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

  /** Everything there is; all that happened up to the number `event` is in it. */
  async all() {
    // Asked before the rest, so that nothing falls between: what is told twice changes nothing.
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

  /** Both servers tell one stream. The browser reconnects by itself and says where it stopped. */
  listen(after, kinds, { heard, lost, back }) {
    const stream = new EventSource(`${this.urls.slack}/_sandbox/events?after=${after}`);
    for (const kind of kinds)
      stream.addEventListener(kind, (event) => heard(kind, JSON.parse(event.data), Number(event.lastEventId)));
    stream.addEventListener("error", () => lost(stream));
    stream.addEventListener("open", back);
  }
}
