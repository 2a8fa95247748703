import { expect, test } from 'vitest'
import {
  type BulkMetronome,
  ndjson,
  openWorkplace,
  type Reply,
  startMetronome,
  storeServerError,
  type Workplace,
  type Write,
} from '../support/bulk.ts'

const { CALL_SEED = '20261129', CALL_KILLS = '25' } = process.env
const seed = CALL_SEED === 'random' ? Math.floor(Math.random() * 1e9) : Number(CALL_SEED)

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
function createRandom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A Metronome with all faults, until they end. */
async function startFaulty(random: () => number) {
  let isFaulty = true
  const running: (() => void)[] = []
  const metronome = await startMetronome((write): Reply => {
    // Requests that ran on end one by one.
    if (running.length > 0 && random() < 0.5) running.shift()?.()
    const fault = isFaulty ? Math.floor(random() * 24) : -1
    if (fault === 0 || fault === 1) return loseResponse(write)
    if (fault === 2) return 'cut'
    if (fault === 3) return 'hang'
    if (fault === 4 || fault > 20) return { status: 401, body: { message: 'Unauthorized' } }
    if (fault === 5) return { status: 429, body: { message: 'Too many requests' }, headers: { 'retry-after': '0' } }
    if (fault === 6) return { status: 503, body: { message: 'Unavailable' } }
    if (fault === 7) return random() < 0.3 ? storeServerError(metronome.store, write) : write.apply()
    if (fault === 8) return leaveRunning(write)
    return write.apply()
  })
  function loseResponse(write: Write): Reply {
    write.apply()
    return random() < 0.2 ? 'hang' : 'cut'
  }
  function leaveRunning({ key, apply }: Write): Reply {
    const { pending, responses } = metronome.store
    if (pending.has(key) || responses.has(key)) return apply()
    pending.set(key, () => {})
    running.push(() => {
      pending.delete(key)
      apply()
    })
    return 'cut'
  }
  return {
    metronome,
    recover() {
      isFaulty = false
      for (const end of running.splice(0)) end()
    },
  }
}

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** Several rows for most customers, and none that changes nothing. */
const INPUTS: Readonly<Record<string, (row: number) => object>> = {
  'create-customer': (row) => ({ name: `New ${row}`, ingest_aliases: [`new-${row}`] }),
  'set-billing-provider-configurations-customer': (row) => ({
    data: [
      {
        customer_id: id(Math.floor(row / 3)),
        billing_provider: 'stripe',
        delivery_method: 'direct_to_billing_provider',
        configuration: { stripe_customer_id: `cus_${row}`, stripe_collection_method: 'send_invoice' },
      },
    ],
  }),
  'update-customer-name': (row) => ({ customer_id: id(Math.floor(row / 3)), name: `Renamed ${row}` }),
}
const ROWS = [200, 150, 150]

function addCustomers({ store }: BulkMetronome): void {
  const [template] = store.customers.values()
  if (!template) throw new Error('the sandbox has customers')
  for (let number = 0; number < 70; number += 1)
    store.customers.set(id(number), { ...template, id: id(number), ingest_aliases: [`old-${number}`] })
}

/** The keys of each row, as the journal has them. */
function readKeys(workplace: Workplace): Map<string, number> {
  const keys = new Map<string, number>()
  for (const line of workplace.read('in.ndjson.journal').trim().split('\n')) {
    const { type, row, key } = JSON.parse(line)
    if (type !== 'begin') continue
    expect(keys.get(key) ?? row, 'no key is used for two rows').toBe(row)
    keys.set(key, row)
  }
  return keys
}

test.each(Object.keys(INPUTS).map((tool, index) => [tool, index] as const))(
  `%s: after kills and faults, every row has one effect or is reported truthfully (CALL_SEED=${seed})`,
  async (tool, index) => {
    const random = createRandom(seed + index)
    const { metronome, recover } = await startFaulty(random)
    addCustomers(metronome)
    const build = INPUTS[tool]
    if (!build) throw new Error(tool)
    const rows = Array.from({ length: ROWS[index] ?? 0 }, (_, number) => build(number + 1))
    const workplace = openWorkplace(
      metronome.baseUrl,
      { 'in.ndjson': ndjson(...rows) },
      { METRONOME_TIMEOUT_MS: '1000' },
    )
    const command = [tool, '--input', 'in.ndjson', '--concurrency', '6', '--max-failures', '0']

    const kills = Math.ceil(Number(CALL_KILLS) / 3)
    for (let kill = 0; kill < kills; kill += 1) {
      const program = workplace.start(...command)
      const target = metronome.writes.length + Math.floor(random() * 30)
      const ended = program.ended.then(() => true)
      while (metronome.writes.length < target && !(await Promise.race([ended, immediate()])));
      await immediate()
      program.child.kill('SIGKILL')
      await program.ended
    }
    recover()
    let end = await workplace.call(...command)
    for (let run = 0; run < 5 && / [1-9]\d* (failed|not started)/.test(end.stderr); run += 1)
      end = await workplace.call(...command)

    const keys = readKeys(workplace)
    const effects = metronome.store.effects.map(({ idempotencyKey = '' }) => keys.get(idempotencyKey) ?? 0)
    const counts = { applied: 0, not_applied: 0, unknown: 0 }
    for (const { row, outcome } of end.lines) {
      const count = effects.filter((each) => each === row).length
      counts[outcome as keyof typeof counts] += 1
      if (outcome === 'applied') expect(count, `row ${row}`).toBe(1)
      if (outcome === 'not_applied') expect(count, `row ${row}`).toBe(0)
      expect(count, `row ${row}`).toBeLessThanOrEqual(1)
    }
    expect(new Set(effects).size, 'no row has two effects').toBe(effects.length)
    expect(counts.applied).toBeGreaterThan(rows.length / 2)
    for (const { key, body } of metronome.writes)
      expect(metronome.writes.find((write) => write.key === key)?.body).toEqual(body)
    expect(findDisorder(effects, rows), 'rows of one customer have their effects in order').toEqual([])
  },
  240_000,
)

/** Rows whose effect came before that of an earlier row of the same customer. */
function findDisorder(effects: readonly number[], rows: readonly object[]): number[] {
  const last = new Map<string, number>()
  return effects.filter((row) => {
    const [customer] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(JSON.stringify(rows[row - 1])) ?? [String(row)]
    const isEarlier = row < (last.get(customer) ?? 0)
    last.set(customer, row)
    return isEarlier
  })
}

const immediate = (): Promise<boolean> => new Promise((resolve) => setImmediate(() => resolve(false)))
