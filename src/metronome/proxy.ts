export interface ProxySettings {
  readonly httpProxy?: string
  readonly httpsProxy?: string
  readonly noProxy?: string
  /** Names of variables whose address cannot be used. */
  readonly unusable?: { readonly httpProxy?: string; readonly httpsProxy?: string }
}

/** The variable with an unusable address that requests to this URL would need; `undefined` when they need none. */
export function findUnusableProxy(url: URL, { httpProxy, httpsProxy, noProxy = '', unusable = {} }: ProxySettings) {
  const isSecure = url.protocol === 'https:'
  // As undici: https goes through the proxy for http where there is no other.
  const variable =
    isSecure && !httpsProxy ? (unusable.httpsProxy ?? (httpProxy ? undefined : unusable.httpProxy)) : undefined
  const needed = isSecure ? variable : unusable.httpProxy
  const isBypassed = noProxy
    .toLowerCase()
    .split(/[,\s]+/)
    .map((entry) => entry.replace(/^\*?\./, '').replace(/:\d+$/, ''))
    .some((entry) => entry === '*' || (entry !== '' && `.${url.hostname}`.endsWith(`.${entry}`)))
  return isBypassed ? undefined : needed
}
