import type { Upstream } from '../upstream/attempt.ts'
export function createSandbox(): Upstream {
  return {
    fetch: async () => new Response('{"data":[]}'),
    baseUrl: 'http://sandbox.invalid',
    needsKey: false,
    note: 'sandbox',
  }
}
