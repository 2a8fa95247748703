import { createRedactor } from '../../sanitize.ts'
import {
  type Command,
  type CommandContext,
  type OptionSpecs,
  type OptionValues,
  parseCommandLine,
  UsageError,
} from '../config/command-line.ts'
import { type Config, readConfig } from '../config/config.ts'
import { OPTIONS as SERVER_OPTIONS } from '../config/options.ts'
import { loadSources } from '../config/sources.ts'
import { buildCommandHelp } from '../help-format.ts'
import { checkClients } from './client-entries.ts'
import { checkConnectivity } from './connectivity.ts'
import { checkNode, checkNpx, checkPorts } from './environment.ts'
import { buildJsonReport, buildTextReport, type CheckResult, error, hasErrors } from './report.ts'
import { checkAccess, checkAddress, checkKey, checkProxy, checkTls } from './settings.ts'

const OPTIONS = {
  help: { type: 'boolean', short: 'h', description: 'print this help' },
  json: { type: 'boolean', description: 'print the report as JSON' },
  sandbox: { type: 'boolean', description: 'check the sandbox instead of Metronome' },
  'no-run': { type: 'boolean', description: 'only read the configurations of clients, without running their entries' },
  'env-file': SERVER_OPTIONS['env-file'],
} as const satisfies OptionSpecs

type Options = OptionValues<typeof OPTIONS>

const DESCRIPTION =
  'Checks the installation, runs this server as configured clients would, and suggests fixes. Exits with 1 if a problem was found.'

export const doctor: Command = async (argv, context) => {
  const { options } = parseCommandLine(argv, OPTIONS)
  if (options.help) {
    context.stdout(buildCommandHelp('doctor [options]', DESCRIPTION, OPTIONS))
    return 0
  }
  const { results, config } = await runChecks(context, options)
  const report = options.json ? buildJsonReport(results) : buildTextReport(results, context.hasColors)
  context.stdout(createRedactor([config?.apiKey])(report))
  return hasErrors(results) ? 1 : 0
}

interface Examination {
  readonly results: readonly CheckResult[]
  /** Absent when it cannot be read. */
  readonly config?: Config
}

async function runChecks(context: CommandContext, options: Options): Promise<Examination> {
  const ports = checkPorts()
  const environment = [checkNode(context), checkNpx(context)]
  const clients = await checkClients(context, !options.noRun)
  const config = await readSettings(context, options)
  if (config instanceof UsageError) {
    const settings = config.problems.map((problem) =>
      error('settings', problem, 'The server does not start until this is fixed.'),
    )
    return { results: [...environment, ...settings, ...(await ports), ...clients] }
  }
  const settings = [
    checkKey(
      config,
      clients.some(({ status }) => status === 'ok'),
    ),
    checkAccess(config),
    checkAddress(config),
    checkProxy(config, context.environment),
    checkTls(context.environment),
  ]
  const canConnect = config.sandbox !== undefined || config.apiKey !== undefined
  const connectivity = canConnect ? await checkConnectivity(config) : []
  return { results: [...environment, ...settings, ...connectivity, ...(await ports), ...clients], config }
}

/** What would stop a server from starting is a result here. */
async function readSettings(
  { environment }: CommandContext,
  { sandbox, envFile }: Options,
): Promise<Config | UsageError> {
  try {
    return readConfig(await loadSources(environment, envFile), { sandbox })
  } catch (problem) {
    if (problem instanceof UsageError) return problem
    throw problem
  }
}
