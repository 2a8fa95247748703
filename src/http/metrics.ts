import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Route } from './route.ts'

/** Seconds; a read takes some tens of milliseconds, a write that is repeated and read back up to a minute. */
const LATENCY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export interface Metrics {
  observeCall(call: { tool: string; outcome: string; seconds: number }): void
  countRepeat(): void
  /** A request that a check of the guard has refused. */
  countRefusal(check: string, status: number): void
  readonly route: Route
}

export interface Gauges {
  readonly callsInFlight: () => number
  readonly callsWaiting: () => number
}

/** Counts for Prometheus. */
export function createMetrics({ callsInFlight, callsWaiting }: Gauges): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const calls = new Counter({
    name: 'metronome_calls_total',
    help: 'Calls of operations, by how they ended.',
    labelNames: ['tool', 'outcome'],
    registers,
  })
  const duration = new Histogram({
    name: 'metronome_call_duration_seconds',
    help: 'Time from the start of a call to its end, waiting and repeats included.',
    labelNames: ['tool'],
    buckets: LATENCY_BUCKETS,
    registers,
  })
  const repeats = new Counter({
    name: 'metronome_upstream_retries_total',
    help: 'Requests to Metronome that were sent once more.',
    registers,
  })
  const refusals = new Counter({
    name: 'metronome_http_refused_total',
    help: 'Requests that were not let in, by the check that refused them; rate, queue and size are limits.',
    labelNames: ['check', 'status'],
    registers,
  })
  gauge('metronome_calls_in_flight', 'Calls under way at Metronome.', callsInFlight)
  gauge('metronome_calls_waiting', 'Calls that wait for their turn.', callsWaiting)

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }

  async function GET(): Promise<Response> {
    return new Response(await registry.metrics(), { headers: { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE } })
  }

  return {
    observeCall({ tool, outcome, seconds }) {
      calls.inc({ tool, outcome })
      duration.observe({ tool }, seconds)
    },
    countRepeat: () => repeats.inc(),
    countRefusal: (check, status) => refusals.inc({ check, status }),
    route: { handlers: { GET } },
  }
}
