/** Links to paste. Their ids exist in the sandbox's Datadog, which has titles for them. */

const APP = "https://app.datadoghq.com";

export const SAMPLES = [
  {
    name: "Monitor",
    link: `${APP}/monitors/17131362?group=host%3Aapi-3&from_ts=1795439598000&to_ts=1795440498000`,
    says: "the monitor that fired",
  },
  {
    name: "Error Tracking",
    link: `${APP}/error-tracking/issue/2841440d-0b1e-11f0-9a2c-da7ad0900005`,
    says: "the error behind it",
  },
  { name: "Incident", link: `${APP}/incidents/421`, says: "the incident that was declared" },
  { name: "Event", link: `${APP}/event/event?id=AZWu1M22tVLdQAAABhBWld1MU0y`, says: "the deployment, as an event" },
  {
    name: "Widget",
    link: `${APP}/dashboard/abc-def-ghi/api-overview?fullscreen_widget=21`,
    says: "one graph of a dashboard",
  },
  { name: "Pull request", link: "https://github.com/acme/api/pull/1742", says: "the change on GitHub" },
  {
    name: "Dashboard",
    link: `${APP}/dashboard/abc-def-ghi/api-overview`,
    says: "a whole dashboard is no insight: the bot stays silent",
    silent: true,
  },
  {
    name: "Look-alike",
    link: "https://app.datadoghq.com.evil.example/monitors/17131362",
    says: "not Datadog's host: the bot does not read it",
    silent: true,
  },
];
