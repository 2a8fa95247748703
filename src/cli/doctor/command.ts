import { createRedactor } from '../../sanitize.ts'
import { findHiddenTools } from '../access.ts'
import {
  type Command,
  type CommandContext,
  type OptionSpecs,
  type OptionValues,
  parseCommandLine,
} from '../config/command-line.ts'
import { type Config, readConfig } from '../config/config.ts'
import { OPTIONS as SERVER_OPTIONS } from '../config/options.ts'
import { loadSources } from '../config/sources.ts'
import { UsageError } from '../config/usage-error.ts'
import { buildCommandHelp } from '../help-format.ts'
import { checkClients } from './client-entries.ts'
import { checkConnectivity } from './connectivity.ts'
import { buildJsonReport, buildTextReport, type CheckResult, error, hasErrors, ok, warning } from './report.ts'
import { checkAddress, checkAuditLog, checkKey, checkProxy, checkTls } from './settings.ts'

const OPTIONS = {
  help: { type: 'boolean', short: 'h', description: 'print this help' },
  json: { type: 'boolean', description: 'print the report as JSON' },
  sandbox: { type: 'boolean', description: 'check the sandbox instead of Metronome' },
  'no-run': { type: 'boolean', description: 'only read the configurations of clients, without running their entries' },
  'env-file': SERVER_OPTIONS['env-file'],
} as const satisfies OptionSpecs

const DESCRIPTION =
  'Runs this server as configured clients would, checks the settings of this shell, and suggests fixes. Exits with 1 if a problem was found.'

export const doctor: Command = async (argv, context) => {
  const { options } = parseCommandLine(argv, OPTIONS)
  if (options.help) {
    context.stdout(buildCommandHelp(context.program, 'doctor [options]', DESCRIPTION, OPTIONS))
    return 0
  }
  const clients = await checkClients(context, !options.noRun)
  const config = await readShellConfig(context, options)
  const shell = config instanceof UsageError ? reportUsage(config) : await checkShell(config, context, clients.needsKey)
  const results = [ok('Node', context.nodeVersion), ...clients.results, ...shell]
  const report = options.json ? buildJsonReport(results) : buildTextReport(results, context.hasColors)
  context.stdout(createRedactor([config instanceof UsageError ? undefined : config.apiKey])(report))
  return hasErrors(results) ? 1 : 0
}

/** The settings with which a server would start here, from the environment, `--env-file` and `.env`. */
async function readShellConfig(
  { environment }: CommandContext,
  { sandbox, envFile }: OptionValues<typeof OPTIONS>,
): Promise<Config | UsageError> {
  try {
    const config = readConfig(await loadSources(environment, envFile), { sandbox })
    if (config.access) findHiddenTools(config.access)
    return config
  } catch (problem) {
    if (problem instanceof UsageError) return problem
    throw problem
  }
}

function reportUsage({ problems }: UsageError): CheckResult[] {
  return problems.map((problem) => error('settings', problem, 'The server does not start until this is fixed.'))
}

async function checkShell(config: Config, { environment }: CommandContext, needsKey: boolean): Promise<CheckResult[]> {
  const canConnect = config.sandbox !== undefined || config.apiKey !== undefined
  return [
    ...config.warnings.map((message) => warning('settings', message)),
    checkKey(config, needsKey),
    checkAddress(config),
    checkAuditLog(config),
    checkProxy(config, environment),
    checkTls(environment),
    ...(canConnect ? [await checkConnectivity(config)] : []),
  ]
}
