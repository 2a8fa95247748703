import { UsageError } from '../usage-error.ts'
import { parseUrl, type Variables } from './sources.ts'

/** As the usual variables give it; Node's own fetch ignores them. */
export interface ProxySettings {
  readonly httpProxy?: string
  readonly httpsProxy?: string
  readonly noProxy?: string
}

export function readProxy(settings: Variables): ProxySettings | undefined {
  const httpProxy = readProxyUrl(settings, 'HTTP_PROXY')
  const httpsProxy = readProxyUrl(settings, 'HTTPS_PROXY')
  const noProxy = eitherCase(settings, 'NO_PROXY')
  if (!httpProxy && !httpsProxy) return undefined
  return { ...(httpProxy && { httpProxy }), ...(httpsProxy && { httpsProxy }), ...(noProxy && { noProxy }) }
}

function readProxyUrl(settings: Variables, name: string): string | undefined {
  const value = eitherCase(settings, name)
  if (!value) return undefined
  const url = parseUrl(value.includes('://') ? value : `http://${value}`)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href
  throw new UsageError(`${name} must be a proxy address such as http://proxy.example:3128; correct or unset it.`)
}

function eitherCase(settings: Variables, name: string): string | undefined {
  return (settings[name.toLowerCase()] ?? settings[name])?.trim() || undefined
}
