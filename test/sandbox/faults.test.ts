import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { acme } from '../../src/operations/examples.ts'
import { FAULT_NAMES, type FaultPlan, parseFaultSpec } from '../../src/sandbox/fault-spec.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { type OpenSandbox, openSandbox, post } from '../support/sandbox.ts'

const bolt = { name: 'Bolt', ingest_aliases: ['bolt'] }
const PENDING_MS = 20_000

afterEach(() => {
  vi.useRealTimers()
})

/** Creates a customer without the client; the key makes further calls retries. */
function create(sandbox: OpenSandbox, signal: AbortSignal | null = null): Promise<Response> {
  return sandbox.send('/v1/customers', { ...post(bolt, 'key-1'), signal })
}

const connectionReset = expect.objectContaining({
  name: 'TypeError',
  message: 'fetch failed',
  cause: expect.objectContaining({ code: 'ECONNRESET' }),
})

describe('a write', () => {
  test.each([
    ['', 1],
    ['lost-response', 2],
    ['lost-response:2', 3],
    ['reset', 2],
    ['unavailable', 3],
    ['unavailable:1', 2],
    ['gateway-timeout', 2],
    ['rate-limit', 2],
    ['reset,unavailable:1', 3],
    ['lost-response, gateway-timeout', 3],
  ])('that meets "%s" is applied once and succeeds at attempt %i', async (faults, attempts) => {
    const sandbox = openSandbox(faults ? { faults } : {})
    const { body } = await sandbox.call('create-customer', bolt)
    expect(body).toEqual({ data: expect.objectContaining(bolt) })
    expect(sandbox.sent).toEqual(Array(attempts).fill('POST /v1/customers'))
    expect(new Set(sandbox.keys).size).toBe(1)
    expect(sandbox.store.effects).toEqual([{ tool: 'create-customer', idempotencyKey: sandbox.keys[0] }])
  })

  test.each([
    ['reset', 0],
    ['lost-response', 1],
  ])('that meets "%s" loses its connection with %i effects', async (faults, effects) => {
    const sandbox = openSandbox({ faults })
    await expect(create(sandbox)).rejects.toEqual(connectionReset)
    expect(sandbox.store.effects).toHaveLength(effects)
  })

  test.each([
    ['unavailable', 503, 0],
    ['gateway-timeout', 504, 1],
    ['error-500', 500, 0],
    ['error-500-applied', 500, 1],
    ['rate-limit', 429, 0],
  ])('that meets "%s" gets %i with %i effects', async (faults, status, effects) => {
    const sandbox = openSandbox({ faults })
    const response = await create(sandbox)
    expect([response.status, await response.json()]).toEqual([status, { message: expect.any(String) }])
    expect(response.headers.get('retry-after')).toBe(status === 429 ? '1' : null)
    expect(sandbox.store.effects).toHaveLength(effects)
  })

  test.each([
    ['error-500', 0],
    ['error-500-applied', 1],
  ])('gets the 500 of "%s" again under the same key', async (faults, effects) => {
    const sandbox = openSandbox({ faults })
    expect([(await create(sandbox)).status, (await create(sandbox)).status]).toEqual([500, 500])
    expect(sandbox.store.effects).toHaveLength(effects)
  })

  test.each(['lost-response,error-500', 'lost-response,error-500-applied'])(
    'keeps its first response in "%s"',
    async (faults) => {
      const sandbox = openSandbox({ faults })
      await expect(create(sandbox)).rejects.toEqual(connectionReset)
      expect((await create(sandbox)).status).toBe(200)
    },
  )

  test('that is rejected stays rejected in "error-500-applied"', async () => {
    const sandbox = openSandbox({ faults: 'error-500-applied' })
    await expect(sandbox.call('create-customer', { name: 'x', ingest_aliases: ['acme-prod'] })).rejects.toThrow(
      'responded 409',
    )
  })

  test.each([
    ['hang', 0],
    ['hang-applied', 1],
  ])('that meets "%s" gets no response until the client disconnects, with %i effects', async (faults, effects) => {
    const sandbox = openSandbox({ faults })
    const client = new AbortController()
    const response = create(sandbox, client.signal)
    await expect(Promise.race([response, nextTurn()])).resolves.toBe('no response')
    client.abort(new Error('disconnected'))
    await expect(response).rejects.toThrow('disconnected')
    expect(sandbox.store.effects).toHaveLength(effects)
    expect((await create(sandbox)).status).toBe(200)
    expect(sandbox.store.effects).toHaveLength(1)
  })
})

test('a client can disconnect after any time', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void // the flag defines it
  const client = new AbortController()
  const response = create(openSandbox({ faults: 'hang' }), client.signal)
  await nextTurn()
  // The listener on the signal must survive.
  collectGarbage()
  client.abort(new Error('disconnected'))
  await expect(Promise.race([response, nextTurn()])).rejects.toThrow('disconnected')
})

/** Resolves after every response that waits for no timer. */
async function nextTurn(): Promise<string> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  return 'no response'
}

describe('pending', () => {
  test('returns 409 for a retry while the first attempt is in flight, and applies it before the next one', async () => {
    const sandbox = openSandbox({ faults: 'pending' })
    const first = create(sandbox)
    expect((await create(sandbox)).status).toBe(409)
    expect(sandbox.store.effects).toEqual([])
    const third = await create(sandbox)
    expect([third.status, await third.json()]).toEqual([200, await (await first).json()])
    expect(sandbox.store.effects).toHaveLength(1)
  })

  test('is applied without a further retry, even after the client has disconnected', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const sandbox = openSandbox({ faults: 'pending:3' })
    const client = new AbortController()
    const first = create(sandbox, client.signal)
    await nextTurn()
    client.abort(new Error('disconnected'))
    await expect(first).rejects.toThrow('disconnected')
    expect([(await create(sandbox)).status, (await create(sandbox)).status]).toEqual([409, 409])
    expect([sandbox.store.effects.length, sandbox.store.pending.size]).toEqual([0, 1])
    vi.advanceTimersByTime(PENDING_MS)
    expect([sandbox.store.effects.length, sandbox.store.pending.size]).toEqual([1, 0])
  })
})

describe('slow-response', () => {
  test('delays the response by a second', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const sandbox = openSandbox({ faults: 'slow-response' })
    const response = create(sandbox)
    await expect(Promise.race([response, nextTurn()])).resolves.toBe('no response')
    vi.advanceTimersByTime(1_000)
    expect((await response).status).toBe(200)
  })

  test('applies nothing after the client has disconnected', async () => {
    const sandbox = openSandbox({ faults: 'slow-response' })
    const client = new AbortController()
    const response = create(sandbox, client.signal)
    await nextTurn()
    client.abort(new Error('disconnected'))
    await expect(response).rejects.toThrow('disconnected')
    expect(sandbox.store.effects).toEqual([])
  })
})

describe('reads', () => {
  const reads = (sandbox: OpenSandbox) => sandbox.sent.filter((line) => line.startsWith('GET')).length

  test.each([
    ['unavailable', 1],
    ['unavailable@writes', 1],
    ['unavailable@reads', 3],
    ['unavailable@all', 3],
    ['lost-response@reads', 2],
    ['rate-limit:2@reads,reset@writes', 3],
  ])('that meet "%s" need %i attempts in each call', async (faults, attempts) => {
    const sandbox = openSandbox({ faults })
    for (const call of [1, 2]) {
      await sandbox.call('get-customer', { customer_id: acme.id })
      expect(reads(sandbox)).toBe(call * attempts)
    }
  })

  test.each(['error-500', 'error-500-applied'])('store no response of "%s"', async (name) => {
    const sandbox = openSandbox({ faults: `${name}:1@reads` })
    await sandbox.call('get-customer', { customer_id: acme.id })
    expect(reads(sandbox)).toBe(2)
    expect(sandbox.store.responses.size).toBe(0)
  })
})

describe('random', () => {
  /** The results of the first attempt of a number of writes. */
  async function drawResults(seed: number): Promise<string[]> {
    const { fetch, baseUrl } = createSandbox({ faults: { writes: ['random'], reads: [] }, seed })
    const results: string[] = []
    for (let call = 0; call < 60; call++) {
      const response = fetch(`${baseUrl}/v1/customers`, post({ name: 'Bolt' }, `key-${call}`))
      const result = response.then(({ status }) => String(status)).catch(() => 'reset')
      results.push(await Promise.race([result, nextTurn()]))
    }
    return results
  }

  test('draws the same faults with the same seed, and others with another', async () => {
    const drawn = await drawResults(7)
    expect(await drawResults(7)).toEqual(drawn)
    expect(await drawResults(8)).not.toEqual(drawn)
    expect(new Set(drawn)).toEqual(new Set(['200', 'reset', '403', '429', '500', '503', '504', 'no response']))
  })
})

describe('a specification', () => {
  test.each<[string, FaultPlan]>([
    ['reset', { writes: ['reset'], reads: [] }],
    ['pending', { writes: ['pending', 'pending'], reads: [] }],
    ['random', { writes: ['random', 'random', 'random'], reads: [] }],
    ['reset:3', { writes: ['reset', 'reset', 'reset'], reads: [] }],
    ['hang@reads', { writes: [], reads: ['hang'] }],
    ['hang:2@all, reset@writes', { writes: ['hang', 'hang', 'reset'], reads: ['hang', 'hang'] }],
  ])('"%s" lists the faults of the attempts', (text, plan) => {
    expect(parseFaultSpec(text)).toEqual({ ok: true, plan })
  })

  test.each([
    ['', 1],
    ['lost-responses', 1],
    ['reset,', 2],
    ['reset:0', 1],
    ['reset:100', 1],
    ['reset:x', 1],
    ['reset@lists', 1],
    ['reset,hang,constructor', 3],
  ])('"%s" is rejected with the position and every name', (text, position) => {
    expect(parseFaultSpec(text)).toEqual({
      ok: false,
      message: `fault ${position} is invalid; expected NAME[:ATTEMPTS][@reads|@writes|@all] with 1 to 99 attempts. Names: ${FAULT_NAMES.join(', ')}.`,
    })
  })
})

test('docs/sandbox.md describes every fault', () => {
  const page = readFileSync('docs/sandbox.md', 'utf8')
  for (const name of FAULT_NAMES) expect(page).toMatch(new RegExp(`^\\| \`${name}\` +\\|`, 'm'))
})
