import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** Packs the built package into the folder and returns the path of the tarball. */
export function packTarball(folder) {
  npm(ROOT, 'pack', '--ignore-scripts', '--pack-destination', folder)
  return join(
    folder,
    readdirSync(folder).find((file) => file.endsWith('.tgz')),
  )
}

/** Installs the packed package into the folder as a user's npm would, and returns the path of its command. */
export function installTarball(folder) {
  const tarball = packTarball(folder)
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  npm(folder, 'install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', tarball)
  return join(folder, 'node_modules/.bin/metronome-customers-mcp')
}

function npm(cwd, ...args) {
  execFileSync('npm', [...args, '--loglevel=error'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
}
