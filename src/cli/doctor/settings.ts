import type { CommandContext } from '../config/command-line.ts'
import type { Config } from '../config/config.ts'
import { type CheckResult, error, ok, warning } from './report.ts'

export function checkKey({ apiKey, apiKeySource, sandbox }: Config, hasWorkingClient: boolean): CheckResult {
  if (sandbox) return ok('API key', 'not required in sandbox mode')
  if (apiKey === undefined && hasWorkingClient) return ok('API key', 'not set in this shell; clients have their own')
  if (apiKey === undefined)
    return error(
      'API key',
      'not set',
      'Set METRONOME_API_KEY in the client\'s "env" block. To check it here, export it in this shell or pass --env-file. Without an account, use --sandbox.',
    )
  return ok('API key', `from ${apiKeySource}, ${apiKey.length} characters`)
}

/** A limited token is the strongest guard, then a server that lacks the tools. */
export function checkAccess({ access, environment, sandbox }: Config): CheckResult {
  if (sandbox) return ok('access', 'all tools, in the sandbox')
  if (access === undefined && environment === undefined)
    return warning(
      'access',
      'all tools, irreversible ones too',
      'If agents only look things up, use a Metronome API token that is limited to reading, or start with --read-only.',
    )
  return ok('access', `${access ? 'limited tools' : 'all tools'}${environment ? `, environment ${environment}` : ''}`)
}

export function checkAddress({ baseUrl, sandbox }: Config): CheckResult {
  if (sandbox) return ok('address', 'the sandbox, in memory')
  return ok('address', baseUrl)
}

/** With this variable of Node, any certificate is accepted, and the key may go to anybody. */
export function checkTls(environment: CommandContext['environment']): CheckResult {
  return environment.NODE_TLS_REJECT_UNAUTHORIZED === '0'
    ? error(
        'TLS',
        'NODE_TLS_REJECT_UNAUTHORIZED=0 accepts any certificate',
        'Unset it, and add the CA certificate of your proxy to NODE_EXTRA_CA_CERTS instead.',
      )
    : ok('TLS', 'certificates are verified')
}

export function checkProxy({ proxy }: Config, environment: CommandContext['environment']): CheckResult {
  const unusable = proxy?.unusable?.httpsProxy ?? proxy?.unusable?.httpProxy
  if (unusable)
    return error(
      'proxy',
      `${unusable} is not a usable proxy address`,
      'Set it to an address such as http://proxy.example:3128, or unset it. SOCKS is not supported.',
    )
  const address = proxy?.httpsProxy ?? proxy?.httpProxy
  if (address) {
    const { protocol, host } = new URL(address)
    return ok('proxy', `${protocol}//${host}${proxy?.noProxy ? `, except for ${proxy.noProxy}` : ''}`)
  }
  if (environment.ALL_PROXY ?? environment.all_proxy)
    return warning('proxy', 'ALL_PROXY is set, but not supported', 'Set HTTPS_PROXY to the same address.')
  return ok('proxy', 'none')
}
