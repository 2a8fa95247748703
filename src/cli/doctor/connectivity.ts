import { isLoopback } from '../../http/urls.ts'
import { buildRequest } from '../../metronome/request.ts'
import { type AttemptResult, readResult } from '../../metronome/response.ts'
import { createSend } from '../../metronome/send.ts'
import { listCustomers } from '../../operations/customers.ts'
import { openUpstream } from '../../runtime.ts'
import { createRedactor } from '../../sanitize.ts'
import type { Config } from '../config/config.ts'
import { type CheckResult, error, ok, warning } from './report.ts'

const CHECK = 'Metronome'
const PROBE_TIMEOUT_MS = 10_000

/** One cheap read. */
export async function checkConnectivity(config: Config): Promise<CheckResult> {
  const startedAt = performance.now()
  const result = await probeUpstream(config)
  const tookMs = Math.round(performance.now() - startedAt)
  if (result.kind !== 'response') return evaluateNoResponse(result, config)
  return readResult(listCustomers, result).ok
    ? ok(CHECK, `responded ${result.status} to list-customers in ${tookMs} ms`)
    : evaluateStatus(result.status)
}

/** One cheap read without retries. */
async function probeUpstream(config: Config): Promise<AttemptResult> {
  const { apiKey, timeoutMs } = config
  const send = createSend(await openUpstream(config))
  return send(buildRequest(listCustomers, { limit: 1 }), {
    apiKey,
    attemptMs: Math.min(timeoutMs, PROBE_TIMEOUT_MS),
    redact: createRedactor([apiKey]),
  })
}

function evaluateStatus(status: number): CheckResult {
  if (status === 401)
    return error(
      CHECK,
      'responded 401: the API key is invalid, archived, of another environment, or lacks permission for list-customers',
      'Copy the key again from Metronome (Developer > API tokens). If it is limited to some endpoints on purpose, other tools may still work.',
    )
  if (status === 403)
    return warning(
      CHECK,
      'responded 403: the API key is valid, but lacks permission for list-customers',
      'This is normal for a key that is limited to some endpoints: all other tools fail with 403.',
    )
  if (status === 429) return warning(CHECK, 'responded 429: too many requests', 'The key works; wait and retry.')
  if (status >= 500) return error(CHECK, `responded ${status}: Metronome returned a server error`, 'Retry later.')
  return error(
    CHECK,
    `responded ${status}: unexpected response (not Metronome)`,
    'Correct METRONOME_BASE_URL, or check for a proxy or captive portal in between.',
  )
}

function evaluateNoResponse(
  { kind, reason }: Exclude<AttemptResult, { kind: 'response' }>,
  { proxy, baseUrl }: Config,
): CheckResult {
  const message = `${kind === 'not_sent' ? 'could not be reached' : 'did not respond'}: ${reason}`
  const isProxied = proxy !== undefined && !isLoopback(new URL(baseUrl).hostname)
  return error(CHECK, message, adviseOnNoResponse(reason, isProxied))
}

function adviseOnNoResponse(reason: string, isProxied: boolean): string {
  if (isProxied) return 'Check the address of the proxy (HTTPS_PROXY), and that it allows Metronome.'
  if (/CERT|UNABLE_TO/.test(reason)) return 'A proxy intercepts TLS: add its CA certificate to NODE_EXTRA_CA_CERTS.'
  const host = /ENOTFOUND|EAI_/.test(reason) ? 'the host name in' : 'firewall and'
  return `Check network, ${host} METRONOME_BASE_URL. Behind a proxy, set HTTPS_PROXY.`
}
