import { UsageError } from '../program-error.ts'
import { isPercentEncoded } from '../text.ts'
import { parseUrl, type Variables } from './sources.ts'

/** As the usual variables give it. */
export interface ProxySettings {
  readonly httpProxy?: string
  readonly httpsProxy?: string
  readonly noProxy?: string
}

/** In each source either spelling of a name counts; the first source that has one wins. */
export function readProxy(sources: readonly Variables[]): ProxySettings | undefined {
  const httpProxy = readProxyUrl(sources, 'HTTP_PROXY')
  const httpsProxy = readProxyUrl(sources, 'HTTPS_PROXY')
  const noProxy = eitherCase(sources, 'NO_PROXY')
  if (!httpProxy && !httpsProxy) return undefined
  return { ...(httpProxy && { httpProxy }), ...(httpsProxy && { httpsProxy }), ...(noProxy && { noProxy }) }
}

function readProxyUrl(sources: readonly Variables[], name: string): string | undefined {
  const value = eitherCase(sources, name)
  if (!value) return undefined
  const url = parseUrl(value.includes('://') ? value : `http://${value}`)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`${name} must be a proxy address such as http://proxy.example:3128; correct or unset it.`)
  if (![url.username, url.password].every(isPercentEncoded))
    throw new UsageError(`${name} has a % in its user or password that must be written as %25; correct or unset it.`)
  return url.href
}

function eitherCase(sources: readonly Variables[], name: string): string | undefined {
  return sources
    .flatMap((variables) => [variables[name.toLowerCase()], variables[name]])
    .map((value) => value?.trim())
    .find(Boolean)
}
