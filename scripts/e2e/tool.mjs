// Outside programs that check this one, from the lockfiles in tools/. `npm ci` stays small: a group is installed when it is first asked for.
// `node scripts/e2e/tool.mjs NAME [ARGUMENT ...]` runs the command of that name.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const GROUPS = ['checks', 'agents'].map((name) => {
  const folder = join(import.meta.dirname, 'tools', name)
  const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return { folder, packages: Object.keys(devDependencies) }
})

/** Path of a package's command, or of one of its files. */
export function installTool(name, command) {
  const folder = installPackage(name)
  return command.includes('/') ? join(folder, name, command) : join(folder, '.bin', command)
}

/** Path of the `node_modules` that hold the package. */
export function installPackage(name) {
  const group = GROUPS.find(({ packages }) => packages.includes(name))
  if (!group) throw new Error(`no version of ${name} is pinned in scripts/e2e/tools`)
  const folder = join(group.folder, 'node_modules')
  const lock = createHash('sha256')
    .update(readFileSync(join(group.folder, 'package-lock.json')))
    .digest('hex')
  // Written last, so that an interrupted installation is made again.
  const mark = join(folder, '.installed')
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== lock) {
    install(group.folder)
    writeFileSync(mark, lock)
  }
  return folder
}

function install(cwd) {
  console.error(`npm ci in ${cwd}`)
  const { status, stderr } = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    },
  )
  if (status !== 0) throw new Error(`${cwd} could not be installed: ${stderr.trim()}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [name, ...args] = process.argv.slice(2)
  process.exitCode = spawnSync(installTool(name, name), args, { stdio: 'inherit' }).status ?? 1
}
