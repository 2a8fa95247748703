import { EnvHttpProxyAgent, fetch as undiciFetch } from 'undici'
import type { ProxySettings } from '../config/proxy-settings.ts'
import type { Fetch } from './attempt.ts'

/** A `fetch` that goes through the proxy. Loaded only when one is set. */
export function createProxyFetch(settings: ProxySettings): Fetch {
  // An absent setting would make undici read the process environment again.
  const dispatcher = new EnvHttpProxyAgent({ httpProxy: '', httpsProxy: '', noProxy: '', ...settings })
  const proxied = (input: string, init: object) => undiciFetch(input, { ...init, dispatcher })
  return proxied as unknown as Fetch // undici's own types describe the same fetch under other names
}
