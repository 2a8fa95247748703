import { createInterface } from 'node:readline'
import { InputError } from '../../call/input.ts'
import { CallError } from '../../calls/errors.ts'
import { getCustomer } from '../../operations/customers.ts'
import { asObject, type JsonObject } from '../../operations/json.ts'
import { escapeInvisible } from '../../sanitize.ts'
import type { Session } from './session.ts'

const TABLE_ROWS = 20
const MAX_CELL = 40

/** A person at the terminal types the number of rows, or `--yes` gave it. Throws {@link InputError} otherwise. */
export async function confirmNumber(
  { options, context, stop }: Session,
  count: number,
  buildQuestion: () => Promise<string>,
  onlyTerminal = false,
): Promise<void> {
  if (options.yes !== undefined && !onlyTerminal) return
  if (!context.isInteractive)
    throw new InputError(
      onlyTerminal
        ? 'With --confirm-archives, only a person at a terminal confirms an archive.'
        : 'This needs a person at a terminal, or --yes N with the number of rows.',
    )
  context.stderr(`${await buildQuestion()}Type ${count} to go on: `)
  const lines = createInterface({ input: context.stdin })
  const close = () => lines.close()
  stop.signal.addEventListener('abort', close)
  if (stop.signal.aborted) close()
  let typed: string | undefined
  for await (const line of lines) {
    typed = line.trim()
    break
  }
  stop.signal.removeEventListener('abort', close)
  if (typed !== String(count)) throw new InputError('This was not confirmed.')
}

/** Asks before anything is archived; `readRows` are the arguments that would be sent. */
export async function confirmArchives(
  session: Session,
  count: number,
  readRows: () => AsyncIterable<JsonObject> | Iterable<JsonObject>,
): Promise<void> {
  const { op, config } = session
  const { customerArgument, consequences } = (op.kind === 'write' && op.irreversible) || {}
  if (customerArgument === undefined || count === 0) return
  const buildQuestion = async () => {
    const table = [['customer', 'aliases', 'last change']]
    for await (const args of readRows()) {
      if (table.length > TABLE_ROWS) break
      table.push(await describeCustomer(session, String(args[customerArgument])))
    }
    const widths = [0, 1, 2].map((column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
    const lines = table.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`)
    const more = count > TABLE_ROWS ? [`  and others, ${count} in all`] : []
    return [`${op.tool} on ${config.baseUrl}:`, ...lines, ...more, `${consequences} This cannot be undone.`, ''].join(
      '\n',
    )
  }
  await confirmNumber(session, count, buildQuestion, config.confirmArchives)
}

async function describeCustomer({ call, caller }: Session, id: string): Promise<string[]> {
  try {
    const { data } = await call({ tool: getCustomer.tool, args: { customer_id: id } }, caller)
    const { name, ingest_aliases: aliases, updated_at: updated } = asObject(data)
    const listed = Array.isArray(aliases) ? aliases.join(', ') : ''
    return [name, listed || 'none', updated ?? 'not shown'].map((cell) => shorten(String(cell)))
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    return [id, 'cannot be read', shorten(error.message)]
  }
}

/** Text of strangers in one cell. */
function shorten(text: string): string {
  const characters = Array.from(escapeInvisible(text))
  return characters.length > MAX_CELL ? `${characters.slice(0, MAX_CELL - 1).join('')}…` : characters.join('')
}
