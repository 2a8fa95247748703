import { expect, test } from 'vitest'
import { findUnusableProxy } from '../../src/metronome/proxy.ts'
import { createRuntime } from '../../src/runtime.ts'
import { ID } from '../contract.ts'

const METRONOME = new URL('https://api.metronome.com')
const both = { httpProxy: 'HTTP_PROXY', httpsProxy: 'HTTPS_PROXY' }

test.each([
  ['https needs HTTPS_PROXY', { unusable: both }, 'HTTPS_PROXY'],
  ['https falls back to HTTP_PROXY', { unusable: { httpProxy: 'HTTP_PROXY' } }, 'HTTP_PROXY'],
  ['a usable HTTPS_PROXY is enough', { httpsProxy: 'http://p:1', unusable: { httpProxy: 'HTTP_PROXY' } }, undefined],
  ['NO_PROXY=*', { noProxy: '*', unusable: both }, undefined],
  ['NO_PROXY with the host', { noProxy: 'localhost, api.metronome.com', unusable: both }, undefined],
  ['NO_PROXY with the domain', { noProxy: '.metronome.com:443', unusable: both }, undefined],
  ['NO_PROXY with another host', { noProxy: 'notmetronome.com', unusable: both }, 'HTTPS_PROXY'],
])('%s', (_, proxy, expected) => {
  expect(findUnusableProxy(METRONOME, proxy)).toBe(expected)
})

test('a call that needs it fails without being sent, and names the variable', async () => {
  const { call } = await createRuntime(
    {
      apiKey: 'test-key-0123',
      baseUrl: 'https://metronome.invalid',
      timeoutMs: 1_000,
      proxy: { unusable: { httpsProxy: 'HTTPS_PROXY' } },
      sandbox: undefined,
    },
    { log: () => {} },
  )
  const caller = { apiKey: 'test-key-0123', redact: (text: string) => text }
  await expect(call({ tool: 'archive-customer', args: { id: ID } }, caller)).rejects.toMatchObject({
    code: 'no_response',
    outcome: 'not_applied',
    message: expect.stringContaining('HTTPS_PROXY is not a usable proxy address'),
  })
})
