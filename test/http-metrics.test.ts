import { afterEach, expect, test } from 'vitest'
import { createRateLimit } from '../src/http/rate-limit.ts'
import { callTool, customerAnswer, getCustomer, send, startHttp, stopAll, TOKEN } from './support/http.ts'

afterEach(stopAll)

const upstream = async () => customerAnswer('Acme')
const get = (url: string, path: string, headers = {}) => send(url, { method: 'GET', path, headers })

test('/healthz and /readyz need no token, and /readyz no Metronome', async () => {
  let calls = 0
  const { url } = await startHttp(
    async () => {
      calls += 1
      return customerAnswer('Acme')
    },
    { token: TOKEN },
  )
  expect(await get(url, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
  expect(await get(url, '/readyz')).toMatchObject({ status: 200, text: 'ready\n' })
  expect(calls).toBe(0)
})

test('without a key /readyz says so, but not with passthrough', async () => {
  const without = await startHttp(upstream, {}, '')
  expect(await get(without.url, '/readyz')).toMatchObject({ status: 503, text: 'METRONOME_API_KEY is not set\n' })
  expect(await get(without.url, '/healthz')).toMatchObject({ status: 200 })
  const passing = await startHttp(upstream, { passthrough: true }, '')
  expect(await get(passing.url, '/readyz')).toMatchObject({ status: 200 })
})

test('/metrics needs the token when there is one', async () => {
  const { url } = await startHttp(upstream, { token: TOKEN })
  expect(await get(url, '/metrics')).toMatchObject({ status: 401 })
  expect(await get(url, '/metrics', { authorization: `Bearer ${TOKEN}` })).toMatchObject({ status: 200 })
})

test('/metrics counts calls by how they ended, their time, repeats and refusals', async () => {
  const answers = [
    () => customerAnswer('Acme'),
    () => new Response('', { status: 503 }),
    () => customerAnswer('Acme'),
    () => Response.json({ message: 'no' }, { status: 404 }),
  ]
  const { url } = await startHttp(async () => (answers.shift() ?? (() => customerAnswer('Acme')))())
  for (const body of [getCustomer(), getCustomer(), getCustomer(), callTool('get-customer', { customer_id: 7 })])
    await send(url, { body })
  await send(url, { path: '/nowhere' })
  const { text, headers } = await get(url, '/metrics')
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  const lines = text
    .split('\n')
    .filter((line) => !line.startsWith('#') && !line.includes('_bucket') && !line.includes('_sum'))
  expect(lines.filter(Boolean)).toEqual([
    'metronome_calls_total{tool="get-customer",outcome="success"} 2',
    'metronome_calls_total{tool="get-customer",outcome="4xx"} 1',
    'metronome_calls_total{tool="get-customer",outcome="invalid"} 1',
    'metronome_call_duration_seconds_count{tool="get-customer"} 4',
    'metronome_upstream_retries_total 1',
    'metronome_http_refused_total{check="path",status="404"} 1',
    'metronome_calls_in_flight 0',
    'metronome_calls_waiting 0',
  ])
})

test('a minute begins with the first request of a caller, and a new one when it is over', () => {
  let time = 0
  const limit = createRateLimit(2, () => time)
  expect([limit('a'), limit('a'), limit('b')]).toEqual([0, 0, 0])
  time = 45_000
  expect([limit('a'), limit('b'), limit('b')]).toEqual([15, 0, 15])
  time = 60_000
  expect(limit('a')).toBe(0)
})

test('of more than 10,000 callers the first ones are forgotten', () => {
  const limit = createRateLimit(1, () => 0)
  for (let caller = 0; caller < 10_001; caller++) limit(String(caller))
  expect([limit('10000'), limit('0')]).toEqual([60, 0])
})
