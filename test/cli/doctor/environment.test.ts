import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { checkNode, checkNpx, checkPort, OLDEST_NODE } from '../../../src/cli/doctor/environment.ts'
import { makeFolder, startProgram } from '../../support/program.ts'
import { findClosedAddress, listen } from '../../support/upstream.ts'

test('Node must be as new as package.json says', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(engines.node).toBe(`>=${OLDEST_NODE.join('.')}`)
  expect(checkNode({ nodeVersion: '18.20.0' })).toMatchObject({ status: 'error' })
  expect(checkNode({ nodeVersion: '20.18.3' })).toMatchObject({ status: 'error' })
  expect(checkNode({ nodeVersion: '20.19.0' })).toMatchObject({ status: 'ok' })
  expect(checkNode({ nodeVersion: '26.10.0' })).toMatchObject({ status: 'ok' })
})

test('npx must be in PATH', () => {
  expect(checkNpx({ environment: { PATH: makeFolder() }, platform: 'linux' })).toMatchObject({
    status: 'error',
    message: 'not found in PATH',
  })
  expect(checkNpx({ environment: { PATH: makeFolder({ npx: '' }) }, platform: 'linux' }).status).toBe('ok')
  expect(checkNpx({ environment: { Path: makeFolder({ 'npx.cmd': '' }) }, platform: 'win32' }).status).toBe('ok')
})

test('a port that a server of this program has is no problem', async () => {
  const program = startProgram({ args: ['--http', '--sandbox', '--port', '0', '--log-format', 'json'] })
  await program.seeOnStderr('/mcp"')
  const port = Number(/:(\d+)\/mcp/.exec(program.stderr())?.[1])
  expect(await checkPort(port, '--http', '--port')).toEqual({
    check: `port ${port}`,
    status: 'ok',
    message: 'in use by a running --http server',
  })
})

test('a port in use is a warning, which names the option that needs it', async () => {
  const port = await listen(createServer())
  expect(await checkPort(port, '--http', '--port')).toMatchObject({
    status: 'warning',
    message: 'in use by another process',
    fix: expect.stringMatching(/^Only affects --http\..* use --port\./),
  })
  const free = Number(new URL(await findClosedAddress()).port)
  expect(await checkPort(free, '--http', '--port')).toMatchObject({ status: 'ok', message: 'free' })
})
