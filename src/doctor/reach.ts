import type { Config } from '../config/config.ts'
import { isLoopback } from '../loopback.ts'
import { listCustomers } from '../operations/customers.ts'
import { createAttempt, type Ending, type Upstream } from '../upstream/attempt.ts'
import { readReply } from '../upstream/reader.ts'
import { buildRequest } from '../upstream/request.ts'
import { NAME, VERSION } from '../version.ts'
import { type Finding, fail, note, ok } from './finding.ts'

const MAX_WAIT_MS = 10_000
const MAX_SKEW_MINUTES = 5
const CHECK = 'Metronome'

/** One cheap read, and what the clock of the answer says. */
export async function checkReach(upstream: Upstream, config: Config): Promise<Finding[]> {
  const send = createAttempt(upstream)
  const startedAt = Date.now()
  const ending = await send(buildRequest(listCustomers, { limit: 1 }), {
    headers: {
      'user-agent': `${NAME}/${VERSION}`,
      ...(upstream.needsKey && config.key && { authorization: `Bearer ${config.key}` }),
    },
    timeoutMs: Math.min(config.timeoutMs, MAX_WAIT_MS),
  })
  return [judge(ending, Date.now() - startedAt, config), ...judgeClock(ending)]
}

function judge(ending: Ending, tookMs: number, { proxy, baseUrl }: Config): Finding {
  if (ending.kind !== 'answered')
    return judgeSilence(ending, proxy !== undefined && !isLoopback(new URL(baseUrl).hostname))
  const { status } = ending
  if (readReply(listCustomers, ending)) return ok(CHECK, `answered list-customers with ${status} in ${tookMs} ms`)
  if (status === 401)
    return fail(
      CHECK,
      'answered 401: the API key is wrong, archived or of another environment, or may not list customers',
      'Copy the key again from Metronome (Connections, API tokens). When it is limited to some endpoints on purpose, other tools may still work.',
    )
  if (status === 403)
    return note(
      CHECK,
      'answered 403: the API key is known, but may not list customers',
      'That is normal for a key that is limited to some endpoints: tools outside of its limits will answer 403.',
    )
  if (status === 429) return note(CHECK, 'answered 429: too many requests', 'The key works; wait a little.')
  if (status >= 500) return fail(CHECK, `answered ${status}: Metronome has a problem`, 'Try again later.')
  return fail(
    CHECK,
    `something that is not Metronome answered ${status}`,
    'Correct METRONOME_BASE_URL, or ask who runs the proxy or network log-in page in between.',
  )
}

function judgeSilence({ reason }: { readonly reason: string }, hasProxy: boolean): Finding {
  const saw = `could not be reached: ${reason}`
  if (hasProxy)
    return fail(CHECK, saw, 'Check the address of the proxy, HTTPS_PROXY, and whether it lets Metronome through.')
  if (/ENOTFOUND|EAI_/.test(reason))
    return fail(CHECK, saw, 'Check the network and the name in METRONOME_BASE_URL. Behind a proxy set HTTPS_PROXY.')
  if (/CERT|UNABLE_TO/.test(reason))
    return fail(CHECK, saw, 'Something in between opens TLS: name its certificate in NODE_EXTRA_CA_CERTS.')
  return fail(CHECK, saw, 'Check network, firewall and METRONOME_BASE_URL. Behind a proxy set HTTPS_PROXY.')
}

function judgeClock(ending: Ending): Finding[] {
  const theirs = ending.kind === 'answered' ? Date.parse(ending.headers.get('date') ?? '') : Number.NaN
  if (Number.isNaN(theirs)) return []
  const minutes = Math.round((Date.now() - theirs) / 60_000)
  if (Math.abs(minutes) < MAX_SKEW_MINUTES) return [ok('clock', 'agrees with that answer')]
  const direction = minutes > 0 ? 'ahead' : 'behind'
  return [note('clock', `${Math.abs(minutes)} minutes ${direction} of that answer`, 'Let the system set its time.')]
}
