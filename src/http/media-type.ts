/** Whether a `Content-Type` is JSON. A substring would let `text/plain; x=application/json` through. */
export function isJson(contentType: string | null): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json'
}

/** Whether an `Accept` header lists every one of `types`, by name or by wildcard. */
export function acceptsAll(accept: string | null, types: readonly string[]): boolean {
  const ranges = (accept ?? '').split(',').map(readRange)
  return types.every((type) => ranges.some((range) => matches(range, type)))
}

/** The media range in lower case; empty when its weight says that it is not wanted. */
function readRange(text: string): string {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  return parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) ? '' : range
}

function matches(range: string, type: string): boolean {
  return range === '*/*' || range === type || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)))
}
