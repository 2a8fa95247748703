import type { CommandContext } from '../command-line.ts'
import type { Config } from '../config.ts'
import { KEY_PLACEHOLDER } from '../secrets.ts'
import { type CheckResult, error, ok, warning } from './report.ts'

export function checkKey({ apiKey, apiKeySource, sandbox }: Config): CheckResult {
  if (sandbox) return ok('API key', 'not required in sandbox mode')
  if (apiKey === undefined)
    return error(
      'API key',
      'not set',
      'Set METRONOME_API_KEY in the client\'s "env" block. To check it here, export it in this shell or pass --env-file. Without an account, use --sandbox.',
    )
  if (apiKey === KEY_PLACEHOLDER)
    return error('API key', `${apiKeySource} contains the placeholder`, 'Replace it with your Metronome API key.')
  return ok('API key', `from ${apiKeySource}, ${apiKey.length} characters`)
}

export function checkAddress({ baseUrl, sandbox }: Config): CheckResult {
  if (sandbox) return ok('address', 'the sandbox, in memory')
  const { protocol, host } = new URL(baseUrl)
  return ok('address', `${protocol}//${host}`)
}

export function checkProxy({ proxy }: Config, environment: CommandContext['environment']): CheckResult {
  const address = proxy?.httpsProxy ?? proxy?.httpProxy
  if (address) {
    const { protocol, host } = new URL(address)
    return ok('proxy', `${protocol}//${host}${proxy?.noProxy ? `, except for ${proxy.noProxy}` : ''}`)
  }
  if (environment.ALL_PROXY ?? environment.all_proxy)
    return warning('proxy', 'ALL_PROXY is set, but not supported', 'Set HTTPS_PROXY to the same address.')
  return ok('proxy', 'none')
}
