import { createRedactor } from '../../sanitize.ts'
import { type Command, type OptionSpecs, parseCommandLine } from '../config/command-line.ts'
import { OPTIONS as SERVER_OPTIONS } from '../config/options.ts'
import { attemptAsync } from '../config/usage-error.ts'
import { buildCommandHelp } from '../help-format.ts'
import { loadSettings } from '../load-settings.ts'
import { checkClients } from './client-entries.ts'
import { buildJsonReport, buildTextReport, error, hasErrors, ok } from './report.ts'
import { checkSettings, checkTls } from './settings.ts'

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
  // As for a server that would start here.
  const { sandbox, envFile } = options
  const commandLine = { options: { sandbox, envFile }, positionals: [], problems: [] }
  const settings = await attemptAsync(() => loadSettings(commandLine, context.environment))
  const shell = settings.ok
    ? await checkSettings(settings.part.config, context.environment, clients.needsKey)
    : settings.problems.map((problem) => error('settings', problem, 'The server does not start until this is fixed.'))
  const results = [ok('Node', context.nodeVersion), ...clients.results, ...shell, checkTls(context.environment)]
  const report = options.json ? buildJsonReport(results) : buildTextReport(results, context.hasColors)
  context.stdout(createRedactor([settings.ok ? settings.part.config.apiKey : undefined])(report))
  return hasErrors(results) ? 1 : 0
}
