import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import type { Surroundings } from '../commands.ts'
import { type Finding, fail, note, ok } from './finding.ts'

/** As in package.json. */
export const OLDEST_NODE = [20, 19] as const

export function checkNode({ nodeVersion }: Pick<Surroundings, 'nodeVersion'>): Finding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  const isOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
  return isOld
    ? fail('Node', nodeVersion, `Install Node ${OLDEST_NODE.join('.')} or newer, and restart the client.`)
    : ok('Node', nodeVersion)
}

export function checkNpx({ environment, platform }: Pick<Surroundings, 'environment' | 'platform'>): Finding {
  const file = platform === 'win32' ? 'npx.cmd' : 'npx'
  const folders = (environment.PATH ?? environment.Path ?? '').split(delimiter)
  const folder = folders.find((folder) => folder && existsSync(join(folder, file)))
  return folder
    ? ok('npx', join(folder, file))
    : fail(
        'npx',
        'is in no folder of PATH',
        'Install npm, or write the whole path of npx as "command"; a client started from the desktop may have a shorter PATH than your shell.',
      )
}

/** Ports of `--http` and `--rest`; stdio needs none. */
export async function checkPort(port: number, flag: string): Promise<Finding> {
  const code = await tryPort(port)
  if (code === undefined) return ok(`port ${port}`, 'free')
  return note(
    `port ${port}`,
    code === 'EADDRINUSE' ? 'in use by another program' : `cannot be used (${code})`,
    `Only for ${flag}: end that program or choose another port. Clients that start the server themselves need none.`,
  )
}

function tryPort(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code = 'unknown reason' }: NodeJS.ErrnoException) => resolve(code))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
