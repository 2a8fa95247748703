import { operations } from '../operations/index.ts'
import { buildOpenApi } from '../rest/openapi.ts'
import { type Command, type OptionSpecs, parseCommandLine } from './config/command-line.ts'
import { OPTIONS as SERVER_OPTIONS } from './config/options.ts'
import { buildCommandHelp } from './help-format.ts'

const OPTIONS = {
  help: { type: 'boolean', short: 'h', description: 'print this help' },
} as const satisfies OptionSpecs

const SERVER = { url: `http://${SERVER_OPTIONS.host.default}:${SERVER_OPTIONS['rest-port'].default}` }

const DESCRIPTION = 'Prints the OpenAPI document of the REST API, as --rest serves it at /openapi.json.'

export const openapi: Command = async (argv, { program, stdout }) => {
  const { options } = parseCommandLine(argv, OPTIONS)
  if (options.help) stdout(buildCommandHelp(program, 'openapi', DESCRIPTION, OPTIONS))
  else stdout(`${JSON.stringify({ ...buildOpenApi(operations, false), servers: [SERVER] }, null, 2)}\n`)
  return 0
}
