import { operations } from '../operations/index.ts'
import type { JsonObject } from '../operations/json.ts'
import { buildOpenApi } from '../rest/openapi.ts'
import { toOpenApi30 } from '../rest/openapi-downgrade.ts'
import { type Command, type OptionSpecs, parseCommandLine } from './config/command-line.ts'
import { OPTIONS as SERVER_OPTIONS } from './config/options.ts'
import { buildCommandHelp } from './help-format.ts'

const OPTIONS = {
  version: {
    type: 'string',
    placeholder: 'VERSION',
    choices: ['3.1', '3.0'],
    default: '3.1',
    description: 'version of OpenAPI; 3.0 for Copilot Studio, Power Platform and older readers',
  },
  help: { type: 'boolean', short: 'h', description: 'print this help' },
} as const satisfies OptionSpecs

const SERVER = { url: `http://${SERVER_OPTIONS.host.default}:${SERVER_OPTIONS['rest-port'].default}` }

const DESCRIPTION = 'Prints the OpenAPI document of the REST API, as --rest serves it at /openapi.json.'

export const openapi: Command = async (argv, { program, stdout }) => {
  const { options } = parseCommandLine(argv, OPTIONS)
  if (options.help) stdout(buildCommandHelp(program, 'openapi', DESCRIPTION, OPTIONS))
  else stdout(`${JSON.stringify(buildDocument(options.version ?? OPTIONS.version.default), null, 2)}\n`)
  return 0
}

function buildDocument(version: (typeof OPTIONS.version.choices)[number]): JsonObject {
  const document = { ...buildOpenApi(operations, false), servers: [SERVER] }
  return version === '3.0' ? toOpenApi30(document) : document
}
