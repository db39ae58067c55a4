/** Links to paste. The ids of the first ones exist in the sandbox's Datadog, which has titles for them. */

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
    name: "Security signal",
    link: `${APP}/security?event=AwAAAZWu1M22tVLd-QAAABhBWld1MU0yMkFBRG83eHgtZkdDTU5nQUEAAAAkMDE5NWFlZGY&product=siem`,
    says: "failed logins",
  },
  {
    name: "Security finding",
    link: `${APP}/security/compliance?query=%40finding_id%3AeWswLWJsdC1hZm5-aS0wMjRlYTgwMzVkZTU1MGIwYQ%3D%3D`,
    says: "an open bucket",
  },
  {
    name: "Watchdog story",
    link: `${APP}/watchdog/story/d6383889b13eae599cdfe7632cf40163`,
    says: "what Watchdog noticed",
  },
  {
    name: "Event correlation",
    link: `${APP}/event/correlation/1f0c2a9e-77aa`,
    says: "asks whether the id is right",
  },
  { name: "Cost recommendation", link: `${APP}/cost/recommendations/rec-42`, says: "asks whether the id is right" },
  { name: "APM recommendation", link: `${APP}/apm/recommendations?env=prod`, says: "asks for its id in the form" },
  {
    name: "Sensitive data",
    link: `${APP}/sensitive-data-scanner/storage?issueId=sds-7`,
    says: "asks whether the id is right",
  },
  {
    name: "Scorecard campaign",
    link: `${APP}/software/scorecards/campaigns/q3-2025`,
    says: "asks whether the id is right",
  },
  {
    name: "Resource policy",
    link: `${APP}/infrastructure/catalog/governance?policyId=pol-9`,
    says: "asks whether the id is right",
  },
  {
    name: "Profiling experiment",
    link: `${APP}/profiling/experiments/exp-12`,
    says: "asks whether the id is right",
  },
  {
    name: "Dashboard",
    link: `${APP}/dashboard/abc-def-ghi/api-overview`,
    says: "no insight: a link in the case's comment, un-ticked where it is alone",
  },
  {
    name: "Look-alike",
    link: "https://app.datadoghq.com.evil.example/monitors/17131362",
    says: "not Datadog's host: the bot does not read it",
  },
];
