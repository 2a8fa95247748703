import type { Config } from '../config/config.ts'
import { KEY_PLACEHOLDER } from '../setup/launch.ts'
import { type Finding, fail, note, ok } from './finding.ts'

export function checkKey({ key, keySource }: Config, sandbox: boolean): Finding {
  if (sandbox) return ok('API key', 'none is needed on the sandbox')
  if (key === undefined)
    return fail(
      'API key',
      'none was found here',
      'Set METRONOME_API_KEY in the "env" block of the client\'s configuration; to check it here, also in this shell, or give --env-file. Without an account use --sandbox.',
    )
  if (key === KEY_PLACEHOLDER)
    return fail('API key', `${keySource} still holds the placeholder`, 'Put your API key of Metronome in its place.')
  return ok('API key', `from ${keySource}, ${key.length} characters`)
}

export function checkAddress({ baseUrl }: Config, sandbox: boolean): Finding {
  if (sandbox) return ok('address', 'the sandbox, in memory')
  const { protocol, host } = new URL(baseUrl)
  return ok('address', `${protocol}//${host}`)
}

export function checkProxy({ proxy }: Config, environment: Readonly<Record<string, string | undefined>>): Finding {
  const used = proxy?.httpsProxy ?? proxy?.httpProxy
  if (used) {
    const { protocol, host } = new URL(used)
    return ok('proxy', `${protocol}//${host}${proxy?.noProxy ? `, except for ${proxy.noProxy}` : ''}`)
  }
  if (environment.ALL_PROXY ?? environment.all_proxy)
    return note('proxy', 'ALL_PROXY is set, which is not read', 'Set HTTPS_PROXY to the same address.')
  return ok('proxy', 'none')
}
