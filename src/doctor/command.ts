import type { Command, Surroundings } from '../commands.ts'
import { type Config, readConfig } from '../config/config.ts'
import { loadSources } from '../config/load.ts'
import { readFlags } from '../flag-reader.ts'
import { parseFlags } from '../flags.ts'
import { openUpstream } from '../open-upstream.ts'
import { UsageError } from '../program-error.ts'
import { createRedactor } from '../redact.ts'
import { NAME, VERSION } from '../version.ts'
import { checkClients } from './client-config.ts'
import { type Finding, fail } from './finding.ts'
import { checkNode, checkNpx, checkPort } from './machine.ts'
import { checkReach } from './reach.ts'
import { writeJsonReport, writeTextReport } from './report.ts'
import { checkAddress, checkKey, checkProxy } from './settings.ts'

const HELP = `Usage: ${NAME} doctor [flags]

Looks at everything that keeps a client from using this server, and says what to do. Ends with 1 when something has to be done.

  --json            for programs
  --sandbox         check the sandbox instead of Metronome
  --env-file PATH   as for the server
`

const PORTS = [
  [9090, '--http'],
  [8080, '--rest'],
] as const

export const doctor: Command = async (argv, surroundings) => {
  const { names, text } = readFlags(argv, {
    json: { type: 'boolean' },
    sandbox: { type: 'boolean' },
    'env-file': { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  })
  if (names.has('help')) {
    surroundings.print(HELP)
    return 0
  }
  const { findings, config } = await examine(surroundings, names.has('sandbox'), text('env-file'))
  const report = names.has('json') ? writeJsonReport(VERSION, findings) : writeTextReport(findings)
  surroundings.print(createRedactor([config?.key])(report))
  return findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0
}

interface Examination {
  readonly findings: readonly Finding[]
  readonly config?: Config
}

async function examine(
  surroundings: Surroundings,
  sandbox: boolean,
  envFile: string | undefined,
): Promise<Examination> {
  const machine = [checkNode(surroundings), checkNpx(surroundings)]
  const ports = Promise.all(PORTS.map(([port, flag]) => checkPort(port, flag)))
  const clients = checkClients(surroundings)
  const config = await readSettings(surroundings, sandbox, envFile)
  if (config instanceof UsageError) {
    const settings = fail('settings', config.message, 'Until then the server does not start.')
    return { findings: [...machine, settings, ...(await ports), ...clients] }
  }
  const settings = [
    checkKey(config, sandbox),
    checkAddress(config, sandbox),
    checkProxy(config, surroundings.environment),
  ]
  const reach = sandbox || config.key !== undefined ? await reachUpstream(config, sandbox) : []
  return { findings: [...machine, ...settings, ...reach, ...(await ports), ...clients], config }
}

/** Wrong settings are a finding here, where they would end the server. */
async function readSettings(
  { environment }: Surroundings,
  sandbox: boolean,
  envFile: string | undefined,
): Promise<Config | UsageError> {
  try {
    return readConfig(await loadSources(environment, envFile), parseFlags(sandbox ? ['--sandbox'] : []))
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
}

async function reachUpstream(config: Config, sandbox: boolean): Promise<Finding[]> {
  return checkReach(await openUpstream(config, { sandbox }), config)
}
