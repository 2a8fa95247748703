import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** Packs the built package, installs it into the folder as a user's npm would, and returns the path of its command. */
export function installTarball(folder) {
  npm(ROOT, 'pack', '--ignore-scripts', '--pack-destination', folder)
  const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'))
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  npm(folder, 'install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', `./${tarball}`)
  return join(folder, 'node_modules/.bin/metronome-customers-mcp')
}

function npm(cwd, ...args) {
  execFileSync('npm', [...args, '--loglevel=error'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
}
