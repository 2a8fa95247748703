import { afterEach, describe, expect, test } from 'vitest'
import { findHiddenTools } from '../../src/cli/access.ts'
import { readAccessConfig } from '../../src/cli/config/access-config.ts'
import { operations } from '../../src/operations/index.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { startRest } from '../support/http.ts'
import { stopListeners } from '../support/listeners.ts'
import { ask, ROUTES, record, restRequest } from '../support/rest.ts'

afterEach(stopListeners)

async function startReadOnly() {
  const access = readAccessConfig({ readOnly: true }, {})
  const upstream = record(createSandbox().fetch)
  const { url } = await startRest(upstream.fetch, { hiddenTools: access && findHiddenTools(access) })
  return { url, sent: upstream.sent }
}

describe('with --read-only', () => {
  const writes = operations.filter(({ kind }) => kind === 'write')

  test.each(writes.filter(({ tool }) => tool !== 'create-customer'))(
    'the route of $tool is a 404 with the reason',
    async ({ tool, example }) => {
      const { url, sent } = await startReadOnly()
      expect(await ask(url, restRequest(tool, example.input))).toMatchObject({
        status: 404,
        json: { detail: `Unknown tool: ${tool} (this server runs with --read-only)` },
      })
      expect(sent).toEqual([])
    },
  )

  test('create-customer is a 405, since list-customers has the same path', async () => {
    const { url, sent } = await startReadOnly()
    const { status, headers } = await ask(url, restRequest('create-customer', { name: 'Acme' }))
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
    expect(sent).toEqual([])
  })

  test('reads work, and are all that /openapi.json describes', async () => {
    const { url } = await startReadOnly()
    expect(await ask(url, restRequest('list-customers', {}))).toMatchObject({ status: 200 })
    const { json } = await ask(url, { method: 'GET', path: '/openapi.json' })
    const described = Object.entries(json.paths as Record<string, object>).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const hidden = writes.map(({ tool }) => tool)
    expect(new Set(described)).toEqual(
      new Set(ROUTES.filter(([tool]) => !hidden.includes(tool)).map(([, method, path]) => `${method} ${path}`)),
    )
  })
})
