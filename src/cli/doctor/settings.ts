import { statSync } from 'node:fs'
import { adviseOn } from '../../calls/errors.ts'
import { buildRequest } from '../../metronome/request.ts'
import { readResult } from '../../metronome/response.ts'
import { createSend } from '../../metronome/send.ts'
import { listCustomers } from '../../operations/customers.ts'
import { openUpstream } from '../../runtime.ts'
import { createRedactor } from '../../sanitize.ts'
import type { Config } from '../config/config.ts'
import { readNamedFile, readRegularFile, type Variables } from '../config/sources.ts'
import { attempt } from '../config/usage-error.ts'
import { type CheckResult, error, ok, warning } from './report.ts'

/** `needsKey` when no client is configured, or one has neither a key of its own nor the sandbox. */
export async function checkSettings(
  config: Config,
  environment: Variables,
  needsKey: boolean,
): Promise<readonly CheckResult[]> {
  const { sandbox, apiKey, baseUrl } = config
  return [
    ...config.warnings.map((message) => warning('settings', message)),
    checkKey(config, needsKey),
    ok('address', sandbox ? 'the sandbox, in memory' : baseUrl),
    checkProxy(config, environment),
    ...(sandbox || apiKey ? [await checkConnection(config)] : []),
  ]
}

function checkKey({ apiKey, apiKeySource, sandbox }: Config, isNeeded: boolean): CheckResult {
  if (sandbox) return ok('API key', 'not required in sandbox mode')
  if (apiKey !== undefined) return ok('API key', `from ${apiKeySource}, ${apiKey.length} characters`)
  if (!isNeeded) return ok('API key', 'not set in this shell; clients have their own or need none')
  return error(
    'API key',
    'not set',
    'Set METRONOME_API_KEY in the client\'s "env" block; Metronome makes keys under Developer > API tokens. To check it here, export it in this shell or pass --env-file. Without an account, use --sandbox.',
  )
}

/** The settings warn of an address that cannot be used. */
function checkProxy({ proxy }: Config, environment: Variables): CheckResult {
  const address = proxy?.httpsProxy ?? proxy?.httpProxy
  if (address) return ok('proxy', new URL(address).origin + (proxy?.noProxy ? `, except for ${proxy.noProxy}` : ''))
  if (environment.ALL_PROXY ?? environment.all_proxy)
    return warning('proxy', 'ALL_PROXY is set, but not supported', 'Set HTTPS_PROXY to the same address.')
  return ok('proxy', proxy ? 'not usable' : 'none')
}

/** Ten times what browsers trust. */
const MAX_CERTIFICATES_KIB = 4096
const PROBE_TIMEOUT_MS = 10_000

/** One cheap read without retries; what is wrong with it is said as for a call. */
async function checkConnection(config: Config): Promise<CheckResult> {
  const { apiKey, timeoutMs } = config
  const startedAt = performance.now()
  const send = createSend(await openUpstream(config))
  const result = await send(buildRequest(listCustomers, { limit: 1 }), {
    apiKey,
    attemptMs: Math.min(timeoutMs, PROBE_TIMEOUT_MS),
    redact: createRedactor([apiKey]),
  })
  const read = readResult(listCustomers, result)
  const tookMs = Math.round(performance.now() - startedAt)
  if (read.ok) return ok('Metronome', `responded to list-customers in ${tookMs} ms`)
  // A key may be limited to other operations, and a limit of the rate passes.
  const mayBeFine = result.kind === 'response' && [403, 429].includes(result.status)
  return (mayBeFine ? warning : error)('Metronome', read.problem, adviseOn(listCustomers, result))
}

/** With the first of these variables of Node, whoever is in between can read the key; a file that it cannot read is ignored. */
export function checkTls({ NODE_TLS_REJECT_UNAUTHORIZED, NODE_EXTRA_CA_CERTS: path }: Variables): CheckResult {
  if (NODE_TLS_REJECT_UNAUTHORIZED === '0')
    return error(
      'TLS',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 accepts any certificate',
      'Unset it, and add the CA certificate of your proxy to NODE_EXTRA_CA_CERTS instead.',
    )
  const file = attempt(() => path && readNamedFile('NODE_EXTRA_CA_CERTS', path, readCertificates))
  return file.ok
    ? ok('TLS', 'certificates are verified')
    : error('TLS', file.problems.join(' '), 'Write its whole path, or unset it.')
}

function readCertificates(path: string): Buffer {
  return readRegularFile(path, statSync(path), MAX_CERTIFICATES_KIB)
}
