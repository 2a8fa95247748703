import { setFlagsFromString } from 'node:v8'
import { InputError, readText } from '../../call/input.ts'
import { ClosedError } from '../../call/output.ts'
import { readPages } from '../../call/pages.ts'
import { CallError } from '../../calls/errors.ts'
import { inputOf, validateArguments } from '../../calls/validate-arguments.ts'
import { systemClock as clock } from '../../metronome/retry.ts'
import { isObject, type JsonObject, parseExactJson, tryParse } from '../../operations/json.ts'
import type { Operation } from '../../operations/operation.ts'
import { messageOf } from '../../thrown.ts'
import { type Command, parseCommandLine } from '../config/command-line.ts'
import { UsageError } from '../config/usage-error.ts'
import { buildCommandHelp } from '../help-format.ts'
import { confirmArchives } from './confirm.ts'
import { OPTIONS } from './options.ts'
import { callRows } from './rows.ts'
import { describeRequest, EXIT, openSession, openTarget, type Session } from './session.ts'

const DESCRIPTION =
  'Calls a tool once, or once for each row of a file. JSON are the arguments of one call; - reads them from standard input. Writes of rows are recorded in a journal: the same command again resumes, and does nothing twice. See docs/bulk.md.'

// Left alone, V8's heap grows with the number of rows, by up to 100 MB that none of them needs.
setFlagsFromString('--semi-space-growth-factor=1')
setFlagsFromString('--heap-growing-percent=20')

export const call: Command = async (argv, context) => {
  const { options, positionals } = parseCommandLine(argv, OPTIONS, 2)
  if (options.help) {
    context.stdout(buildCommandHelp(context.program, 'call TOOL [JSON] [options]', DESCRIPTION, OPTIONS))
    return 0
  }
  const [tool, json] = positionals
  const { input } = options
  if (json !== undefined && input !== undefined)
    throw new UsageError('--input and JSON are mutually exclusive; use one of them.')
  const session = await openSession(tool, options, context)
  try {
    return await (input === undefined ? callOnce(session, json) : callRows(session, input, argv))
  } catch (error) {
    if (session.isInterrupted()) return EXIT.interrupted
    if (error instanceof ClosedError) return EXIT.done
    if (!(error instanceof InputError)) throw error
    session.report(`${error.message}\nNothing was sent.`)
    return EXIT.usage
  } finally {
    session.close()
  }
}

/** One call, or every page of a list. */
async function callOnce(session: Session, json = '{}'): Promise<number> {
  const { op, options, context, isInterrupted } = session
  const send = (sent: JsonObject) => session.call({ tool: op.tool, args: sent }, session.caller)
  const text = json === '-' ? await readText(context.stdin) : json
  const args = readArguments(op, text)
  if (!options.dryRun) await confirmArchives(session, 1, () => [args])
  const { output, finish } = await openTarget(session)
  try {
    if (options.dryRun) await output.write(describeRequest(1, op, args, options.all))
    else if (options.all) await readPages({ ...session, args, clock, call: send, onRecord: output.write })
    else await output.write(await send(args))
    await finish(true)
    return isInterrupted() ? EXIT.interrupted : EXIT.done
  } catch (error) {
    if (error instanceof ClosedError) throw error
    await finish(false).catch(() => {})
    const outcome = error instanceof CallError ? error.outcome : undefined
    const end = options.all ? ' The list is not complete.' : ''
    session.report(messageOf(error) + (outcome ? `\nOutcome: ${outcome}.` : end))
    if (isInterrupted()) return EXIT.interrupted
    return outcome === 'unknown' ? EXIT.unknown : EXIT.failed
  }
}

/** Throws {@link InputError} with everything that is wrong. */
function readArguments(op: Operation, json: string): JsonObject {
  const args = tryParse(json, parseExactJson)
  if (!isObject(args)) throw new InputError('The arguments are not a JSON object.')
  try {
    return validateArguments(inputOf(op, false), args)
  } catch (error) {
    throw error instanceof CallError ? new InputError(error.message) : error
  }
}
