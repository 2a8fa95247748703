import { isLoopback } from '../loopback.ts'

/** The name in a Host header, as `URL` spells it; `undefined` when it is none. */
export function readHostName(host: string | null): string | undefined {
  if (!host || /[\s/?#@\\]/.test(host)) return undefined
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined
}

/** The scheme that the caller used, by word of the proxy in front. */
export function readScheme(headers: Headers): string {
  return headers.get('x-forwarded-proto')?.split(',', 1)[0]?.trim() ?? 'http'
}

/**
 * Whether a browser sent this from a page of the very same server. Requests without `Origin` are from no browser.
 * A page on any loopback name counts as ours when its port does.
 */
export function isOwnOrigin({ origin, host, scheme }: { origin: string; host: string; scheme: string }): boolean {
  if (!URL.canParse(origin) || !URL.canParse(`${scheme}://${host}`)) return false
  const page = new URL(origin)
  const own = new URL(`${scheme}://${host}`)
  // An origin has nothing but scheme and authority; `null` has not even those.
  if (page.origin !== origin.toLowerCase()) return false
  if (page.origin === own.origin) return true
  const bothLoopback = isLoopback(page.hostname) && isLoopback(own.hostname)
  return bothLoopback && page.protocol === own.protocol && page.port === own.port
}
