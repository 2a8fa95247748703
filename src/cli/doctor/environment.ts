import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import type { CommandContext } from '../config/command-line.ts'
import { OPTIONS } from '../config/options.ts'
import { type CheckResult, error, ok, warning } from './report.ts'

/** As in package.json. */
export const OLDEST_NODE = [20, 19] as const

export function checkNode({ nodeVersion }: Pick<CommandContext, 'nodeVersion'>): CheckResult {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  const isTooOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
  return isTooOld
    ? error('Node', nodeVersion, `Install Node ${OLDEST_NODE.join('.')} or newer, and restart the client.`)
    : ok('Node', nodeVersion)
}

export function checkNpx({ environment, platform }: Pick<CommandContext, 'environment' | 'platform'>): CheckResult {
  const file = platform === 'win32' ? 'npx.cmd' : 'npx'
  const directories = (environment.PATH ?? environment.Path ?? '').split(delimiter)
  const directory = directories.find((directory) => directory && existsSync(join(directory, file)))
  return directory
    ? ok('npx', join(directory, file))
    : error(
        'npx',
        'not found in PATH',
        'Install npm, or use the absolute path to npx as "command"; a client started from the desktop may have a shorter PATH than your shell.',
      )
}

/** The ports that `--http` and `--rest` use by default. */
export async function checkPorts(): Promise<CheckResult[]> {
  return Promise.all([
    checkPort(OPTIONS.port.default, '--http', '--port'),
    checkPort(OPTIONS['rest-port'].default, '--rest', '--rest-port'),
  ])
}

export async function checkPort(port: number, user: string, option: string): Promise<CheckResult> {
  const code = await tryPort(port)
  if (code === undefined) return ok(`port ${port}`, 'free')
  if (code === 'EADDRINUSE' && (await isThisServer(port)))
    return ok(`port ${port}`, `in use by a running ${user} server`)
  return warning(
    `port ${port}`,
    code === 'EADDRINUSE' ? 'in use by another process' : `not available (${code})`,
    `Only affects ${user}. Stop the other process or use ${option}. stdio does not need a port.`,
  )
}

/** What responds there names a path that this program serves. */
async function isThisServer(port: number): Promise<boolean> {
  try {
    const url = `http://${OPTIONS.host.default}:${port}/`
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(1_000) })
    return /\/mcp|\/openapi\.json/.test(`${response.headers.get('location')} ${await response.text()}`)
  } catch {
    return false
  }
}

function tryPort(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code = 'unknown reason' }: NodeJS.ErrnoException) => resolve(code))
    server.listen({ host: OPTIONS.host.default, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
