import { isIPv6 } from 'node:net'

/** Whether a host name, as `URL` spells it, is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

/**
 * The host name in a `Host` header, as `URL` spells it and without a dot at its end; `undefined` when it is invalid or
 * spelled in another way.
 */
export function readHostName(host: string | null): string | undefined {
  if (host === null || !URL.canParse(`http://${host}`)) return undefined
  const { hostname } = new URL(`http://${host}`)
  // URL also accepts user information, percent-encoding and other spellings of an address.
  return host.replace(/:\d+$/, '').toLowerCase() === hostname ? withoutDot(hostname) : undefined
}

/** The name of a host without the dot that may stand at its end (RFC 3986, 3.2.2). */
export function withoutDot(hostname: string): string {
  return hostname.replace(/\.$/, '')
}

/** An IP address of a socket; an IPv4 address mapped to IPv6 counts as IPv4. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}

/** The host name that stands for the IP address of a socket in a URL. */
export function hostNameOf(address: string): string {
  const plain = plainAddress(address)
  return isIPv6(plain) ? `[${plain}]` : plain
}

/** The scheme that the client used, as a proxy in front reports it. */
export function readScheme(headers: Pick<Headers, 'get'>): string {
  return headers.get('x-forwarded-proto')?.split(',', 1)[0]?.trim() ?? 'http'
}

/**
 * Whether a page of this server sent the request. Two loopback names count as the same server when scheme and port
 * are equal.
 */
export function isSameOrigin(origin: string, { host, scheme }: { host: string; scheme: string }): boolean {
  if (!URL.canParse(origin) || !URL.canParse(`${scheme}://${host}`)) return false
  const page = new URL(origin)
  const own = new URL(`${scheme}://${host}`)
  // An origin consists of scheme and authority; `null` has neither.
  if (page.origin !== origin.toLowerCase()) return false
  const [pageName, ownName] = [withoutDot(page.hostname), withoutDot(own.hostname)]
  const isSameHost = pageName === ownName || (isLoopback(pageName) && isLoopback(ownName))
  return isSameHost && page.protocol === own.protocol && page.port === own.port
}

const DOT_SEGMENT = /\/(\.|%2e){1,2}(\/|$)/i

/**
 * The path of a request target without one slash at its end. `undefined` for an absolute URL, and for paths that `URL`
 * would change: with dot segments, a backslash or a fragment.
 */
export function readPath(target: string): string | undefined {
  const [path = ''] = target.split('?', 1)
  if (!path.startsWith('/') || DOT_SEGMENT.test(path) || /[\\#]/.test(path)) return undefined
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** Whether every % in a part of a URL belongs to an encoded UTF-8 character. */
export function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
