/** An endpoint's figures since its creation, as OpenMetrics text in the documented names. */
import * as Telemetry from "./telemetry.ts"

const quantiles = [0.5, 0.9, 0.95, 0.99]

/** Writes the text. */
export const write = (
  telemetry: Telemetry.Telemetry,
  replicas: ReadonlyArray<{ readonly id: string; readonly usage: number }>
): string => {
  const { answers, latency } = telemetry
  return [
    "# HELP latency_distribution Time from request to answer in milliseconds",
    "# TYPE latency_distribution summary",
    ...quantiles.flatMap((share) => {
      const value = Telemetry.quantile(latency.histogram, share)
      return value === null ? [] : [`latency_distribution{quantile="${share}"} ${value}`]
    }),
    `latency_distribution_sum ${Math.round(latency.sum * 1000) / 1000}`,
    `latency_distribution_count ${latency.count}`,
    "# HELP http_requests Answers by replica and status",
    "# TYPE http_requests gauge",
    ...[...answers.values()].map(
      ({ count, replica, status }) =>
        `http_requests{replica_id="${replica}",status_code="${status}"} ${count}`
    ),
    "# HELP cpu_usage_percent Processor time of a replica in percent",
    "# TYPE cpu_usage_percent gauge",
    ...replicas.map(
      ({ id, usage }) => `cpu_usage_percent{replica_id="${id}"} ${Math.round(usage * 100) / 100}`
    ),
    "# EOF",
    ""
  ].join("\n")
}
