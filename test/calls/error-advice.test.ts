import { describe, expect, test } from 'vitest'
import { CallError, type RateLimitScope } from '../../src/calls/errors.ts'
import { ID } from '../contract.ts'
import { createHarness } from '../support/harness.ts'

const READ = ['get-customer', { customer_id: ID }] as const
const WRITE = ['update-customer-name', { customer_id: ID, name: 'Acme EU' }] as const

interface Failure {
  readonly error: CallError
  readonly requests: number
}

/** Calls a tool whose every request has this response. */
async function failWith(
  response: () => Response,
  [tool, args]: readonly [string, object],
  key?: string,
): Promise<Failure> {
  let requests = 0
  const fetch = async () => {
    requests += 1
    return response()
  }
  const { call, caller } = createHarness({ upstream: { fetch, baseUrl: 'http://metronome.invalid' } })
  const idempotencyKey =
    key === undefined ? undefined : ({ value: key, mayHaveBeenUsed: true, givenIn: 'header' } as const)
  const error = await call({ tool, args, idempotencyKey }, caller).catch((error: unknown) => error)
  if (!(error instanceof CallError)) throw new Error('the call did not fail')
  return { error, requests }
}

describe('a 403 of an agent token whose writes need approval', () => {
  test.each([
    { code: 'AgenticMutationBlocked', message: 'Submit it' },
    { error: { type: 'AgenticMutationBlocked' }, message: 'Submit it' },
    { message: 'AgenticMutationBlocked: Submit it' },
  ])('is not_applied, passes on the message and is not retried: %j', async (body) => {
    const { error, requests } = await failWith(() => Response.json(body, { status: 403 }), WRITE)
    expect(error).toMatchObject({ code: 'upstream_rejected', status: 403, outcome: 'not_applied' })
    expect(error.message).toContain('Submit it')
    expect(error.message).toContain('Nothing was queued')
    expect(requests).toBe(1)
  })

  test('differs from other 403s', async () => {
    const { error } = await failWith(() => Response.json({ message: 'Forbidden' }, { status: 403 }), WRITE)
    expect(error.message).toContain('The API key has no access to this operation or record.')
  })
})

test.each([200, 302, 400, 403, 404, 500])(
  'a %i that is not JSON says that something in between responded',
  async (status) => {
    const page = () => new Response('<html>Log in</html>', { status })
    const { error } = await failWith(page, READ)
    expect(error.message).toContain('check the proxy and METRONOME_BASE_URL')
    expect(error.message).not.toContain('Log in')
  },
)

describe('what a 429 limits', () => {
  const respond = (type: string | undefined, status: number) => () =>
    Response.json({ message: 'x' }, { status, ...(type && { headers: { 'x-metronome-rate-limit-type': type } }) })

  test.each<[string | undefined, RateLimitScope | undefined, string]>([
    ['customer', 'customer', 'The limit is on this customer only: reduce the rate of requests about it.'],
    ['client', 'client', 'The limit is on the whole account: reduce the rate of all requests.'],
    ['region', undefined, 'Reduce the request rate.'],
    [undefined, undefined, 'Reduce the request rate.'],
  ])('is told by its header: %j', async (type, rateLimitScope, advice) => {
    for (const call of [READ, WRITE]) {
      const { error } = await failWith(respond(type, 429), call)
      expect(error).toMatchObject({ rateLimitScope, message: expect.stringContaining(advice) })
    }
  })

  test.each([403, 503])('is not told by the same header of a %i', async (status) => {
    const { error } = await failWith(respond('customer', status), READ)
    expect(error.rateLimitScope).toBeUndefined()
    expect(error.message).not.toContain('limit is on')
  })
})

describe('a 404', () => {
  const respond = () => Response.json({ message: 'Not found' }, { status: 404 })

  test('of a record says how to find its id', async () => {
    const { error } = await failWith(respond, READ)
    expect(error.message).toMatch(/Find the id with list-customers, archived customers with only_archived true\.$/)
  })

  test('of the list, which names no record, says that the address is wrong', async () => {
    const { error } = await failWith(respond, ['list-customers', {}])
    expect(error.message).toMatch(/does not serve the Metronome API: correct METRONOME_BASE_URL\.$/)
  })
})

describe("a caller's own Idempotency-Key", () => {
  test.each([401, 403, 404, 409, 429])('is unknown after %i, since an earlier call may have acted', async (status) => {
    const { error } = await failWith(() => Response.json({ message: 'no' }, { status }), WRITE, 'order-1')
    expect(error.outcome).toBe('unknown')
  })

  test.each([400, 422])('is not_applied after %i, which an earlier call got, too', async (status) => {
    const { error } = await failWith(() => Response.json({ message: 'no' }, { status }), WRITE, 'order-1')
    expect(error.outcome).toBe('not_applied')
  })
})
