import { accessSync, constants, statSync } from 'node:fs'
import { codeOf } from '../../thrown.ts'
import type { Config } from '../config/config.ts'
import { VARIABLES } from '../config/options.ts'
import type { Variables } from '../config/sources.ts'
import { type CheckResult, error, ok, warning } from './report.ts'

/** `isNeeded` when no client is configured, or one has neither a key of its own nor the sandbox. */
export function checkKey({ apiKey, apiKeySource, sandbox }: Config, isNeeded: boolean): CheckResult {
  if (sandbox) return ok('API key', 'not required in sandbox mode')
  if (apiKey !== undefined) return ok('API key', `from ${apiKeySource}, ${apiKey.length} characters`)
  if (!isNeeded) return ok('API key', 'not set in this shell; clients have their own or need none')
  return error(
    'API key',
    'not set',
    'Set METRONOME_API_KEY in the client\'s "env" block. To check it here, export it in this shell or pass --env-file. Without an account, use --sandbox.',
  )
}

export function checkAddress({ baseUrl, sandbox }: Config): CheckResult {
  if (sandbox) return ok('address', 'the sandbox, in memory')
  return endsInVersion(baseUrl)
    ? error('address', ENDS_IN_VERSION.message, ENDS_IN_VERSION.fix)
    : ok('address', baseUrl)
}

/** Every path begins with the version already. */
export const endsInVersion = (url: string): boolean => /\/v1\/*$/.test(url)

export const ENDS_IN_VERSION = {
  message: 'METRONOME_BASE_URL ends in /v1',
  fix: `Remove /v1, or unset it: ${VARIABLES.METRONOME_BASE_URL.default} is the default.`,
}

/** With this variable of Node, any certificate is accepted, and whoever is in between can read the key. */
export function checkTls({ NODE_TLS_REJECT_UNAUTHORIZED, NODE_EXTRA_CA_CERTS }: Variables): CheckResult {
  if (NODE_TLS_REJECT_UNAUTHORIZED === '0')
    return error(
      'TLS',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 accepts any certificate',
      'Unset it, and add the CA certificate of your proxy to NODE_EXTRA_CA_CERTS instead.',
    )
  // Node itself ignores a file that it cannot read, with a line on stderr.
  const problem = NODE_EXTRA_CA_CERTS && findReadProblem(NODE_EXTRA_CA_CERTS)
  return problem
    ? error('TLS', `NODE_EXTRA_CA_CERTS names a file that cannot be read (${problem})`, 'Write its whole path.')
    : ok('TLS', 'certificates are verified')
}

function findReadProblem(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
    return statSync(path).isFile() ? undefined : 'not a file'
  } catch (error) {
    return codeOf(error)
  }
}

/** The settings warn of an address that cannot be used. */
export function checkProxy({ proxy }: Config, environment: Variables): CheckResult {
  const address = proxy?.httpsProxy ?? proxy?.httpProxy
  if (address) return ok('proxy', new URL(address).origin + (proxy?.noProxy ? `, except for ${proxy.noProxy}` : ''))
  if (environment.ALL_PROXY ?? environment.all_proxy)
    return warning('proxy', 'ALL_PROXY is set, but not supported', 'Set HTTPS_PROXY to the same address.')
  return ok('proxy', proxy ? 'not usable' : 'none')
}
