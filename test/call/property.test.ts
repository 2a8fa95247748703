import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { asObject } from '../../src/operations/json.ts'
import {
  type BulkMetronome,
  type CallEnd,
  moveClock,
  ndjson,
  openWorkplace,
  type Reply,
  startMetronome,
  storeServerError,
  type Workplace,
  type Write,
} from '../support/bulk.ts'
import { type Program, startProgram } from '../support/program.ts'

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

/** A Metronome with all faults, until they end. The row of its first write stays unknown. */
async function startFaulty(random: () => number) {
  let isFaulty = true
  const running: (() => void)[] = []
  const metronome = await startMetronome((write, count): Reply => {
    if (count === 1) return storeServerError(metronome.store, write)
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

interface JournalRow {
  /** That of its last begin. */
  readonly key: string
  /** Absent where it was cut off. */
  readonly outcome?: string
}

/** What the whole lines of the journal say about each row. */
function readRows(workplace: Workplace): Map<number, JournalRow> {
  const found = new Map<number, JournalRow>()
  if (!existsSync(workplace.path('in.ndjson.journal'))) return found
  for (const line of workplace.read('in.ndjson.journal').split('\n').slice(0, -1)) {
    const { type, row, key = found.get(row)?.key, outcome } = JSON.parse(line)
    if (type === 'begin' || type === 'end') found.set(row, { key, outcome })
  }
  return found
}

const mayBeApplied = ({ outcome = 'unknown' }: JournalRow): boolean => outcome === 'unknown'

const CASES = Object.keys(INPUTS).map((tool, index) => [tool, index] as const)

/** Rows of a tool, with a Metronome that has all faults. */
async function openRun(tool: string, index: number, share: number) {
  const random = createRandom(seed + index)
  const faulty = await startFaulty(random)
  addCustomers(faulty.metronome)
  const build = INPUTS[tool]
  if (!build) throw new Error(tool)
  const rows = Array.from({ length: Math.ceil((ROWS[index] ?? 0) * share) }, (_, number) => build(number + 1))
  const files = { 'in.ndjson': ndjson(...rows) }
  const workplace = openWorkplace(faulty.metronome.baseUrl, files, { METRONOME_TIMEOUT_MS: '1000' })
  const buildCommand = (input: string) => [tool, '--input', input, '--concurrency', '6', '--max-failures', '0']
  return { ...faulty, random, rows, workplace, buildCommand }
}

/** Kills the program at a random moment, after so many writes at least. */
async function runAndKill(
  program: Program,
  workplace: Workplace,
  { writes }: BulkMetronome,
  random: () => number,
  atLeast = 0,
): Promise<void> {
  const target = writes.length + Math.max(atLeast, Math.floor(random() * 30))
  const ended = program.ended.then(() => true)
  while (writes.length < target && !(await Promise.race([ended, immediate()])));
  await immediate()
  program.child.kill('SIGKILL')
  await program.ended
  const rows = readRows(workplace)
  for (const line of program.stdout().split('\n').slice(0, -1)) {
    const { row, outcome, error } = JSON.parse(line)
    if (!isExpired({ outcome, error })) expect(rows.get(row)?.outcome, 'printed lines are on disk').toBe(outcome)
  }
}

/** Runs the command until nothing is left that a further run would start. */
async function runToTheEnd(run: () => Promise<CallEnd>): Promise<CallEnd> {
  let end = await run()
  for (let count = 0; count < 5 && / [1-9]\d* (failed|not started)/.test(end.stderr); count += 1) end = await run()
  return end
}

/** Every row has one effect or is reported truthfully. */
function checkEffects({ store, writes }: BulkMetronome, workplace: Workplace, rows: object[], end: CallEnd): void {
  const keys = readKeys(workplace)
  const effects = store.effects.map(({ idempotencyKey = '' }) => keys.get(idempotencyKey) ?? 0)
  for (const { row, outcome } of end.lines) {
    const count = effects.filter((each) => each === row).length
    if (outcome === 'applied') expect(count, `row ${row}`).toBe(1)
    if (outcome === 'not_applied') expect(count, `row ${row}`).toBe(0)
    expect(count, `row ${row}`).toBeLessThanOrEqual(1)
  }
  expect(new Set(effects).size, 'no row has two effects').toBe(effects.length)
  expect(end.lines.filter(({ outcome }) => outcome === 'applied').length).toBeGreaterThan(rows.length / 2)
  for (const { key, body } of writes) expect(writes.find((write) => write.key === key)?.body).toEqual(body)
  expect(findDisorder(effects, rows), 'rows of one customer have their effects in order').toEqual([])
}

test.each(CASES)(
  `%s: after kills and faults, every row has one effect or is reported truthfully (CALL_SEED=${seed})`,
  async (tool, index) => {
    const { metronome, recover, random, rows, workplace, buildCommand } = await openRun(tool, index, 1)
    const command = buildCommand('in.ndjson')
    const kills = Math.ceil(Number(CALL_KILLS) / 3)
    for (let kill = 0; kill < kills; kill += 1)
      await runAndKill(workplace.start(...command), workplace, metronome, random)
    recover()
    const end = await runToTheEnd(() => workplace.call(...command))
    checkEffects(metronome, workplace, rows, end)
  },
  240_000,
)

const HOUR = 3_600_000

test.each(CASES)(
  `%s: the same with clocks moved by 22 and 24 hours, where keys of the first count no more (CALL_SEED=${seed})`,
  async (tool, index) => {
    const { metronome, recover, random, rows, workplace, buildCommand } = await openRun(tool, index, 0.4)
    const command = buildCommand(workplace.path('in.ndjson'))
    for (let kill = 0; kill < 2; kill += 1)
      await runAndKill(workplace.start(...command), workplace, metronome, random, 1)
    const first = Array.from(readRows(workplace))
    const firstKeys = new Set(first.map(([, { key }]) => key))
    const later = (hours: number) => workplace.run(command, { now: () => Date.now() + hours * HOUR })

    const env = { ...workplace.env, NODE_OPTIONS: `--import=${moveClock(22 * HOUR)}` }
    const before = metronome.writes.length
    await runAndKill(
      startProgram({ args: ['call', ...command], cwd: workplace.folder, env }),
      workplace,
      metronome,
      random,
    )
    const after22 = await later(22)
    expect(metronome.writes.slice(before).some(({ key }) => firstKeys.has(key))).toBe(true)
    expect(after22.lines.filter(isExpired)).toEqual([])
    const second = readRows(workplace)
    for (const [row, line] of first) if (mayBeApplied(line)) expect(second.get(row)?.key).toBe(line.key)

    recover()
    for (const key of firstKeys) metronome.store.responses.delete(key)
    const writes = metronome.writes.length
    const end = await runToTheEnd(() => later(24))
    expect(metronome.writes.slice(writes).filter(({ key }) => firstKeys.has(key))).toEqual([])
    const tooOld = Array.from(second).filter(([, line]) => mayBeApplied(line) && firstKeys.has(line.key))
    expect(tooOld.length).toBeGreaterThan(0)
    expect(
      end.lines
        .filter(isExpired)
        .map(({ row }) => row)
        .sort(),
    ).toEqual(tooOld.map(([row]) => row).sort())
    checkEffects(metronome, workplace, rows, end)
  },
  240_000,
)

test.each<[string, string, (write: Write, metronome: BulkMetronome) => Reply]>([
  ['create-customer', 'applied', ({ apply }) => apply()],
  ['create-customer', 'unknown', (write, { store }) => storeServerError(store, write)],
  ['update-customer-name', 'not_applied', () => ({ status: 401, body: { message: 'Unauthorized' } })],
])(
  '%s: the same with a journal cut at every byte of its last end, %s',
  async (tool, outcome, replyToLast) => {
    const metronome: BulkMetronome = await startMetronome((write, count) =>
      count === 3 ? replyToLast(write, metronome) : write.apply(),
    )
    addCustomers(metronome)
    const rows = [1, 2, 3].map((row) => INPUTS[tool]?.(3 * row) ?? {})
    const workplace = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson(...rows) })
    const command = [tool, '--input', workplace.path('in.ndjson'), '--concurrency', '1']
    expect((await workplace.run(command)).lines.at(-1)).toMatchObject({ row: 3, outcome })
    const whole = workplace.read('in.ndjson.journal')
    const { key } = metronome.writes[2] ?? {}
    for (let end = whole.lastIndexOf('\n', whole.length - 2) + 1; end < whole.length; end += 1) {
      workplace.write('in.ndjson.journal', whole.slice(0, end))
      const writes = metronome.writes.length
      const { stderr } = await workplace.run(command)
      expect(stderr, `cut at ${end}`).toMatch(/^3 rows: [01] applied, 2 already applied, 0 failed, [01] unknown, 0 not/)
      expect(metronome.writes.slice(writes).map((write) => write.key)).toEqual([key])
      expect(workplace.read('in.ndjson.journal').split('\n')).toHaveLength(8)
    }
    expect(metronome.store.effects).toHaveLength(outcome === 'unknown' ? 2 : 3)
    expect(readKeys(workplace).size).toBe(3)
  },
  120_000,
)

/** Whether a line is of a row that was not sent again, and names the check to make. */
function isExpired({ outcome, error }: Record<string, unknown>): boolean {
  const { code, message } = asObject(error)
  return code === 'key_expired' && outcome === 'unknown' && /not sent again\. \w+/.test(String(message))
}

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
