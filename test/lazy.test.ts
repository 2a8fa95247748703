import { expect, test } from 'vitest'
import { lazy } from '../src/lazy.ts'
import { LoadError } from '../src/program-error.ts'
import type { Compile } from '../src/start/code-cache.ts'
import { createLoader } from '../src/start/loader.ts'
import { READ, WRITE } from './support/ask.ts'
import { connectClient, textOf } from './support/mcp.ts'

const missing = Object.assign(new Error("ENOENT: no such file or directory, open '/secret/place'"), { code: 'ENOENT' })

test('what can be loaded is loaded once', async () => {
  let loads = 0
  const loaded = lazy(async () => ++loads)
  expect([await loaded(), await loaded(), loads]).toEqual([1, 1, 1])
})

test('what could not be loaded is tried again, and the error names no path', async () => {
  let isThere = false
  const loaded = lazy(async () => (isThere ? 'it' : Promise.reject(missing)))
  await expect(loaded()).rejects.toThrow(LoadError)
  await expect(loaded()).rejects.toThrow(
    /^A file of this server cannot be loaded \(ENOENT\), nothing was sent\..*restart it\.$/,
  )
  isThere = true
  expect(await loaded()).toBe('it')
})

test('a call whose code is gone was never sent, and is not repeated', async () => {
  const fetch = () => Promise.reject(new LoadError(missing))
  const { callTool, waits } = await connectClient({ upstream: { fetch } })
  for (const [tool, args] of [READ, WRITE]) {
    const text = textOf(await callTool(tool, { ...args }))
    expect(text).toContain('cannot be loaded (ENOENT), nothing was sent.')
    expect(text.includes('Outcome: not_applied.')).toBe(tool === WRITE[0])
  }
  expect(waits).toEqual([])
})

test('a file that failed to load is loaded anew by the next who needs it', () => {
  let isThere = false
  const compile = (() => ({
    runInThisContext: () => (exports: { value?: number }) => {
      if (!isThere) throw missing
      exports.value = 7
    },
  })) as unknown as Compile // a script as far as the loader uses one
  const load = createLoader('/program', compile, () => undefined)
  expect(() => load('./part.cjs')).toThrow(missing)
  isThere = true
  expect(load('./part.cjs')).toEqual({ value: 7 })
})
