import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseFlags } from '../src/flags.ts'
import { buildHelp } from '../src/help.ts'
import { acme } from '../src/operations/samples.ts'
import { UsageError } from '../src/program-error.ts'
import { createFaultyServer, FAULT_NAMES, parseFaults } from '../src/sandbox/faults.ts'
import { createSandbox } from '../src/sandbox/sandbox.ts'
import { createStore } from '../src/sandbox/store.ts'
import { type OpenSandbox, openSandbox, post } from './support/sandbox.ts'

const bolt = { name: 'Bolt', ingest_aliases: ['bolt'] }
const SLOW_MS = 20_000

afterEach(() => {
  vi.useRealTimers()
})

/** Creates a customer past the client; the key makes repeats of it. */
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
    ['lost-answer', 2],
    ['lost-answer:2', 3],
    ['reset', 2],
    ['unavailable', 3],
    ['unavailable:1', 2],
    ['gateway-timeout', 2],
    ['rate-limit', 2],
    ['reset,unavailable:1', 3],
    ['lost-answer, gateway-timeout', 3],
  ])('that meets "%s" is done once, and answered at attempt %i', async (faults, attempts) => {
    const sandbox = openSandbox(faults ? { faults } : {})
    const { body } = await sandbox.call('create-customer', bolt)
    expect(body).toEqual({ data: expect.objectContaining(bolt) })
    expect(sandbox.sent).toEqual(Array(attempts).fill('POST /v1/customers'))
    expect(new Set(sandbox.keys).size).toBe(1)
    expect(sandbox.store.effects).toEqual([{ tool: 'create-customer', idempotencyKey: sandbox.keys[0] }])
  })

  test.each([
    ['reset', 0],
    ['lost-answer', 1],
  ])('that meets "%s" loses its connection with %i effects', async (faults, effects) => {
    const sandbox = openSandbox({ faults })
    await expect(create(sandbox)).rejects.toEqual(connectionReset)
    expect(sandbox.store.effects).toHaveLength(effects)
  })

  test.each([
    ['unavailable', 503, 0],
    ['gateway-timeout', 504, 1],
    ['cached-500', 500, 0],
    ['server-error', 500, 1],
    ['rate-limit', 429, 0],
  ])('that meets "%s" is answered %i with %i effects', async (faults, status, effects) => {
    const sandbox = openSandbox({ faults })
    const response = await create(sandbox)
    expect([response.status, await response.json()]).toEqual([status, { message: expect.any(String) }])
    expect(response.headers.get('retry-after')).toBe(status === 429 ? '1' : null)
    expect(sandbox.store.effects).toHaveLength(effects)
  })

  test.each([
    ['cached-500', 0],
    ['server-error', 1],
  ])('gets the 500 of "%s" again under the same key', async (faults, effects) => {
    const sandbox = openSandbox({ faults })
    expect([(await create(sandbox)).status, (await create(sandbox)).status]).toEqual([500, 500])
    expect(sandbox.store.effects).toHaveLength(effects)
  })

  test.each(['lost-answer,cached-500', 'lost-answer,server-error'])(
    'keeps its first answer in "%s"',
    async (faults) => {
      const sandbox = openSandbox({ faults })
      await expect(create(sandbox)).rejects.toEqual(connectionReset)
      expect((await create(sandbox)).status).toBe(200)
    },
  )

  test('that is refused stays refused in "server-error"', async () => {
    const sandbox = openSandbox({ faults: 'server-error' })
    await expect(sandbox.call('create-customer', { name: 'x', ingest_aliases: ['acme-prod'] })).rejects.toThrow(
      'answered 409',
    )
  })

  test.each([
    ['hang', 0],
    ['hang-done', 1],
  ])('that meets "%s" has no answer until the caller leaves, and %i effects', async (faults, effects) => {
    const sandbox = openSandbox({ faults })
    const caller = new AbortController()
    const answer = create(sandbox, caller.signal)
    await expect(Promise.race([answer, nextTurn()])).resolves.toBe('no answer')
    caller.abort(new Error('left'))
    await expect(answer).rejects.toThrow('left')
    expect(sandbox.store.effects).toHaveLength(effects)
    expect((await create(sandbox)).status).toBe(200)
    expect(sandbox.store.effects).toHaveLength(1)
  })
})

test('a caller can leave however long it has waited', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void // what the flag puts there
  const caller = new AbortController()
  const answer = create(openSandbox({ faults: 'hang' }), caller.signal)
  await nextTurn()
  // What waits for the signal must not be lost meanwhile.
  collectGarbage()
  caller.abort(new Error('left'))
  await expect(Promise.race([answer, nextTurn()])).rejects.toThrow('left')
})

/** Long enough for every answer that waits for nothing. */
async function nextTurn(): Promise<string> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  return 'no answer'
}

describe('slow', () => {
  test('answers a repeat 409 while the first attempt is under way, which is done before the next one', async () => {
    const sandbox = openSandbox({ faults: 'slow' })
    const first = create(sandbox)
    expect((await create(sandbox)).status).toBe(409)
    expect(sandbox.store.effects).toEqual([])
    const third = await create(sandbox)
    expect([third.status, await third.json()]).toEqual([200, await (await first).json()])
    expect(sandbox.store.effects).toHaveLength(1)
  })

  test('is done in the end when nobody asks again, also for a caller that has left', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const sandbox = openSandbox({ faults: 'slow:3' })
    const caller = new AbortController()
    const first = create(sandbox, caller.signal)
    await nextTurn()
    caller.abort(new Error('left'))
    await expect(first).rejects.toThrow('left')
    expect([(await create(sandbox)).status, (await create(sandbox)).status]).toEqual([409, 409])
    expect([sandbox.store.effects.length, sandbox.store.underWay.size]).toEqual([0, 1])
    vi.advanceTimersByTime(SLOW_MS)
    expect([sandbox.store.effects.length, sandbox.store.underWay.size]).toEqual([1, 0])
  })
})

describe('latency', () => {
  test('answers a second late', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const sandbox = openSandbox({ faults: 'latency' })
    const answer = create(sandbox)
    await expect(Promise.race([answer, nextTurn()])).resolves.toBe('no answer')
    vi.advanceTimersByTime(1_000)
    expect((await answer).status).toBe(200)
  })

  test('does nothing for a caller that has left before', async () => {
    const sandbox = openSandbox({ faults: 'latency' })
    const caller = new AbortController()
    const answer = create(sandbox, caller.signal)
    await nextTurn()
    caller.abort(new Error('left'))
    await expect(answer).rejects.toThrow('left')
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
    ['lost-answer@reads', 2],
    ['rate-limit:2@reads,reset@writes', 3],
  ])('that meet "%s" need %i attempts, each call anew', async (faults, attempts) => {
    const sandbox = openSandbox({ faults })
    for (const call of [1, 2]) {
      await sandbox.call('get-customer', { customer_id: acme.id })
      expect(reads(sandbox)).toBe(call * attempts)
    }
  })

  test.each(['cached-500', 'server-error'])('have nothing that "%s" could keep', async (name) => {
    const sandbox = openSandbox({ faults: `${name}:1@reads` })
    await sandbox.call('get-customer', { customer_id: acme.id })
    expect(reads(sandbox)).toBe(2)
    expect(sandbox.store.answers.size).toBe(0)
  })
})

describe('random', () => {
  /** How the sandbox ends one attempt of each of a number of writes. */
  async function drawEndings(seed: number): Promise<string[]> {
    const serve = createFaultyServer(createStore(), parseFaults('random'), seed)
    const endings: string[] = []
    for (let call = 0; call < 60; call++) {
      const { path, query, body } = { path: '/v1/customers', query: new URLSearchParams(), body: '{"name":"Bolt"}' }
      const request = { method: 'POST', path, query, body, idempotencyKey: `key-${call}` }
      const answer = serve(request, undefined)
      const ending = answer.then(({ status }) => String(status)).catch(() => 'reset')
      endings.push(await Promise.race([ending, nextTurn()]))
    }
    return endings
  }

  test('draws the same with the same seed, and something else with another', async () => {
    const drawn = await drawEndings(7)
    expect(await drawEndings(7)).toEqual(drawn)
    expect(await drawEndings(8)).not.toEqual(drawn)
    expect(new Set(drawn)).toEqual(new Set(['200', 'reset', '429', '500', '503', '504', 'no answer']))
  })
})

describe('a specification that is wrong', () => {
  test.each([
    ['', 1],
    ['lost-answers', 1],
    ['reset,', 2],
    ['reset:0', 1],
    ['reset:100', 1],
    ['reset:x', 1],
    ['reset@lists', 1],
    ['reset,hang,constructor', 3],
  ])('"%s" names the place and every fault', (faults, place) => {
    const wrong = () => createSandbox({ faults })
    expect(wrong).toThrow(UsageError)
    expect(wrong).toThrow(
      `--sandbox-faults: fault ${place} is not NAME[:ATTEMPTS][@writes|@reads|@all] with 1 to 99 attempts; names: ${FAULT_NAMES.join(', ')}.`,
    )
  })
})

describe('the flags', () => {
  test('are read with --sandbox', () => {
    const argv = ['--sandbox', '--sandbox-faults', 'reset,random', '--sandbox-seed=7']
    expect(parseFlags(argv)).toMatchObject({ sandbox: true, sandboxFaults: 'reset,random', sandboxSeed: 7 })
  })

  test.each([
    [['--sandbox-faults', 'reset'], '--sandbox-faults works with --sandbox only'],
    [['--sandbox', '--sandbox-seed', '7'], '--sandbox-seed works with --sandbox-faults only'],
    [['--sandbox', '--sandbox-faults'], '--sandbox-faults needs a value'],
    [['--sandbox', '--sandbox-faults', 'random', '--sandbox-seed', 'x'], '--sandbox-seed must be a whole number'],
  ])('%j are wrong usage', (argv, message) => {
    expect(() => parseFlags(argv)).toThrow(UsageError)
    expect(() => parseFlags(argv)).toThrow(message)
  })

  test('are explained with every fault in --help and in docs/sandbox.md', () => {
    const page = readFileSync('docs/sandbox.md', 'utf8')
    for (const name of FAULT_NAMES) {
      expect(buildHelp({ name: 'x', version: '0' })).toMatch(new RegExp(`\\b${name}\\b`))
      expect(page).toMatch(new RegExp(`^\\| \`${name}\` +\\|`, 'm'))
    }
  })
})
