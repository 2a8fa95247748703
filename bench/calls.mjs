// The time of a call, and the processor time of a call with 32 in flight, compared with a bare McpServer.
import { interleave, median, pairedRatio, readCpu, row } from './stats.mjs'
import { openServer } from './stdio-client.mjs'

const CUSTOMER_ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const BLOCKS = 40
const SEQUENTIAL_CALLS = 100
/** Calls one after the other are optimized anew after thousands in parallel. */
const SEQUENTIAL_WARM_UP = 3_000
const CALLS_IN_FLIGHT = 32
const PARALLEL_CALLS = 3_000

const SERVERS = {
  ours: 'bin/metronome-customers-mcp.js',
  'json lines': 'bench/baselines/json-lines.mjs',
  McpServer: 'bench/baselines/mcp-server.mjs',
}

export async function measureCalls(node, env) {
  const servers = {}
  for (const [name, path] of Object.entries(SERVERS)) servers[name] = await openServer(node, [path], env)
  const call = ({ callTool }) => callTool('get-customer', { customer_id: CUSTOMER_ID })
  const direct = async () => (await fetch(`${env.METRONOME_BASE_URL}/v1/customers/${CUSTOMER_ID}`)).json()

  // Thousands of calls, so that optimized code is measured.
  await interleave(
    1,
    mapValues(servers, (server) => () => measureCpu(server, call)),
  )
  const cpu = await interleave(
    5,
    mapValues(servers, (server) => () => measureCpu(server, call)),
  )

  const asked = { direct, ...mapValues(servers, (server) => () => call(server)) }
  for (const ask of Object.values(asked)) await timeCalls(ask, SEQUENTIAL_WARM_UP)
  const times = await interleave(
    BLOCKS,
    mapValues(asked, (ask) => () => timeCalls(ask)),
  )

  for (const server of Object.values(servers)) await server.close()

  const microseconds = (name) => `${name} ${(median(times[name]) * 1000).toFixed(0)} µs`
  const spent = (name) => `${name} ${median(cpu[name]).toFixed(2)} ms`
  return [
    row(
      'get-customer, p50',
      microseconds('ours'),
      `${microseconds('McpServer')}, ${microseconds('json lines')}, ${microseconds('direct')}`,
      pairedRatio(times.ours, times.McpServer),
      1.0,
      0.9,
    ),
    row(
      `CPU per call, ${CALLS_IN_FLIGHT} in flight`,
      spent('ours'),
      `${spent('McpServer')}, ${spent('json lines')}`,
      pairedRatio(cpu.ours, cpu.McpServer),
      1.0,
      0.9,
    ),
  ]
}

/** Median milliseconds of calls one after the other. */
async function timeCalls(ask, calls = SEQUENTIAL_CALLS) {
  const times = []
  for (let count = 0; count < calls; count++) {
    const sentAt = performance.now()
    await ask()
    times.push(performance.now() - sentAt)
  }
  return median(times)
}

/** Milliseconds of processor time a call. */
async function measureCpu(server, call) {
  const before = readCpu(server.pid)
  let left = PARALLEL_CALLS
  const caller = async () => {
    while (left-- > 0) {
      const { structuredContent } = await call(server)
      if (!structuredContent) throw new Error('a call failed')
    }
  }
  await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, caller))
  return (readCpu(server.pid) - before) / PARALLEL_CALLS
}

function mapValues(object, map) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]))
}
