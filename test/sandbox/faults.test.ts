import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { acme } from '../../src/operations/examples.ts'
import { FAULT_NAMES, type FaultPlan, parseFaultSpec } from '../../src/sandbox/fault-spec.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { type OpenSandbox, openSandbox, parsePlan, post } from '../support/sandbox.ts'

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
    ['rate-limit-customer', 429, 0],
  ])('that meets "%s" gets %i with %i effects', async (faults, status, effects) => {
    const sandbox = openSandbox({ faults })
    const response = await create(sandbox)
    expect([response.status, await response.json()]).toEqual([status, { message: expect.any(String) }])
    expect(response.headers.get('retry-after')).toBe(status === 429 ? '1' : null)
    expect(sandbox.store.effects).toHaveLength(effects)
  })

  test.each([
    ['rate-limit', 'client'],
    ['rate-limit-customer', 'customer'],
  ])('that meets "%s" learns that the limit is that of the %s', async (faults, type) => {
    const { headers } = await create(openSandbox({ faults }))
    expect(headers.get('x-metronome-rate-limit-type')).toBe(type)
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

  test('returns 409 for a retry meanwhile, whatever fault hits it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const sandbox = openSandbox({ faults: 'slow-response,error-500,error-500-applied' })
    const first = create(sandbox)
    for (const retry of [1, 2, 3]) expect([retry, (await create(sandbox)).status]).toEqual([retry, 409])
    expect(sandbox.store.effects).toEqual([])
    vi.advanceTimersByTime(1_000)
    expect((await first).status).toBe(200)
    expect((await create(sandbox)).status).toBe(200)
    expect(sandbox.store.effects).toHaveLength(1)
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
    const { fetch, baseUrl } = createSandbox({ faults: parsePlan('random:1'), seed })
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

describe('single attempts', () => {
  /** The results of so many calls of one attempt each. */
  async function send(faults: string, calls: readonly ('write' | 'read')[], seed = 1): Promise<string[]> {
    const sandbox = openSandbox({ faults, seed })
    const results: string[] = []
    for (const [index, kind] of calls.entries()) {
      const init = kind === 'write' ? post({ name: 'Bolt' }, `key-${index}`) : {}
      const response = sandbox.send('/v1/customers', init)
      results.push(await response.then(({ status }) => String(status)).catch(() => 'reset'))
    }
    return results
  }

  test.each([
    ['reset:2nd', ['200', '200', 'reset', '200', '200']],
    ['reset:2nd@reads', ['200', '200', '200', 'reset', '200']],
    ['reset:2nd@all', ['200', 'reset', '200', '200', '200']],
    ['unavailable:1st@reads,reset:3rd,unavailable:1', ['503', '503', '503', '200', 'reset']],
  ])('of a number in "%s" are hit once in the run', async (faults, results) => {
    expect(await send(faults, ['write', 'read', 'write', 'read', 'write'])).toEqual(results)
  })

  test('are hit at a rate, the same ones with the same seed', async () => {
    const writes = Array<'write'>(2_000).fill('write')
    const results = await send('reset:5%,unavailable:10%', writes)
    const count = (result: string) => results.filter((each) => each === result).length
    expect(count('reset')).toBeGreaterThan(70)
    expect(count('reset')).toBeLessThan(130)
    expect(count('503')).toBeGreaterThan(150)
    expect(count('503')).toBeLessThan(250)
    expect(await send('reset:5%,unavailable:10%', writes)).toEqual(results)
    expect(await send('reset:5%,unavailable:10%', writes, 2)).not.toEqual(results)
    expect(new Set(await send('reset:100%', writes.slice(0, 50)))).toEqual(new Set(['reset']))
  })

  test('are counted from one again when the faults are replaced', async () => {
    const { fetch, baseUrl, injectFaults } = createSandbox({ faults: parsePlan('reset:1st@reads,unavailable@reads') })
    const list = () => fetch(`${baseUrl}/v1/customers`).then(({ status }) => status)
    for (const seed of [1, 2]) {
      await expect(list()).rejects.toEqual(connectionReset)
      expect([await list(), await list()]).toEqual([503, 200])
      injectFaults(parsePlan('reset:1st@reads,unavailable@reads'), seed)
    }
  })
})

describe('a specification', () => {
  test.each<[string, FaultPlan]>([
    ['reset', { writes: ['reset'], reads: [], single: [] }],
    [' ', { writes: [], reads: [], single: [] }],
    ['pending', { writes: ['pending', 'pending'], reads: [], single: [] }],
    ['random', { writes: ['random', 'random', 'random'], reads: [], single: [] }],
    ['reset:3', { writes: ['reset', 'reset', 'reset'], reads: [], single: [] }],
    ['hang@reads', { writes: [], reads: ['hang'], single: [] }],
    ['hang:2@all, reset@writes', { writes: ['hang', 'hang', 'reset'], reads: ['hang', 'hang'], single: [] }],
    [
      'reset:15th, hang:0.5%@all, reset:1, hang:1st@reads',
      {
        writes: ['reset'],
        reads: [],
        single: [
          { fault: 'reset', target: 'writes', hits: { kind: 'number', number: 15 } },
          { fault: 'hang', target: 'all', hits: { kind: 'rate', rate: 0.005 } },
          { fault: 'hang', target: 'reads', hits: { kind: 'number', number: 1 } },
        ],
      },
    ],
  ])('"%s" lists the faults of the attempts', (text, plan) => {
    expect(parseFaultSpec(text)).toEqual({ ok: true, plan })
  })

  test.each([
    ['lost-responses', 1],
    ['reset,', 2],
    ['reset:0', 1],
    ['reset:100', 1],
    ['reset:x', 1],
    ['reset:1.5', 1],
    ['reset:0%', 1],
    ['reset:101%', 1],
    ['reset:%', 1],
    ['reset:0th', 1],
    ['reset:2.5th', 1],
    ['reset@lists', 1],
    ['reset,hang,constructor', 3],
  ])('"%s" is rejected with the position and every name', (text, position) => {
    expect(parseFaultSpec(text)).toEqual({
      ok: false,
      message: `fault ${position} is invalid; expected NAME[:ATTEMPTS][@reads|@writes|@all], where ATTEMPTS is 1 to 99, a rate such as 5%, or a number such as 15th. Names: ${FAULT_NAMES.join(', ')}.`,
    })
  })
})

test('docs/sandbox.md describes every fault, with its number of attempts', () => {
  const rows = readFileSync('docs/sandbox.md', 'utf8').matchAll(/^\| `([a-z0-9-]+)` +\| (\d) +\|/gm)
  const plans = FAULT_NAMES.map((name) => [name, parsePlan(name).writes.length])
  expect(Array.from(rows, ([, name, attempts]) => [name, Number(attempts)])).toEqual(plans)
})
