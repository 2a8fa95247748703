import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { FinishedCall } from '../calls/call.ts'
import { VERSION } from '../version.ts'

/** Seconds; a read takes tens of milliseconds, a write with retries and verification up to a minute. */
const LATENCY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export interface Metrics {
  onFinished(call: FinishedCall): void
  onRetry(): void
  /** A request that a check of the HTTP guard rejected. */
  onRejected(check: string, status: number): void
  /** The response to a scrape. */
  respond(): Promise<Response>
}

/** What is read when the metrics are. */
export interface Gauges {
  readonly inFlight: () => number
  readonly waiting: () => number
}

/** Metrics in the Prometheus format: of the calls, and of the process under the usual names. */
export function createMetrics({ inFlight, waiting }: Gauges): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const build = new Gauge({
    name: 'metronome_build_info',
    help: 'Version of this server.',
    labelNames: ['version'],
    registers,
  })
  build.set({ version: VERSION }, 1)
  const calls = new Counter({
    name: 'metronome_calls_total',
    help: 'Tool calls by result: success or the error code.',
    labelNames: ['tool', 'result'],
    registers,
  })
  const duration = new Histogram({
    name: 'metronome_call_duration_seconds',
    help: 'Duration of tool calls, queueing and retries included.',
    labelNames: ['tool'],
    buckets: LATENCY_BUCKETS,
    registers,
  })
  const retries = new Counter({
    name: 'metronome_upstream_retries_total',
    help: 'Retried requests to Metronome.',
    registers,
  })
  const rejections = new Counter({
    name: 'metronome_http_rejected_total',
    help: 'HTTP requests rejected before routing, by check.',
    labelNames: ['check', 'status'],
    registers,
  })

  function addGauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }

  addGauge('metronome_requests_in_flight', 'Requests to Metronome currently in flight.', inFlight)
  addGauge('metronome_requests_waiting', 'Requests to Metronome waiting for a free slot.', waiting)

  return {
    onFinished({ tool, result, seconds }) {
      calls.inc({ tool, result })
      duration.observe({ tool }, seconds)
    },
    onRetry: () => retries.inc(),
    onRejected: (check, status) => rejections.inc({ check, status }),
    async respond() {
      return new Response(await registry.metrics(), { headers: { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE } })
    },
  }
}
